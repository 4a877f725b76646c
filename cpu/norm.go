package cpu

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.LayerNorm.Name, nil, d.layerNorm)
		d.addFloats(ops.LayerNormGrad.Name, nil, d.layerNormGrad)
		d.addFloats(ops.RMSNorm.Name, nil, d.rmsNorm)
		d.addFloats(ops.RMSNormGrad.Name, nil, d.rmsNormGrad)
		d.addFloats(ops.BatchNorm.Name, nil, d.batchNorm)
		d.addFloats(ops.BatchNormGrad.Name, nil, d.batchNormGrad)
		d.addFloats(ops.BatchNormInfer.Name, nil, d.batchNormInfer)
	})
}

func (d *device) layerNorm(c *hal.Call) error {
	eps := float32(c.Attrs.(ops.LayerNormAttrs).Eps)
	x, y, mean, rstd := data[float32](c.In[0]), data[float32](c.Out[0]), data[float32](c.Out[1]), data[float32](c.Out[2])
	if len(mean) == 0 {
		return nil
	}
	n := len(x) / len(mean)
	var gamma, beta []float32
	if len(c.In) > 1 {
		gamma, beta = data[float32](c.In[1]), make([]float32, n)
	}
	if len(c.In) > 2 {
		beta = data[float32](c.In[2])
	}
	d.rows(len(mean), n, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			mean[r], rstd[r] = d.vec.LayerNormRow(y[r*n:(r+1)*n], x[r*n:(r+1)*n], gamma, beta, eps)
		}
	})
	return nil
}

func (d *device) layerNormGrad(c *hal.Call) error {
	g, x, gamma := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2])
	mean, rstd, dx := data[float32](c.In[3]), data[float32](c.In[4]), data[float32](c.Out[0])
	n, v := len(gamma), d.vec
	sums := [][]float32{data[float32](c.Out[1]), data[float32](c.Out[2])}
	return d.sumRows(len(mean), sums, func(r int, sums [][]float32, scratch *[3][]float32) {
		gr, to := g[r*n:(r+1)*n], dx[r*n:(r+1)*n]
		h, e := grow(&scratch[0], n), grow(&scratch[1], n)
		v.SubS(h, x[r*n:(r+1)*n], mean[r])
		v.MulS(h, h, rstd[r])
		v.AddTo(sums[1], gr)
		v.Mul(e, gr, h)
		v.AddTo(sums[0], e)
		v.Mul(e, gr, gamma)
		average, dot := v.Sum(e)/float32(n), v.Dot(e, h)/float32(n)
		v.SubS(to, e, average)
		v.MulS(h, h, dot)
		v.Sub(to, to, h)
		v.MulS(to, to, rstd[r])
	})
}

func (d *device) rmsNorm(c *hal.Call) error {
	eps := c.Attrs.(ops.LayerNormAttrs).Eps
	x, y, rstd := data[float32](c.In[0]), data[float32](c.Out[0]), data[float32](c.Out[1])
	n := len(x) / max(len(rstd), 1)
	var gamma []float32
	if len(c.In) > 1 {
		gamma = data[float32](c.In[1])
	}
	d.rows(len(rstd), n, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			from, to := x[r*n:(r+1)*n], y[r*n:(r+1)*n]
			rstd[r] = float32(1 / math.Sqrt(float64(d.vec.SumSq(from))/float64(n)+eps))
			d.vec.MulS(to, from, rstd[r])
			if gamma != nil {
				d.vec.Mul(to, to, gamma)
			}
		}
	})
	return nil
}

