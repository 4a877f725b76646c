package cpu

import (
	"sync"

	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Softmax.Name, d.lines(over(pair{0, 0}), func(dst, x, _ []float32) { d.vec.SoftmaxRow(dst, x) }))
		d.addFloats(ops.LogSoftmax.Name, d.lines(over(pair{0, 0}), func(dst, x, _ []float32) { d.vec.LogSoftmaxRow(dst, x) }))
		// y·(d - sum(y·d)): dst may be d, which is not read once dst is written
		d.addFloats(ops.SoftmaxGrad.Name, d.lines(over(pair{0, 1}), func(dst, y, g []float32) {
			d.vec.SubS(dst, g, d.vec.Dot(y, g))
			d.vec.Mul(dst, dst, y)
		}))
		// d - exp(y)·sum(d): dst may be y
		d.addFloats(ops.LogSoftmaxGrad.Name, d.lines(over(pair{0, 0}), func(dst, y, g []float32) {
			sum := d.vec.Sum(g)
			d.vec.Exp(dst, y)
			d.vec.MulS(dst, dst, sum)
			d.vec.Sub(dst, g, dst)
		}))
	})
}

// lineScratch holds three lines of a thread.
var lineScratch = sync.Pool{New: func() any { return new([3][]float32) }}

// lines plans f for every line along the axis of the attributes: with the line
// of the output and those of one or two inputs. Lines that do not lie together
// in memory are gathered and scattered.
func (d *device) lines(inPlace func(result, input int) bool, f func(dst, a, b []float32)) planner {
	return func(c *call) task {
		out, first, second := &c.out[0], &c.in[0], &c.in[len(c.in)-1]
		if out.n == 0 {
			return nothing
		}
		axis := axisOf(c.attrs.(ops.AxisAttrs).Axis, len(out.Shape))
		n, inner := out.Shape[axis], product(out.Shape[axis+1:])
		body := func(lo, hi int) {
			dst, a, b := data[float32](out), data[float32](first), data[float32](second)
			for r := lo * n; r < hi*n; r += n {
				f(dst[r:r+n], a[r:r+n], b[r:r+n])
			}
		}
		if inner > 1 {
			body = func(lo, hi int) {
				dst, a, b := data[float32](out), data[float32](first), data[float32](second)
				s := lineScratch.Get().(*[3][]float32)
				y, p, q := grow(&s[0], n), grow(&s[1], n), grow(&s[2], n)
				for r := lo; r < hi; r++ {
					start := r/inner*n*inner + r%inner
					for i := range n {
						p[i], q[i] = a[start+i*inner], b[start+i*inner]
					}
					f(y, p, q)
					for i, v := range y {
						dst[start+i*inner] = v
					}
				}
				lineScratch.Put(s)
			}
		}
		return task{inPlace: inPlace, run: func([]byte) error {
			d.rows(out.n/n, n, body)
			return nil
		}}
	}
}
