package cpu

import (
	"math"

	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Attention.Name, d.attention)
		d.addFloats(ops.AttentionGrad.Name, d.attentionGrad)
	})
}

// queries is how many rows of scores are made at a time: they stay in the cache, and
// memory grows with the number of keys, not with its product with that of queries.
const queries = 64

// attended is the operands of an attention.
type attended struct {
	in             []operand // q, k, v
	mask           *operand  // nil for none
	l, s, d, e     int
	members, group int   // of q's batch; so many of them share one of k's
	masks          batch // where the mask of a member begins, in matrices
	causal         bool
	scale          float32

	q, k, v, m []float32 // of the run
}

func attend(c *call, in, mask []operand) *attended {
	attrs := c.attrs.(ops.AttentionAttrs)
	q, k, v := in[0].Shape, in[1].Shape, in[2].Shape
	rank := len(q)
	lead := q[:rank-2]
	a := &attended{
		in: in, l: q[rank-2], d: q[rank-1], s: k[rank-2], e: v[rank-1],
		members: product(lead), causal: attrs.Causal, scale: float32(attrs.ScaleOf(q[rank-1])),
	}
	a.group = a.members / max(product(k[:rank-2]), 1)
	if len(mask) > 0 {
		a.mask = &mask[0]
		dims := a.mask.Shape[:len(a.mask.Shape)-2]
		strides, err := shape.BroadcastStrides(dims, shape.Strides(dims), lead)
		if err != nil {
			panic(err) // the shape rule has accepted it
		}
		a.masks = batch{dims: lead, a: strides, b: strides, n: a.members}
	}
	return a
}

// begin finds the memory of a run.
func (a *attended) begin() {
	a.q, a.k, a.v = data[float32](&a.in[0]), data[float32](&a.in[1]), data[float32](&a.in[2])
	if a.mask != nil {
		a.m = data[float32](a.mask)
	}
}

// stored is a matrix in rows of a width, transposed the same memory in columns.
func stored(m []float32, width int) gemm.Operand {
	return gemm.Operand{Data: m, Layout: gemm.RowMajor(width)}
}

func transposed(m []float32, width int) gemm.Operand {
	return gemm.Operand{Data: m, Layout: gemm.RowMajor(width).T()}
}

// seen is the number of keys that the queries before row end see.
func (a *attended) seen(end int) int {
	if a.causal {
		return end + a.s - a.l
	}
	return a.s
}

// scores computes those of queries lo to hi of a member for the first n keys.
func (a *attended) scores(d *device, to []float32, member, lo, hi, n int) {
	kv := member / a.group
	q, k := a.q[(member*a.l+lo)*a.d:], a.k[kv*a.s*a.d:]
	gemm.Gemm(d.gemm, hi-lo, n, a.d, stored(q, a.d), transposed(k, a.d), to, n, false, nil)
	first := 0
	if a.mask != nil {
		at, _ := a.masks.at(member)
		first = at * a.l * a.s
	}
	for i := lo; i < hi; i++ {
		row := to[(i-lo)*n : (i-lo+1)*n]
		d.vec.MulS(row, row, a.scale)
		if a.mask != nil {
			d.vec.AddTo(row, a.m[first+i*a.s:first+i*a.s+n])
		}
		for j := a.seen(i + 1); j < n; j++ {
			row[j] = float32(math.Inf(-1))
		}
	}
}

