package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Kernels that move elements look at their size only.

func init() {
	declare(func(d *device) {
		add := func(op *ops.Op, l hal.Layout, f planner) { d.add(op.Name, dtype.Invalid, l, hal.Generic, nil, f) }
		add(ops.Copy, hal.Free, func(c *call) task { return task{run: d.copying(&c.out[0], &c.in[0])} })
		add(ops.Cast, hal.Strided, d.cast)
		add(ops.Concat, hal.Strided, d.concat)
		add(ops.Pad, hal.Strided, d.pad)
		add(ops.Full, hal.Dense, func(c *call) task {
			fill := d.filling(&c.out[0], c.attrs.(ops.FullAttrs).Bits())
			return task{run: func([]byte) error {
				fill()
				return nil
			}}
		})
		add(ops.Iota, hal.Dense, d.iota)
	})
}

// copying plans a copy between operands of one shape and element size.
func (d *device) copying(dst, src *operand) func([]byte) error {
	switch dst.DType.Size() {
	case 1:
		return copyStrided[uint8](d, dst, src)
	case 2:
		return copyStrided[uint16](d, dst, src)
	case 4:
		return copyStrided[uint32](d, dst, src)
	default:
		return copyStrided[uint64](d, dst, src)
	}
}

// tile is the side of the squares that transposes are done in: a line of the
// cache in either direction.
const tile = 16

func copyStrided[T number](d *device, dst, src *operand) func([]byte) error {
	n := dst.n
	if n == 0 {
		return nothing.run
	}
	dims, s := shape.Collapse(dst.Shape, dst.Strides, src.Strides)
	if len(dims) == 0 {
		return func([]byte) error {
			whole[T](dst)[dst.Offset] = whole[T](src)[src.Offset]
			return nil
		}
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
		return transposing[T](d, dst, src, dims, s, unit)
	}
	if last == 0 && ds == 1 && ss == 1 {
		body := func(lo, hi int) {
			copy(whole[T](dst)[dst.Offset+lo:dst.Offset+hi], whole[T](src)[src.Offset+lo:])
		}
		return func([]byte) error {
			d.chunks(n, 4*grain, body)
			return nil
		}
	}
	body := func(lo, hi int) {
		to, from := whole[T](dst), whole[T](src)
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
	}
	return func([]byte) error {
		d.rows(n/inner, inner, body)
		return nil
	}
}

// transposing plans a copy where the source is contiguous along axis unit and the
// destination along the last: in tiles over both.
func transposing[T number](d *device, dst, src *operand, dims []int, s [][]int, unit int) func([]byte) error {
	last := len(dims) - 1
	inner, width := dims[last], dims[unit]
	planes := product(dims) / inner / width
	strips := (width + tile - 1) / tile
	each := max(1, grain/(tile*inner))
	body := func(lo, hi int) {
		to, from := whole[T](dst), whole[T](src)
		for task := lo; task < hi; task++ {
			u0 := task % strips * tile
			rest := task / strips
			a, b := dst.Offset, src.Offset
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
	}
	return func([]byte) error {
		d.chunks(planes*strips, each, body)
		return nil
	}
}

// cast converts element types, from any strides to a dense output.
func (d *device) cast(c *call) task {
	dst, src := &c.out[0], &c.in[0]
	n := dst.n
	if n == 0 {
		return nothing
	}
	si, so := src.DType.Size(), dst.DType.Size()
	if src.Dense() {
		body := func(lo, hi int) {
			dtype.Convert(dst.memory()[lo*so:hi*so], dst.DType, src.memory()[lo*si:hi*si], src.DType)
		}
		return task{run: func([]byte) error {
			d.chunks(n, grain, body)
			return nil
		}}
	}
	dims, strides := shape.Collapse(src.Shape, src.Strides)
	inner, step := 1, 0
	if last := len(dims) - 1; last >= 0 {
		inner, step = dims[last], strides[0][last]
	}
	body := func(lo, hi int) {
		in, out := src.mem, dst.memory()
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
	}
	return task{run: func([]byte) error {
		d.rows(n/inner, inner, body)
		return nil
	}}
}

// part is a window of an operand, whose memory is that of the operand when it runs.
type part struct {
	operand
	of    *operand
	shift int // from the operand's first element to the window's
}

func newPart(of *operand, dims, strides []int, shift int) *part {
	v := of.View
	v.Shape, v.Strides = dims, strides
	return &part{newOperand(v), of, shift}
}

// place finds the window's memory.
func (p *part) place() { p.mem, p.Offset = p.of.mem, p.of.Offset+p.shift }

// concat copies every input into its stretch of the output.
func (d *device) concat(c *call) task {
	out := &c.out[0]
	axis := axisOf(c.attrs.(ops.ConcatAttrs).Axis, len(out.Shape))
	var parts []*part
	var copies []func([]byte) error
	at := 0
	for i := range c.in {
		in := &c.in[i]
		p := newPart(out, in.Shape, out.Strides, at*out.Strides[axis])
		parts, copies = append(parts, p), append(copies, d.copying(&p.operand, in))
		at += in.Shape[axis]
	}
	return task{run: func([]byte) error {
		for i, p := range parts {
			p.place()
			if err := copies[i](nil); err != nil {
				return err
			}
		}
		return nil
	}}
}

// pad fills the output and copies the input, less what negative padding crops,
// to every (interior+1)-th place.
func (d *device) pad(c *call) task {
	a, src, dst := c.attrs.(ops.PadAttrs), &c.in[0], &c.out[0]
	fill := d.filling(dst, a.Bits(dst.DType))
	empty := task{run: func([]byte) error {
		fill()
		return nil
	}}
	dims, strides := shape.Clone(src.Shape), shape.Clone(dst.Strides)
	to, from := 0, 0
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
			return empty
		}
		to += (lo + first*gap) * dst.Strides[i]
		from += first * src.Strides[i]
		dims[i], strides[i] = past-first, gap*dst.Strides[i]
	}
	target, source := newPart(dst, dims, strides, to), newPart(src, dims, src.Strides, from)
	move := d.copying(&target.operand, &source.operand)
	return task{run: func([]byte) error {
		fill()
		target.place()
		source.place()
		return move(nil)
	}}
}

// listed is an attribute list's i-th value; a nil list stands for zeros.
func listed(list []int, i int) int {
	if list == nil {
		return 0
	}
	return list[i]
}

// filling plans writing the bytes of one element to all of a dense operand.
func (d *device) filling(o *operand, bits [8]byte) func() {
	size := o.DType.Size()
	if o.n == 0 {
		return func() {}
	}
	body := func(lo, hi int) {
		part := o.memory()[lo:hi]
		copy(part[:size], bits[:])
		for done := size; done < len(part); done *= 2 {
			copy(part[done:], part[:done])
		}
	}
	return func() { d.chunks(o.bytes, grain*8, body) }
}

// iota counts along an axis of a dense operand.
func (d *device) iota(c *call) task {
	o := &c.out[0]
	axis := axisOf(c.attrs.(ops.IotaAttrs).Axis, len(o.Shape))
	n, inner := o.Shape[axis], product(o.Shape[axis+1:])
	body := func(lo, hi int) {
		b := o.memory()
		for i := lo; i < hi; i++ {
			dtype.StoreInt(b, o.DType, i, int64(i/inner%n))
		}
	}
	return task{run: func([]byte) error {
		d.chunks(o.n, grain, body)
		return nil
	}}
}
