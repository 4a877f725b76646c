package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Kernels that move elements look at their size only.

func init() {
	declare(func(d *device) {
		d.addStrided(ops.Copy.Name, dtype.Invalid, nil, func(c *hal.Call) error {
			d.copyView(c.Out[0], c.In[0])
			return nil
		})
		d.addStrided(ops.Cast.Name, dtype.Invalid, nil, func(c *hal.Call) error {
			d.cast(c.Out[0], c.In[0])
			return nil
		})
		d.addStrided(ops.Concat.Name, dtype.Invalid, nil, func(c *hal.Call) error {
			d.concat(c)
			return nil
		})
		d.addStrided(ops.Pad.Name, dtype.Invalid, nil, func(c *hal.Call) error {
			d.pad(c)
			return nil
		})
		d.add(ops.Full.Name, dtype.Invalid, nil, func(c *hal.Call) error {
			d.fill(c.Out[0], c.Attrs.(ops.FullAttrs).Value)
			return nil
		})
		d.add(ops.Iota.Name, dtype.Invalid, nil, func(c *hal.Call) error {
			d.iota(c.Out[0], c.Attrs.(ops.IotaAttrs).Axis)
			return nil
		})
	})
}

// copyView copies between views of one shape and element size.
func (d *device) copyView(dst, src hal.View) {
	switch dst.DType.Size() {
	case 1:
		copyStrided[uint8](d, dst, src)
	case 2:
		copyStrided[uint16](d, dst, src)
	case 4:
		copyStrided[uint32](d, dst, src)
	default:
		copyStrided[uint64](d, dst, src)
	}
}

// tile is the side of the squares that transposes are done in: a line of the
// cache in either direction.
const tile = 16

func copyStrided[T number](d *device, dst, src hal.View) {
	n := dst.Elements()
	if n == 0 {
		return
	}
	dims, s := shape.Collapse(dst.Shape, dst.Strides, src.Strides)
	to, from := whole[T](dst), whole[T](src)
	if len(dims) == 0 {
		to[dst.Offset] = from[src.Offset]
		return
	}
	last := len(dims) - 1
	inner, ds, ss := dims[last], s[0][last], s[1][last]
	unit := -1 // an axis along which the source is contiguous
	for i, x := range s[1][:last] {
		if x == 1 && dims[i] >= tile {
			unit = i
		}
	}
	if ss != 1 && ds == 1 && unit >= 0 && inner >= tile {
		transpose(d, to, from, dst.Offset, src.Offset, dims, s, unit)
		return
	}
	d.rows(n/inner, inner, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			a, b := dst.Offset, src.Offset
			rest := r
			for i := last - 1; i >= 0; i-- {
				k := rest % dims[i]
				rest /= dims[i]
				a, b = a+k*s[0][i], b+k*s[1][i]
			}
			if ds == 1 && ss == 1 {
				copy(to[a:a+inner], from[b:b+inner])
				continue
			}
			for range inner {
				to[a] = from[b]
				a, b = a+ds, b+ss
			}
		}
	})
}

// transpose copies where the source is contiguous along axis unit and the
// destination along the last: in tiles over both.
func transpose[T number](d *device, to, from []T, toOff, fromOff int, dims []int, s [][]int, unit int) {
	last := len(dims) - 1
	inner, width := dims[last], dims[unit]
	planes := product(dims) / inner / width
	strips := (width + tile - 1) / tile
	each := max(1, grain/(tile*inner))
	d.chunks(planes*strips, each, func(lo, hi int) {
		for task := lo; task < hi; task++ {
			u0 := task % strips * tile
			rest := task / strips
			a, b := toOff, fromOff
			for i := last - 1; i >= 0; i-- {
				if i == unit {
					continue
				}
				k := rest % dims[i]
				rest /= dims[i]
				a, b = a+k*s[0][i], b+k*s[1][i]
			}
			u1 := min(u0+tile, width)
			for c0 := 0; c0 < inner; c0 += tile {
				c1 := min(c0+tile, inner)
				for u := u0; u < u1; u++ {
					row := to[a+u*s[0][unit]+c0 : a+u*s[0][unit]+c1]
					at := b + u + c0*s[1][last]
					for c := range row {
						row[c] = from[at]
						at += s[1][last]
					}
				}
			}
		}
	})
}

