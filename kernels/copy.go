package kernels

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// Copying is a map of the identity from one window of an array to another, and full is a map
// without inputs. The kernels of this file are made of these two.
var (
	identity = &expr.Node{Op: expr.OpInput}
	constant = &expr.Node{Op: expr.OpParam}
)

// addCopies registers the ops that consist of copies, for every element type.
func (l *Library) addCopies(r *hal.Registry) {
	add := func(op *ops.Op, layout hal.Layout, plan func(c *hal.Call, out window, in []window) ([]*step, error)) {
		r.Add(&hal.Kernel{
			Key: hal.Key{Op: op.Name, Layout: layout}, Name: op.Name + "_windows", Priority: hal.Portable,
			Accepts: func(c *hal.Call) bool { return indexable(c) && l.computes(classOf(bitsType(c.Out[0].DType))) },
			Plan: func(c *hal.Call) (hal.Launch, error) {
				all := windows(c)
				steps, err := plan(c, all[len(c.In)], all[:len(c.In)])
				return launchOf(steps, 0, nil), err
			},
		})
	}
	add(ops.Copy, hal.Free, func(_ *hal.Call, out window, in []window) ([]*step, error) { return l.move(out, in[0]) })
	add(ops.Full, hal.Dense, func(c *hal.Call, out window, _ []window) ([]*step, error) {
		return l.fill(out, c.Attrs.(ops.FullAttrs).Bits())
	})
	add(ops.Concat, hal.Strided, l.concat)
	add(ops.Pad, hal.Strided, l.pad)
}

// move copies between windows of one shape and type, bit for bit.
func (l *Library) move(dst, src window) ([]*step, error) {
	dst.DType, src.DType = bitsType(dst.DType), bitsType(src.DType)
	return l.planMap("copy", identity, nil, dst, []window{src})
}

// fill sets every element of a window to the one whose bytes are given.
func (l *Library) fill(dst window, b [8]byte) ([]*step, error) {
	t := bitsType(dst.DType)
	bits := dtype.Load(b[:], t, 0)
	if t != dtype.F32 { // the bits are a whole number, maybe too long for a float64
		return l.fillBits(dst, t, dtype.LoadInt(b[:], t, 0))
	}
	dst.DType = t
	return l.planMap("fill", constant, []float64{bits}, dst, nil)
}

// fillBits sets every element of a window to a bit pattern. Parameters of maps are passed as
// float64, which does not hold every 64-bit number, so those are passed in two halves.
func (l *Library) fillBits(dst window, t dtype.Type, bits int64) ([]*step, error) {
	dst.DType = t
	hi, lo := float64(uint64(bits)>>32), float64(uint64(bits)&0xffffffff)
	return l.planMap("fill", joined, []float64{hi, lo}, dst, nil)
}

// joined puts the two halves of a number together.
var joined = expr.MustParse("p0 * 65536 * 65536 + p1")

func (l *Library) concat(c *hal.Call, out window, in []window) (steps []*step, err error) {
	axis, err := shape.Axis(c.Attrs.(ops.ConcatAttrs).Axis, len(out.Shape))
	if err != nil {
		return nil, err
	}
	for _, w := range in {
		part := out
		part.Shape = w.Shape
		more, err := l.move(part, w)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
		out.Offset += w.Shape[axis] * out.Strides[axis]
	}
	return steps, nil
}

// pad fills the result with the padding, then copies to it the part of the input that stays.
func (l *Library) pad(c *hal.Call, y window, in []window) ([]*step, error) {
	a, x := c.Attrs.(ops.PadAttrs), in[0]
	steps, err := l.fill(y, a.Bits(y.DType))
	if err != nil {
		return nil, err
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
			return steps, nil
		}
		from.Offset += first * x.Strides[i]
		from.Shape[i] = last - first + 1
		to.Offset += (lo + first*step) * y.Strides[i]
		to.Strides[i] = step * y.Strides[i]
	}
	to.Shape = from.Shape
	more, err := l.move(to, from)
	return append(steps, more...), err
}

// at returns an element of a list, 0 where the list is absent.
func at(list []int, i int) int {
	if list == nil {
		return 0
	}
	return list[i]
}

// floor returns a/b rounded down.
func floor(a, b int) int {
	if a < 0 {
		return -ceil(-a, b)
	}
	return a / b
}