func (d *device) rmsNormGrad(c *hal.Call) error {
	g, x, gamma := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2])
	rstd, dx := data[float32](c.In[3]), data[float32](c.Out[0])
	n, v := len(gamma), d.vec
	sums := [][]float32{data[float32](c.Out[1])}
	return d.sumRows(len(rstd), sums, func(r int, sums [][]float32, scratch *[3][]float32) {
		gr, to := g[r*n:(r+1)*n], dx[r*n:(r+1)*n]
		h, e := grow(&scratch[0], n), grow(&scratch[1], n)
		v.MulS(h, x[r*n:(r+1)*n], rstd[r])
		v.Mul(e, gr, h)
		v.AddTo(sums[0], e)
		v.Mul(e, gr, gamma)
		v.MulS(h, h, v.Dot(e, h)/float32(n))
		v.Sub(to, e, h)
		v.MulS(to, to, rstd[r])
	})
}

// slab is the number of rows whose parameter gradients are summed by one task.
const slab = 64

// sumRows calls f for every row and sums what it adds to its sums, which are as
// long as the results: in slabs, so that the bits do not depend on the threads.
func (d *device) sumRows(rows int, results [][]float32, f func(r int, sums [][]float32, scratch *[3][]float32)) error {
	n, k := len(results[0]), len(results)
	slabs := (rows + slab - 1) / slab
	buf, err := d.Alloc(slabs * k * n * 4)
	if err != nil {
		return err
	}
	defer buf.Free()
	parts := whole[float32](hal.View{Buf: buf, DType: dtype.F32})
	part := func(s, i int) []float32 { return parts[(s*k+i)*n : (s*k+i+1)*n] }
	d.workers.For(slabs, func(s int) {
		scratch := lineScratch.Get().(*[3][]float32)
		defer lineScratch.Put(scratch)
		sums := make([][]float32, k)
		for i := range sums {
			sums[i] = part(s, i)
			clear(sums[i])
		}
		for r := s * slab; r < min((s+1)*slab, rows); r++ {
			f(r, sums, scratch)
		}
	})
	for i, sum := range results {
		clear(sum)
		for s := range slabs {
			d.vec.AddTo(sum, part(s, i))
		}
	}
	return nil
}

// channelView is [N, C, inner] of a batch normalisation.
type channelView struct{ n, c, inner int }

func channelsOf(v hal.View) channelView {
	return channelView{v.Shape[0], v.Shape[1], product(v.Shape[2:])}
}

// channelRuns calls f for every channel's contiguous stretches, channels spread over
// the threads; a channel is done by one thread in the order of the batch.
func (d *device) channelRuns(v channelView, f func(c int, runs func(func(lo, hi int)))) {
	d.chunks(v.c, max(1, grain/max(v.n*v.inner, 1)), func(lo, hi int) {
		for c := lo; c < hi; c++ {
			f(c, func(run func(lo, hi int)) {
				for i := range v.n {
					at := (i*v.c + c) * v.inner
					run(at, at+v.inner)
				}
			})
		}
	})
}

// batchNorm takes statistics in two passes, mean then deviations.
func (d *device) batchNorm(c *hal.Call) error {
	eps := c.Attrs.(ops.BatchNormAttrs).Eps
	x, gamma, beta := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2])
	y, mean, variance := data[float32](c.Out[0]), data[float32](c.Out[1]), data[float32](c.Out[2])
	v := channelsOf(c.In[0])
	if v.inner == 1 {
		return d.batchNormColumns(v, x, gamma, beta, y, mean, variance, eps)
	}
	count := float64(v.n * v.inner)
	d.channelRuns(v, func(ch int, runs func(func(lo, hi int))) {
		sum := 0.0
		runs(func(lo, hi int) { sum += float64(d.vec.Sum(x[lo:hi])) })
		m := float32(sum / count)
		squares := 0.0
		runs(func(lo, hi int) { squares += float64(d.vec.SumSqDev(x[lo:hi], m)) })
		mean[ch], variance[ch] = m, float32(squares/count)
		scale := float32(float64(gamma[ch]) / math.Sqrt(squares/count+eps))
		runs(func(lo, hi int) { d.scaleShift(y[lo:hi], x[lo:hi], m, scale, beta[ch]) })
	})
	return nil
}