// attention makes the scores of a block of queries, the exponentials, and their
// product with the values, which is divided by their sums at the end. A block of
// queries is not read once its results are written.
func (d *device) attention(c *call) task {
	a := attend(c, c.in[:3], c.in[3:])
	blocks := (a.l + queries - 1) / queries
	var y, lse []float32
	body := func(task int) {
		member, lo := task/blocks, task%blocks*queries
		hi := min(lo+queries, a.l)
		n := a.seen(hi)
		scratch := lineScratch.Get().(*[3][]float32)
		p := grow(&scratch[0], (hi-lo)*n)
		a.scores(d, p, member, lo, hi, n)
		sums := grow(&scratch[1], hi-lo)
		for i := range sums {
			row := p[i*n : (i+1)*n]
			top := d.vec.MaxVal(row)
			if lse[member*a.l+lo+i] = top; math.IsInf(float64(top), -1) { // no key is seen
				clear(row)
				sums[i] = 1
				continue
			}
			d.vec.SubS(row, row, top)
			d.vec.Exp(row, row)
			sums[i] = d.vec.Sum(row)
			lse[member*a.l+lo+i] += float32(math.Log(float64(sums[i])))
		}
		to := y[(member*a.l+lo)*a.e : (member*a.l+hi)*a.e]
		v := a.v[member/a.group*a.s*a.e:]
		gemm.Gemm(d.gemm, hi-lo, a.e, n, stored(p, n), stored(v, a.e), to, a.e, false, nil)
		for i, sum := range sums {
			d.vec.MulS(to[i*a.e:(i+1)*a.e], to[i*a.e:(i+1)*a.e], 1/sum)
		}
		lineScratch.Put(scratch)
	}
	return task{inPlace: over(pair{0, 0}), run: func([]byte) error {
		a.begin()
		y, lse = data[float32](&c.out[0]), data[float32](&c.out[1])
		d.workers.For(a.members*blocks, body)
		return nil
	}}
}

// attentionGrad gives every member of the keys' batch to one thread, which adds up
// the blocks of the queries that read it in their order.
func (d *device) attentionGrad(c *call) task {
	a := attend(c, c.in[1:4], c.in[6:])
	var g, y, lse, dq, dk, dv []float32
	body := func(kv int) {
		scratch := lineScratch.Get().(*[3][]float32)
		k, v := a.k[kv*a.s*a.d:], a.v[kv*a.s*a.e:]
		dk, dv := dk[kv*a.s*a.d:], dv[kv*a.s*a.e:]
		for member := kv * a.group; member < (kv+1)*a.group; member++ {
			for lo := 0; lo < a.l; lo += queries {
				hi := min(lo+queries, a.l)
				n := a.seen(hi)
				m, at, end := hi-lo, member*a.l+lo, member*a.l+hi
				p, ds := grow(&scratch[0], m*n), grow(&scratch[1], m*n)
				a.scores(d, p, member, lo, hi, n)
				gs, q := g[at*a.e:end*a.e], a.q[at*a.d:end*a.d]
				gemm.Gemm(d.gemm, m, n, a.e, stored(gs, a.e), transposed(v, a.e), ds, n, false, nil)
				for i := range m {
					prob, slope := p[i*n:(i+1)*n], ds[i*n:(i+1)*n]
					if !math.IsInf(float64(lse[at+i]), -1) { // else no key is seen, and exp makes 0
						d.vec.SubS(prob, prob, lse[at+i])
					}
					d.vec.Exp(prob, prob)
					d.vec.SubS(slope, slope, d.vec.Dot(gs[i*a.e:(i+1)*a.e], y[(at+i)*a.e:(at+i+1)*a.e]))
					d.vec.Mul(slope, slope, prob)
					d.vec.MulS(slope, slope, a.scale)
				}
				gemm.Gemm(d.gemm, m, a.d, n, stored(ds, n), stored(k, a.d), dq[at*a.d:end*a.d], a.d, false, nil)
				gemm.Gemm(d.gemm, n, a.d, m, transposed(ds, n), stored(q, a.d), dk, a.d, true, nil)
				gemm.Gemm(d.gemm, n, a.e, m, transposed(p, n), stored(gs, a.e), dv, a.e, true, nil)
			}
		}
		lineScratch.Put(scratch)
	}
	return task{run: func([]byte) error {
		a.begin()
		g, y, lse = data[float32](&c.in[0]), data[float32](&c.in[4]), data[float32](&c.in[5])
		dq, dk, dv = data[float32](&c.out[0]), data[float32](&c.out[1]), data[float32](&c.out[2])
		clear(dk)
		clear(dv)
		if a.members > 0 {
			d.workers.For(a.members/a.group, body)
		}
		return nil
	}}
}
