package cpu

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Pools work plane by plane; planes are spread over the threads.

func init() {
	declare(func(d *device) {
		pools[float32](d, d.addFloats)
		pools[float64](d, func(op string, accepts func(*hal.Call) bool, f run) { d.add(op, dtype.F64, accepts, f) })
	})
}

func pools[T float32 | float64](d *device, add func(op string, accepts func(*hal.Call) bool, f run)) {
	add(ops.MaxPool2d.Name, nil, maxPool[T](d))
	add(ops.MaxPool2dGrad.Name, nil, maxPoolGrad[T](d))
	add(ops.AvgPool2d.Name, nil, avgPool[T](d))
	add(ops.AvgPool2dGrad.Name, nil, avgPoolGrad[T](d))
	add(ops.GlobalAvgPool2d.Name, nil, globalAvgPool[T](d))
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

// each calls f for every plane.
func (p *pooling) each(d *device, f func(plane int)) {
	d.rows(p.planes, p.h*p.w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(i)
		}
	})
}

// halves is true of 2×2 windows side by side without padding.
func (p *pooling) halves() bool {
	return p.Size == [2]int{2, 2} && p.Stride == [2]int{2, 2} && p.Pad == [4]int{}
}

func maxPool[T float32 | float64](d *device) run {
	return func(c *hal.Call) error {
		p := newPooling(c.Attrs.(ops.PoolAttrs), c.In[0].Shape, c.Out[0].Shape)
		x, y, idx := data[T](c.In[0]), data[T](c.Out[0]), data[int64](c.Out[1])
		halves := p.halves()
		p.each(d, func(plane int) {
			in := x[plane*p.h*p.w:][:p.h*p.w]
			at := plane * p.oh * p.ow
			if halves {
				maxHalves(&p, y[at:][:p.oh*p.ow], idx[at:][:p.oh*p.ow], in)
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
		return nil
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

func maxPoolGrad[T float32 | float64](d *device) run {
	return func(c *hal.Call) error {
		p := newPooling(c.Attrs.(ops.PoolGradAttrs).PoolAttrs, c.Out[0].Shape, c.In[0].Shape)
		g, idx, dx := data[T](c.In[0]), data[int64](c.In[1]), data[T](c.Out[0])
		for i, k := range idx {
			if k < 0 || k >= int64(p.h*p.w) {
				return &ops.AttrError{Op: c.Op, Reason: fmt.Sprintf("idx is %d at element %d, outside of the plane of %d elements", k, i, p.h*p.w)}
			}
		}
		p.each(d, func(plane int) {
			to := dx[plane*p.h*p.w:][:p.h*p.w]
			clear(to)
			from := plane * p.oh * p.ow
			for i := from; i < from+p.oh*p.ow; i++ {
				to[idx[i]] += g[i]
			}
		})
		return nil
	}
}

func avgPool[T float32 | float64](d *device) run {
	return func(c *hal.Call) error {
		p := newPooling(c.Attrs.(ops.PoolAttrs), c.In[0].Shape, c.Out[0].Shape)
		x, y := data[T](c.In[0]), data[T](c.Out[0])
		weight := 1 / T(p.Size[0]*p.Size[1])
		halves := p.halves()
		p.each(d, func(plane int) {
			in := x[plane*p.h*p.w:][:p.h*p.w]
			at := plane * p.oh * p.ow
			if halves {
				averageHalves(&p, y[at:][:p.oh*p.ow], in)
				return
			}
			for oh := range p.oh {
				for ow := range p.ow {
					h0, h1, w0, w1 := p.window(oh, ow)
					sum := T(0)
					for h := h0; h < h1; h++ {
						for _, v := range in[h*p.w+w0 : h*p.w+w1] {
							sum += v
						}
					}
					y[at] = sum * weight
					at++
				}
			}
		})
		return nil
	}
}

func avgPoolGrad[T float32 | float64](d *device) run {
	return func(c *hal.Call) error {
		p := newPooling(c.Attrs.(ops.PoolGradAttrs).PoolAttrs, c.Out[0].Shape, c.In[0].Shape)
		g, dx := data[T](c.In[0]), data[T](c.Out[0])
		weight := 1 / T(p.Size[0]*p.Size[1])
		halves := p.halves()
		p.each(d, func(plane int) {
			to := dx[plane*p.h*p.w:][:p.h*p.w]
			clear(to)
			at := plane * p.oh * p.ow
			if halves {
				spreadHalves(&p, to, g[at:][:p.oh*p.ow])
				return
			}
			for oh := range p.oh {
				for ow := range p.ow {
					h0, h1, w0, w1 := p.window(oh, ow)
					v := g[at] * weight
					at++
					for h := h0; h < h1; h++ {
						for w := w0; w < w1; w++ {
							to[h*p.w+w] += v
						}
					}
				}
			}
		})
		return nil
	}
}

// averageHalves is the average of 2×2 windows side by side.
func averageHalves[T float32 | float64](p *pooling, y, in []T) {
	for oh := range p.oh {
		out := y[oh*p.ow:][:p.ow]
		top, low := in[2*oh*p.w:][:2*p.ow], in[(2*oh+1)*p.w:][:2*p.ow]
		for ow := range out {
			out[ow] = (top[2*ow] + top[2*ow+1] + low[2*ow] + low[2*ow+1]) * 0.25
		}
	}
}

// spreadHalves gives every pixel of a 2×2 window a quarter of the window's gradient.
func spreadHalves[T float32 | float64](p *pooling, dx, g []T) {
	for oh := range p.oh {
		from := g[oh*p.ow:][:p.ow]
		top, low := dx[2*oh*p.w:][:2*p.ow], dx[(2*oh+1)*p.w:][:2*p.ow]
		for ow, v := range from {
			v *= 0.25
			top[2*ow], top[2*ow+1], low[2*ow], low[2*ow+1] = v, v, v, v
		}
	}
}

func globalAvgPool[T float32 | float64](d *device) run {
	return func(c *hal.Call) error {
		x, y := data[T](c.In[0]), data[T](c.Out[0])
		if len(y) == 0 {
			return nil
		}
		n := len(x) / len(y)
		if n == 0 {
			for i := range y {
				y[i] = T(math.NaN())
			}
			return nil
		}
		d.rows(len(y), n, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				sum := 0.0
				for _, v := range x[i*n : (i+1)*n] {
					sum += float64(v)
				}
				y[i] = T(sum / float64(n))
			}
		})
		return nil
	}
}