// cast converts element types, from any strides to a dense output.
func (d *device) cast(dst, src hal.View) {
	if src.Dense() {
		d.convert(dst, src)
		return
	}
	n := dst.Elements()
	if n == 0 {
		return
	}
	in, out := hostdev.Bytes(src.Buf), memory(dst)
	si, so := src.DType.Size(), dst.DType.Size()
	dims, strides := shape.Collapse(src.Shape, src.Strides)
	inner, step := 1, 0
	if last := len(dims) - 1; last >= 0 {
		inner, step = dims[last], strides[0][last]
	}
	d.rows(n/inner, inner, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			at, rest := src.Offset, r
			for i := len(dims) - 2; i >= 0; i-- {
				at += rest % dims[i] * strides[0][i]
				rest /= dims[i]
			}
			row := out[r*inner*so : (r+1)*inner*so]
			if step == 1 {
				dtype.Convert(row, dst.DType, in[at*si:(at+inner)*si], src.DType)
				continue
			}
			for i := range inner {
				p := (at + i*step) * si
				dtype.Convert(row[i*so:(i+1)*so], dst.DType, in[p:p+si], src.DType)
			}
		}
	})
}

// concat copies every input into its stretch of the output.
func (d *device) concat(c *hal.Call) {
	axis, err := shape.Axis(c.Attrs.(ops.ConcatAttrs).Axis, len(c.Out[0].Shape))
	if err != nil {
		panic(err) // the shape rule has accepted it
	}
	at := 0
	for _, v := range c.In {
		to := c.Out[0]
		to.Shape = v.Shape
		to.Offset += at * to.Strides[axis]
		d.copyView(to, v)
		at += v.Shape[axis]
	}
}

// pad fills the output and copies the input, less what negative padding crops,
// to every (interior+1)-th place.
func (d *device) pad(c *hal.Call) {
	a, src, dst := c.Attrs.(ops.PadAttrs), c.In[0], c.Out[0]
	d.fill(dst, a.Value)
	to := dst
	to.Shape, to.Strides = shape.Clone(src.Shape), shape.Clone(dst.Strides)
	from := src
	from.Shape = to.Shape
	for i, n := range src.Shape {
		lo, gap := listed(a.Lo, i), 1+listed(a.Interior, i)
		// Element k goes to lo + k·gap; those outside the output are dropped.
		first := 0
		if lo < 0 {
			first = (-lo + gap - 1) / gap
		}
		past := n
		if room := dst.Shape[i] - lo; room <= 0 {
			past = 0
		} else {
			past = min(past, (room-1)/gap+1)
		}
		if past <= first {
			return
		}
		to.Offset += (lo + first*gap) * dst.Strides[i]
		from.Offset += first * src.Strides[i]
		to.Shape[i], to.Strides[i] = past-first, gap*dst.Strides[i]
	}
	d.copyView(to, from)
}

// listed is an attribute list's i-th value; a nil list stands for zeros.
func listed(list []int, i int) int {
	if list == nil {
		return 0
	}
	return list[i]
}

// fill writes one value to every element of a dense view.
func (d *device) fill(v hal.View, value float64) {
	b, size := memory(v), v.DType.Size()
	if len(b) == 0 {
		return
	}
	d.chunks(len(b), grain*8, func(lo, hi int) {
		part := b[lo:hi]
		dtype.Store(part[:size], v.DType, 0, value)
		for done := size; done < len(part); done *= 2 {
			copy(part[done:], part[:done])
		}
	})
}

// iota counts along an axis of a dense view.
func (d *device) iota(v hal.View, axis int) {
	axis, err := shape.Axis(axis, len(v.Shape))
	if err != nil {
		panic(err) // the shape rule has accepted it
	}
	b := memory(v)
	n, inner := v.Shape[axis], product(v.Shape[axis+1:])
	d.chunks(v.Elements(), grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dtype.Store(b, v.DType, i, float64(i/inner%n))
		}
	})
}
