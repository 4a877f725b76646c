package cpu

import (
	"math"

	"github.com/crease-ml/crease/ops"
)

func avgPool[T float32 | float64](d *device) planner {
	return func(c *call) task {
		p := newPooling(c.attrs.(ops.PoolAttrs), c.in[0].Shape, c.out[0].Shape)
		var x, y []T
		weight := 1 / T(p.Size[0]*p.Size[1])
		halves := p.halves()
		each := p.each(d, func(plane int) {
			in := x[plane*p.h*p.w:][:p.h*p.w]
			y, at := y[plane*p.oh*p.ow:][:p.oh*p.ow], 0
			if halves {
				averageHalves(&p, y, in)
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
		return task{run: func([]byte) error {
			x, y = data[T](&c.in[0]), data[T](&c.out[0])
			each()
			return nil
		}}
	}
}

func avgPoolGrad[T float32 | float64](d *device) planner {
	return func(c *call) task {
		p := newPooling(c.attrs.(ops.PoolGradAttrs).PoolAttrs, c.out[0].Shape, c.in[0].Shape)
		var g, dx []T
		weight := 1 / T(p.Size[0]*p.Size[1])
		halves := p.halves()
		each := p.each(d, func(plane int) {
			to := dx[plane*p.h*p.w:][:p.h*p.w]
			clear(to)
			g, at := g[plane*p.oh*p.ow:][:p.oh*p.ow], 0
			if halves {
				spreadHalves(&p, to, g)
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
		return task{run: func([]byte) error {
			g, dx = data[T](&c.in[0]), data[T](&c.out[0])
			each()
			return nil
		}}
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

func globalAvgPool[T float32 | float64](d *device) planner {
	return func(c *call) task {
		in, out := &c.in[0], &c.out[0]
		switch {
		case out.n == 0:
			return nothing
		case in.n == 0:
			return task{run: func([]byte) error {
				fill(data[T](out), T(math.NaN()))
				return nil
			}}
		}
		n := in.n / out.n
		body := func(lo, hi int) {
			x, y := data[T](in), data[T](out)
			for i := lo; i < hi; i++ {
				sum := 0.0
				for _, v := range x[i*n : (i+1)*n] {
					sum += float64(v)
				}
				y[i] = T(sum / float64(n))
			}
		}
		return task{run: func([]byte) error {
			d.rows(out.n, n, body)
			return nil
		}}
	}
}
