package cpu

import (
	"sync"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Softmax.Name, nil, func(c *hal.Call) error {
			d.lines(c, func(dst, x, _ []float32) { d.vec.SoftmaxRow(dst, x) })
			return nil
		})
		d.addFloats(ops.LogSoftmax.Name, nil, func(c *hal.Call) error {
			d.lines(c, func(dst, x, _ []float32) { d.vec.LogSoftmaxRow(dst, x) })
			return nil
		})
		// y·(d - sum(y·d))
		d.addFloats(ops.SoftmaxGrad.Name, nil, func(c *hal.Call) error {
			d.lines(c, func(dst, y, g []float32) {
				d.vec.SubS(dst, g, d.vec.Dot(y, g))
				d.vec.Mul(dst, dst, y)
			})
			return nil
		})
		// d - exp(y)·sum(d)
		d.addFloats(ops.LogSoftmaxGrad.Name, nil, func(c *hal.Call) error {
			d.lines(c, func(dst, y, g []float32) {
				sum := d.vec.Sum(g)
				d.vec.Exp(dst, y)
				d.vec.MulS(dst, dst, sum)
				d.vec.Sub(dst, g, dst)
			})
			return nil
		})
	})
}

// lineScratch holds three gathered lines.
var lineScratch = sync.Pool{New: func() any { return new([3][]float32) }}

// lines calls f for every line along the axis of the attributes: with the line
// of the output and those of one or two inputs. Lines that do not lie together
// in memory are gathered and scattered.
func (d *device) lines(c *hal.Call, f func(dst, a, b []float32)) {
	x := c.In[0]
	axis := axisOf(c.Attrs.(ops.AxisAttrs).Axis, len(x.Shape))
	n, inner := x.Shape[axis], product(x.Shape[axis+1:])
	dst, a := data[float32](c.Out[0]), data[float32](x)
	if len(dst) == 0 {
		return
	}
	b := a
	if len(c.In) > 1 {
		b = data[float32](c.In[1])
	}
	d.rows(len(dst)/n, n, func(lo, hi int) {
		if inner == 1 {
			for r := lo * n; r < hi*n; r += n {
				f(dst[r:r+n], a[r:r+n], b[r:r+n])
			}
			return
		}
		s := lineScratch.Get().(*[3][]float32)
		defer lineScratch.Put(s)
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
	})
}
