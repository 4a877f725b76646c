package cpu

import (
	"math"

	"github.com/crease-ml/crease/ops"
)

// Normalisations of rows; those of channels are in norm_batch.go. All of them read a
// row, or a channel, before they write it, so they work in place.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.LayerNorm.Name, d.layerNorm)
		d.addFloats(ops.LayerNormGrad.Name, d.layerNormGrad)
		d.addFloats(ops.RMSNorm.Name, d.rmsNorm)
		d.addFloats(ops.RMSNormGrad.Name, d.rmsNormGrad)
	})
}

func (d *device) layerNorm(c *call) task {
	eps := float32(c.attrs.(ops.LayerNormAttrs).Eps)
	in, out := &c.in[0], c.out
	rows := out[1].n
	if rows == 0 {
		return nothing
	}
	n := in.n / rows
	var gamma, beta []float32
	if len(c.in) == 2 {
		beta = make([]float32, n)
	}
	body := func(lo, hi int) {
		x, y, mean, rstd := data[float32](in), data[float32](&out[0]), data[float32](&out[1]), data[float32](&out[2])
		for r := lo; r < hi; r++ {
			mean[r], rstd[r] = d.vec.LayerNormRow(y[r*n:(r+1)*n], x[r*n:(r+1)*n], gamma, beta, eps)
		}
	}
	return task{inPlace: over(pair{0, 0}), run: func([]byte) error {
		if len(c.in) > 1 {
			gamma = data[float32](&c.in[1])
		}
		if len(c.in) > 2 {
			beta = data[float32](&c.in[2])
		}
		d.rows(rows, n, body)
		return nil
	}}
}

func (d *device) layerNormGrad(c *call) task {
	var g, x, gamma, mean, rstd, dx []float32
	n, v := c.in[2].n, d.vec
	sums := d.newRowSums(c.in[3].n, c.out[1:], func(r int, dgamma, dbeta []float32, scratch *[3][]float32) {
		gr, to := g[r*n:(r+1)*n], dx[r*n:(r+1)*n]
		h, e := grow(&scratch[0], n), grow(&scratch[1], n)
		v.SubS(h, x[r*n:(r+1)*n], mean[r])
		v.MulS(h, h, rstd[r])
		v.AddTo(dbeta, gr)
		v.Mul(e, gr, h)
		v.AddTo(dgamma, e)
		v.Mul(e, gr, gamma)
		average, dot := v.Sum(e)/float32(n), v.Dot(e, h)/float32(n)
		v.SubS(to, e, average)
		v.MulS(h, h, dot)
		v.Sub(to, to, h)
		v.MulS(to, to, rstd[r])
	})
	return task{work: sums.work(), inPlace: over(pair{0, 0}, pair{0, 1}), run: func(work []byte) error {
		g, x, gamma = data[float32](&c.in[0]), data[float32](&c.in[1]), data[float32](&c.in[2])
		mean, rstd, dx = data[float32](&c.in[3]), data[float32](&c.in[4]), data[float32](&c.out[0])
		sums.run(work)
		return nil
	}}
}

func (d *device) rmsNorm(c *call) task {
	eps := c.attrs.(ops.LayerNormAttrs).Eps
	in, out := &c.in[0], c.out
	rows := out[1].n
	n := in.n / max(rows, 1)
	var gamma []float32
	body := func(lo, hi int) {
		x, y, rstd := data[float32](in), data[float32](&out[0]), data[float32](&out[1])
		for r := lo; r < hi; r++ {
			from, to := x[r*n:(r+1)*n], y[r*n:(r+1)*n]
			rstd[r] = float32(1 / math.Sqrt(float64(d.vec.SumSq(from))/float64(n)+eps))
			d.vec.MulS(to, from, rstd[r])
			if gamma != nil {
				d.vec.Mul(to, to, gamma)
			}
		}
	}
	return task{inPlace: over(pair{0, 0}), run: func([]byte) error {
		if len(c.in) > 1 {
			gamma = data[float32](&c.in[1])
		}
		d.rows(rows, n, body)
		return nil
	}}
}

func (d *device) rmsNormGrad(c *call) task {
	var g, x, gamma, rstd, dx []float32
	n, v := c.in[2].n, d.vec
	sums := d.newRowSums(c.in[3].n, c.out[1:], func(r int, dgamma, _ []float32, scratch *[3][]float32) {
		gr, to := g[r*n:(r+1)*n], dx[r*n:(r+1)*n]
		h, e := grow(&scratch[0], n), grow(&scratch[1], n)
		v.MulS(h, x[r*n:(r+1)*n], rstd[r])
		v.Mul(e, gr, h)
		v.AddTo(dgamma, e)
		v.Mul(e, gr, gamma)
		v.MulS(h, h, v.Dot(e, h)/float32(n))
		v.Sub(to, e, h)
		v.MulS(to, to, rstd[r])
	})
	return task{work: sums.work(), inPlace: over(pair{0, 0}, pair{0, 1}), run: func(work []byte) error {
		g, x, gamma = data[float32](&c.in[0]), data[float32](&c.in[1]), data[float32](&c.in[2])
		rstd, dx = data[float32](&c.in[3]), data[float32](&c.out[0])
		sums.run(work)
		return nil
	}}
}

// slab is the number of rows whose parameter gradients are summed by one task.
const slab = 64

// rowSums plans a function of every row that adds to sums, one or two: in slabs, so
// that the bits do not depend on the threads.
type rowSums struct {
	d           *device
	rows, slabs int
	results     []operand // the sums, of one length
	f           func(r int, first, second []float32, scratch *[3][]float32)
	body        func(s int)
	parts       []float32 // [slabs, len(results), n], of the run
}

func (d *device) newRowSums(rows int, results []operand, f func(r int, first, second []float32, scratch *[3][]float32)) *rowSums {
	s := &rowSums{d: d, rows: rows, slabs: (rows + slab - 1) / slab, results: results, f: f}
	s.body = s.slab
	return s
}

func (s *rowSums) size() int { return s.slabs * len(s.results) * s.results[0].n }
func (s *rowSums) work() int { return aligned(s.size() * 4) }

// part is what a slab adds to a sum.
func (s *rowSums) part(slab, i int) []float32 {
	n := s.results[0].n
	return s.parts[(slab*len(s.results)+i)*n:][:n]
}

func (s *rowSums) slab(i int) {
	scratch := lineScratch.Get().(*[3][]float32)
	first := s.part(i, 0)
	clear(first)
	var second []float32
	if len(s.results) > 1 {
		second = s.part(i, 1)
		clear(second)
	}
	for r := i * slab; r < min((i+1)*slab, s.rows); r++ {
		s.f(r, first, second, scratch)
	}
	lineScratch.Put(scratch)
}

func (s *rowSums) run(work []byte) {
	s.parts = scratch[float32](&work, s.size())
	s.d.workers.For(s.slabs, s.body)
	for i := range s.results {
		sum := data[float32](&s.results[i])
		clear(sum)
		for slab := range s.slabs {
			s.d.vec.AddTo(sum, s.part(slab, i))
		}
	}
}
