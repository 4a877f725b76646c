package cpu

import (
	"math"

	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.BatchNorm.Name, d.batchNorm)
		d.addFloats(ops.BatchNormGrad.Name, d.batchNormGrad)
		d.addFloats(ops.BatchNormInfer.Name, d.batchNormInfer)
	})
}

// channels is [N, C, inner] of a batch normalisation.
type channels struct{ n, c, inner int }

func channelsOf(o *operand) channels {
	return channels{o.Shape[0], o.Shape[1], product(o.Shape[2:])}
}

// run is the part of channel ch that belongs to member i of the batch.
func (v *channels) run(x []float32, i, ch int) []float32 {
	at := (i*v.c + ch) * v.inner
	return x[at : at+v.inner]
}

// each plans f for every channel, channels spread over the threads; a channel is done
// by one thread in the order of the batch.
func (v *channels) each(d *device, f func(ch int)) func() {
	body := func(lo, hi int) {
		for ch := lo; ch < hi; ch++ {
			f(ch)
		}
	}
	count, size := v.c, max(1, grain/max(v.n*v.inner, 1))
	return func() { d.chunks(count, size, body) }
}

// batchNorm takes statistics in two passes, mean then deviations.
func (d *device) batchNorm(c *call) task {
	eps := c.attrs.(ops.BatchNormAttrs).Eps
	v := channelsOf(&c.in[0])
	if v.inner == 1 {
		return d.batchNormColumns(v, c, eps)
	}
	count := float64(v.n * v.inner)
	var x, gamma, beta, y, mean, variance []float32
	each := v.each(d, func(ch int) {
		sum := 0.0
		for i := range v.n {
			sum += float64(d.vec.Sum(v.run(x, i, ch)))
		}
		m := float32(sum / count)
		squares := 0.0
		for i := range v.n {
			squares += float64(d.vec.SumSqDev(v.run(x, i, ch), m))
		}
		mean[ch], variance[ch] = m, float32(squares/count)
		scale := float32(float64(gamma[ch]) / math.Sqrt(squares/count+eps))
		for i := range v.n {
			d.scaleShift(v.run(y, i, ch), v.run(x, i, ch), m, scale, beta[ch])
		}
	})
	return task{inPlace: over(pair{0, 0}), run: func([]byte) error {
		x, gamma, beta = data[float32](&c.in[0]), data[float32](&c.in[1]), data[float32](&c.in[2])
		y, mean, variance = data[float32](&c.out[0]), data[float32](&c.out[1]), data[float32](&c.out[2])
		each()
		return nil
	}}
}

// scaleShift is (x - mean)·scale + shift.
func (d *device) scaleShift(y, x []float32, mean, scale, shift float32) {
	d.vec.SubS(y, x, mean)
	d.vec.MulS(y, y, scale)
	d.vec.AddS(y, y, shift)
}

// batchNormColumns is batchNorm of [N, C], where channels are columns: rows are
// added to accumulators of all channels.
func (d *device) batchNormColumns(v channels, c *call, eps float64) task {
	if v.c == 0 {
		return nothing
	}
	var x, y, mean, beta, scale []float32
	row := func(x []float32, i int) []float32 { return x[i*v.c : (i+1)*v.c] }
	body := func(lo, hi int) {
		for i := lo; i < hi; i++ {
			to := row(y, i)
			d.vec.Sub(to, row(x, i), mean)
			d.vec.Mul(to, to, scale)
			d.vec.Add(to, to, beta)
		}
	}
	return task{work: 2 * aligned(4*v.c), inPlace: over(pair{0, 0}), run: func(work []byte) error {
		x, y, mean, beta = data[float32](&c.in[0]), data[float32](&c.out[0]), data[float32](&c.out[1]), data[float32](&c.in[2])
		gamma, variance := data[float32](&c.in[1]), data[float32](&c.out[2])
		scale = scratch[float32](&work, v.c)
		diff := scratch[float32](&work, v.c)
		clear(mean)
		clear(variance)
		for i := range v.n {
			d.vec.AddTo(mean, row(x, i))
		}
		d.vec.DivS(mean, mean, float32(v.n))
		for i := range v.n {
			d.vec.Sub(diff, row(x, i), mean)
			d.vec.Mul(diff, diff, diff)
			d.vec.AddTo(variance, diff)
		}
		d.vec.DivS(variance, variance, float32(v.n))
		for i, s := range variance {
			scale[i] = float32(float64(gamma[i]) / math.Sqrt(float64(s)+eps))
		}
		d.rows(v.n, v.c, body)
		return nil
	}}
}

func (d *device) batchNormGrad(c *call) task {
	eps := c.attrs.(ops.BatchNormAttrs).Eps
	v, vf := channelsOf(&c.in[1]), d.vec
	count := float64(v.n * v.inner)
	var g, x, gamma, mean, variance, dx, dgamma, dbeta []float32
	each := v.each(d, func(ch int) {
		s := lineScratch.Get().(*[3][]float32)
		h := grow(&s[0], v.inner)
		r := 1 / math.Sqrt(float64(variance[ch])+eps)
		m := mean[ch]
		sum, dot := 0.0, 0.0
		for i := range v.n {
			gr := v.run(g, i, ch)
			vf.SubS(h, v.run(x, i, ch), m)
			sum += float64(vf.Sum(gr))
			dot += float64(vf.Dot(gr, h)) * r
		}
		dgamma[ch], dbeta[ch] = float32(dot), float32(sum)
		// dx = gamma·r·(d - sum/n - h·dot/n) with h = (x-mean)·r
		scale, average, slope := float32(float64(gamma[ch])*r), float32(sum/count), float32(dot/count*r)
		for i := range v.n {
			vf.SubS(h, v.run(x, i, ch), m)
			vf.MulS(h, h, slope)
			to := v.run(dx, i, ch)
			vf.SubS(to, v.run(g, i, ch), average)
			vf.Sub(to, to, h)
			vf.MulS(to, to, scale)
		}
		lineScratch.Put(s)
	})
	return task{inPlace: over(pair{0, 0}, pair{0, 1}), run: func([]byte) error {
		g, x, gamma = data[float32](&c.in[0]), data[float32](&c.in[1]), data[float32](&c.in[2])
		mean, variance = data[float32](&c.in[3]), data[float32](&c.in[4])
		dx, dgamma, dbeta = data[float32](&c.out[0]), data[float32](&c.out[1]), data[float32](&c.out[2])
		each()
		return nil
	}}
}

func (d *device) batchNormInfer(c *call) task {
	eps := c.attrs.(ops.BatchNormAttrs).Eps
	v := channelsOf(&c.in[0])
	var x, gamma, beta, mean, variance, y []float32
	each := v.each(d, func(ch int) {
		scale := float32(float64(gamma[ch]) / math.Sqrt(float64(variance[ch])+eps))
		for i := range v.n {
			d.scaleShift(v.run(y, i, ch), v.run(x, i, ch), mean[ch], scale, beta[ch])
		}
	})
	return task{inPlace: over(pair{0, 0}), run: func([]byte) error {
		x, gamma, beta = data[float32](&c.in[0]), data[float32](&c.in[1]), data[float32](&c.in[2])
		mean, variance, y = data[float32](&c.in[3]), data[float32](&c.in[4]), data[float32](&c.out[0])
		each()
		return nil
	}}
}