// scaleShift is (x - mean)·scale + shift.
func (d *device) scaleShift(y, x []float32, mean, scale, shift float32) {
	d.vec.SubS(y, x, mean)
	d.vec.MulS(y, y, scale)
	d.vec.AddS(y, y, shift)
}

// batchNormColumns is batchNorm of [N, C], where channels are columns: rows are
// added to accumulators of all channels.
func (d *device) batchNormColumns(v channelView, x, gamma, beta, y, mean, variance []float32, eps float64) error {
	if v.c == 0 {
		return nil
	}
	row := func(i int) []float32 { return x[i*v.c : (i+1)*v.c] }
	scale, diff := make([]float32, v.c), make([]float32, v.c)
	clear(mean)
	clear(variance)
	for i := range v.n {
		d.vec.AddTo(mean, row(i))
	}
	d.vec.DivS(mean, mean, float32(v.n))
	for i := range v.n {
		d.vec.Sub(diff, row(i), mean)
		d.vec.Mul(diff, diff, diff)
		d.vec.AddTo(variance, diff)
	}
	d.vec.DivS(variance, variance, float32(v.n))
	for i, s := range variance {
		scale[i] = float32(float64(gamma[i]) / math.Sqrt(float64(s)+eps))
	}
	d.rows(v.n, v.c, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			to := y[i*v.c : (i+1)*v.c]
			d.vec.Sub(to, row(i), mean)
			d.vec.Mul(to, to, scale)
			d.vec.Add(to, to, beta)
		}
	})
	return nil
}

func (d *device) batchNormGrad(c *hal.Call) error {
	eps := c.Attrs.(ops.BatchNormAttrs).Eps
	g, x, gamma := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2])
	mean, variance := data[float32](c.In[3]), data[float32](c.In[4])
	dx, dgamma, dbeta := data[float32](c.Out[0]), data[float32](c.Out[1]), data[float32](c.Out[2])
	v := channelsOf(c.In[1])
	count := float64(v.n * v.inner)
	vf := d.vec
	d.channelRuns(v, func(ch int, runs func(func(lo, hi int))) {
		s := lineScratch.Get().(*[3][]float32)
		defer lineScratch.Put(s)
		h := grow(&s[0], v.inner)
		r := 1 / math.Sqrt(float64(variance[ch])+eps)
		m := mean[ch]
		sum, dot := 0.0, 0.0
		runs(func(lo, hi int) {
			vf.SubS(h, x[lo:hi], m)
			sum += float64(vf.Sum(g[lo:hi]))
			dot += float64(vf.Dot(g[lo:hi], h)) * r
		})
		dgamma[ch], dbeta[ch] = float32(dot), float32(sum)
		// dx = gamma·r·(d - sum/n - h·dot/n) with h = (x-mean)·r
		scale, average, slope := float32(float64(gamma[ch])*r), float32(sum/count), float32(dot/count*r)
		runs(func(lo, hi int) {
			vf.SubS(h, x[lo:hi], m)
			vf.MulS(h, h, slope)
			to := dx[lo:hi]
			vf.SubS(to, g[lo:hi], average)
			vf.Sub(to, to, h)
			vf.MulS(to, to, scale)
		})
	})
	return nil
}

func (d *device) batchNormInfer(c *hal.Call) error {
	eps := c.Attrs.(ops.BatchNormAttrs).Eps
	x, gamma, beta := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2])
	mean, variance, y := data[float32](c.In[3]), data[float32](c.In[4]), data[float32](c.Out[0])
	d.channelRuns(channelsOf(c.In[0]), func(ch int, runs func(func(lo, hi int))) {
		scale := float32(float64(gamma[ch]) / math.Sqrt(float64(variance[ch])+eps))
		runs(func(lo, hi int) { d.scaleShift(y[lo:hi], x[lo:hi], mean[ch], scale, beta[ch]) })
	})
	return nil
}
