package cpu

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Pools work plane by plane; planes are spread over the threads.

func init() {
	declare(func(d *device) {
		pools[float32](d, d.addFloats)
		pools[float64](d, func(op string, f planner) { d.addDense(op, dtype.F64, f) })
	})
}

func pools[T float32 | float64](d *device, add func(op string, f planner)) {
	add(ops.MaxPool2d.Name, maxPool[T](d))
	add(ops.MaxPool2dGrad.Name, maxPoolGrad[T](d))
	add(ops.AvgPool2d.Name, avgPool[T](d))
	add(ops.AvgPool2dGrad.Name, avgPoolGrad[T](d))
	add(ops.GlobalAvgPool2d.Name, globalAvgPool[T](d))
}

// pooling is the geometry of one plane.
type pooling struct {
	ops.PoolAttrs
	planes, h, w, oh, ow int
}

func newPooling(a ops.PoolAttrs, x, y []int) pooling {
	return pooling{a, x[0] * x[1], x[2], x[3], y[2], y[3]}
}

// window is the part of output (oh, ow)'s window that lies in the plane.
func (p *pooling) window(oh, ow int) (h0, h1, w0, w1 int) {
	h0, w0 = oh*p.Stride[0]-p.Pad[0], ow*p.Stride[1]-p.Pad[2]
	return max(h0, 0), min(h0+p.Size[0], p.h), max(w0, 0), min(w0+p.Size[1], p.w)
}

// each plans f for every plane.
func (p *pooling) each(d *device, f func(plane int)) func() {
	body := func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i)
		}
	}
	planes, size := p.planes, p.h*p.w
	return func() { d.rows(planes, size, body) }
}

// halves is true of 2×2 windows side by side without padding.
func (p *pooling) halves() bool {
	return p.Size == [2]int{2, 2} && p.Stride == [2]int{2, 2} && p.Pad == [4]int{}
}

func maxPool[T float32 | float64](d *device) planner {
	return func(c *call) task {
		p := newPooling(c.attrs.(ops.PoolAttrs), c.in[0].Shape, c.out[0].Shape)
		var x, y []T
		var idx []int64
		halves := p.halves()
		each := p.each(d, func(plane int) {
			in, n := x[plane*p.h*p.w:][:p.h*p.w], p.oh*p.ow
			y, idx, at := y[plane*n:][:n], idx[plane*n:][:n], 0
			if halves {
				maxHalves(&p, y, idx, in)
				return
			}
			for oh := range p.oh {
				for ow := range p.ow {
					h0, h1, w0, w1 := p.window(oh, ow)
					best := h0*p.w + w0
					top := in[best]
					for h := h0; h < h1; h++ {
						for i, v := range in[h*p.w+w0 : h*p.w+w1] {
							if v > top || v != v && top == top {
								best, top = h*p.w+w0+i, v
							}
						}
					}
					y[at], idx[at] = top, int64(best)
					at++
				}
			}
		})
		return task{run: func([]byte) error {
			x, y, idx = data[T](&c.in[0]), data[T](&c.out[0]), data[int64](&c.out[1])
			each()
			return nil
		}}
	}
}

// maxHalves is the maximum of 2×2 windows side by side.
func maxHalves[T float32 | float64](p *pooling, y []T, idx []int64, in []T) {
	for oh := range p.oh {
		top, low := in[2*oh*p.w:][:p.w], in[(2*oh+1)*p.w:][:p.w]
		out, pos := y[oh*p.ow:][:p.ow], idx[oh*p.ow:][:p.ow]
		for ow := range out {
			i := 2 * ow
			v, at := top[i], i
			if w := top[i+1]; w > v || w != w && v == v {
				v, at = w, i+1
			}
			if w := low[i]; w > v || w != w && v == v {
				v, at = w, i+p.w
			}
			if w := low[i+1]; w > v || w != w && v == v {
				v, at = w, i+p.w+1
			}
			out[ow], pos[ow] = v, int64(2*oh*p.w+at)
		}
	}
}

func maxPoolGrad[T float32 | float64](d *device) planner {
	return func(c *call) task {
		p := newPooling(c.attrs.(ops.PoolGradAttrs).PoolAttrs, c.out[0].Shape, c.in[0].Shape)
		var g, dx []T
		var idx []int64
		each := p.each(d, func(plane int) {
			to, n := dx[plane*p.h*p.w:][:p.h*p.w], p.oh*p.ow
			g := g[plane*n:][:n]
			clear(to)
			for i, k := range idx[plane*n:][:n] {
				to[k] += g[i]
			}
		})
		return task{run: func([]byte) error {
			g, idx, dx = data[T](&c.in[0]), data[int64](&c.in[1]), data[T](&c.out[0])
			for i, k := range idx {
				if k < 0 || k >= int64(p.h*p.w) {
					return &ops.AttrError{Op: c.op, Reason: fmt.Sprintf("idx is %d at element %d, outside of the plane of %d elements", k, i, p.h*p.w)}
				}
			}
			each()
			return nil
		}}
	}
}
