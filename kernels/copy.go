package kernels

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// Copies are maps of the identity, which move windows of arrays; full is a map
// without inputs.
var (
	identity = &expr.Node{Op: expr.OpInput}
	constant = &expr.Node{Op: expr.OpParam}
)

// addCopies registers what is made of copies, for every element type.
func (l *Library) addCopies(r *hal.Registry) {
	add := func(op *ops.Op, layout hal.Layout, run func(hal.Stream, *hal.Call) error) {
		r.Add(&hal.Kernel{
			Key: hal.Key{Op: op.Name, Layout: layout}, Name: op.Name + "_windows", Priority: hal.Portable, Run: run,
			Accepts: func(c *hal.Call) bool { return indexable(c) && l.computes(classOf(bitsType(c.Out[0].DType))) },
		})
	}
	add(ops.Copy, hal.Strided, func(s hal.Stream, c *hal.Call) error { return l.move(s, c.Out[0], c.In[0]) })
	add(ops.Full, hal.Dense, func(s hal.Stream, c *hal.Call) error { return l.fill(s, c.Out[0], c.Attrs.(ops.FullAttrs).Value) })
	add(ops.Concat, hal.Strided, l.concat)
	add(ops.Pad, hal.Strided, l.pad)
}

// move copies between views of one shape and type, bit for bit.
func (l *Library) move(s hal.Stream, dst, src hal.View) error {
	dst.DType, src.DType = bitsType(dst.DType), bitsType(src.DType)
	return l.runMap(s, "copy", identity, nil, &hal.Call{In: []hal.View{src}, Out: []hal.View{dst}})
}

// fill sets every element to a value, which is rounded to the element type once.
func (l *Library) fill(s hal.Stream, dst hal.View, v float64) error {
	var b [8]byte
	dtype.Store(b[:], dst.DType, 0, v)
	t := bitsType(dst.DType)
	bits := dtype.Load(b[:], t, 0)
	if t != dtype.F32 { // the bits are a whole number, maybe too long for a float64
		return l.fillBits(s, dst, t, dtype.LoadInt(b[:], t, 0))
	}
	dst.DType = t
	return l.runMap(s, "fill", constant, []float64{bits}, &hal.Call{Out: []hal.View{dst}})
}

// fillBits sets 64-bit, 16-bit and 8-bit elements. A parameter passes through a
// float64, so long ones go in two halves.
func (l *Library) fillBits(s hal.Stream, dst hal.View, t dtype.Type, bits int64) error {
	dst.DType = t
	hi, lo := float64(uint64(bits)>>32), float64(uint64(bits)&0xffffffff)
	return l.runMap(s, "fill", joined, []float64{hi, lo}, &hal.Call{Out: []hal.View{dst}})
}

// joined is two halves of a number.
var joined = expr.MustParse("p0 * 65536 * 65536 + p1")

func (l *Library) concat(s hal.Stream, c *hal.Call) error {
	out := c.Out[0]
	axis, err := shape.Axis(c.Attrs.(ops.ConcatAttrs).Axis, len(out.Shape))
	if err != nil {
		return err
	}
	for _, in := range c.In {
		window := out
		window.Shape = in.Shape
		if err := l.move(s, window, in); err != nil {
			return err
		}
		out.Offset += in.Shape[axis] * out.Strides[axis]
	}
	return nil
}

// pad fills the result and copies the part of the input that stays into it.
func (l *Library) pad(s hal.Stream, c *hal.Call) error {
	a, x, y := c.Attrs.(ops.PadAttrs), c.In[0], c.Out[0]
	if err := l.fill(s, y, a.Value); err != nil {
		return err
	}
	from, to := x, y
	from.Shape, to.Strides = shape.Clone(x.Shape), shape.Clone(y.Strides)
	for i, n := range x.Shape {
		lo, step := at(a.Lo, i), at(a.Interior, i)+1
		// Elements first to last land inside.
		first, last := 0, n-1
		if lo < 0 {
			first = ceil(-lo, step)
		}
		if room := y.Shape[i] - 1 - lo; room < last*step {
			last = floor(room, step)
		}
		if last < first {
			return nil
		}
		from.Offset += first * x.Strides[i]
		from.Shape[i] = last - first + 1
		to.Offset += (lo + first*step) * y.Strides[i]
		to.Strides[i] = step * y.Strides[i]
	}
	to.Shape = from.Shape
	return l.move(s, to, from)
}

// at is an element of a list that may be absent, for zeros.
func at(list []int, i int) int {
	if list == nil {
		return 0
	}
	return list[i]
}

// floor is a/b rounded down.
func floor(a, b int) int {
	if a < 0 {
		return -ceil(-a, b)
	}
	return a / b
}
