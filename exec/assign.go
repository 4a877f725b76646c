package exec

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Set copies the elements of src to dst, which has the same spec, and counts a new version
// of dst's memory. Every view of that memory sees the change. The two may overlap. A dst in
// which two elements share memory is refused.
func (e *Engine) Set(dst, src *Array) error {
	if err := e.writable(assign, dst, src.Spec()); err != nil {
		return err
	}
	if err := e.ready(assign, []*Array{dst, src}); err != nil {
		return err
	}
	if dst.overlaps(src) {
		if dst.same(src) {
			dst.block.version.Add(1)
			return nil
		}
		// Read everything before writing.
		fresh, err := e.Eval(ops.Copy, nil, []*Array{src}, nil)
		if err != nil {
			return err
		}
		defer fresh[0].Release()
		src = fresh[0]
	}
	return e.overwrite(dst, src)
}

// assign names the operation in errors.
var assign = &ops.Op{Name: "assign"}

// writable checks that values of a spec can be assigned to an array.
func (e *Engine) writable(op *ops.Op, dst *Array, s ops.Spec) error {
	switch {
	case dst == nil:
		return &ops.UsageError{Op: op.Name, Reason: "the array to change is nil"}
	case !dst.Spec().Equal(s):
		return &ops.ShapeError{Op: op.Name, In: []ops.Spec{dst.Spec(), s}, Rule: "the value must have the type and shape of the tensor it replaces"}
	}
	return Writable(op, dst.layout)
}

// Writable returns an error for a layout that cannot be changed in place, because two
// of its elements share memory. op names the operation in the error.
func Writable(op *ops.Op, l *Layout) error {
	if !shape.Injective(l.spec.Shape, l.strides) {
		return &ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("the tensor %s is an expanded or sliding view, in which several elements are one number in memory: change a Copy of it, or the tensor it is a view of", l.spec)}
	}
	return nil
}

// overwrite copies between arrays that do not overlap.
func (e *Engine) overwrite(dst, src *Array) error {
	p, err := e.planFor(ops.Copy, nil, []*Array{src}, []*Array{dst})
	if err != nil {
		return err
	}
	if p.step == Kernel {
		dst.block.version.Add(1) // also when the launch fails half-way
		err := e.queue(p, []*Array{src}, []*Array{dst})
		runtime.KeepAlive(dst)
		if !errors.Is(err, hal.ErrUnsupported) {
			return err
		}
	}
	if err := e.refuse(ops.Copy, Reference); err != nil {
		return err
	}
	h, err := e.host(src)
	if err != nil {
		return err
	}
	e.stats.of(ops.Copy)[Reference].Add(1)
	dst.block.version.Add(1)
	return e.scatter(dst, h)
}

// EvalInto runs an op and writes its results over arrays that exist, of the results'
// specs: as if every result were assigned, in order, after all of them were computed.
// An array of into may also be an input. Where the kernel can write there, nothing is
// allocated.
func (e *Engine) EvalInto(op *ops.Op, attrs any, in, into []*Array) error {
	if err := e.ready(op, in); err != nil {
		return err
	}
	if err := e.ready(op, into); err != nil {
		return err
	}
	p, err := e.planFor(op, attrs, in, nil)
	if err != nil {
		return err
	}
	if len(into) != len(p.out) {
		return &ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("%d arrays were given for its %d results", len(into), len(p.out))}
	}
	strided := false
	for i, a := range into {
		if err := e.writable(op, a, p.out[i].spec); err != nil {
			return err
		}
		strided = strided || !a.layout.dense
	}
	if strided && !p.view {
		if p, err = e.planFor(op, attrs, in, into); err != nil {
			return err
		}
	}
	if p.step == Kernel && !p.view && apart(p.launch, in, into) {
		for _, a := range into {
			a.block.version.Add(1)
		}
		err := e.queue(p, in, into)
		for _, a := range into {
			runtime.KeepAlive(a)
		}
		if !errors.Is(err, hal.ErrUnsupported) {
			if err == nil {
				p.count[Kernel].Add(1)
			}
			return err
		}
	}
	return e.replace(op, attrs, in, into)
}

// apart reports whether a launch may write over into: no result overlaps another or an
// operand, unless it is that operand and the kernel works in place.
func apart(l *hal.Launch, in, into []*Array) bool {
	for i, a := range into {
		for _, b := range into[:i] {
			if a.overlaps(b) {
				return false
			}
		}
		for k, b := range in {
			if a.overlaps(b) && !(l.InPlace != nil && l.InPlace(i, k) && a.same(b)) {
				return false
			}
		}
	}
	return true
}

// replace computes the results in memory of their own and then assigns them.
func (e *Engine) replace(op *ops.Op, attrs any, in, into []*Array) error {
	out, err := e.Eval(op, attrs, in, nil)
	if err != nil {
		return err
	}
	defer release(out)
	for i, a := range out {
		if exchange(into[i], a) {
			continue
		}
		if err := e.Set(into[i], a); err != nil {
			return err
		}
	}
	return nil
}

// exchange assigns a result, to which there is no other handle, to an array that is a whole
// block. It exchanges their buffers, so that nothing is copied. It returns false and does
// nothing where the block must stay at its address or the two differ in size.
func exchange(dst, src *Array) bool {
	d, s := dst.block, src.block
	if d == s || !dst.whole() || !src.whole() || s.refs.Load() != 1 || d.pins.Load() > 0 ||
		d.own.borrowed || s.own.borrowed || d.own.buf.Size() != s.own.buf.Size() {
		return false
	}
	d.own.buf, s.own.buf = s.own.buf, d.own.buf
	d.version.Add(1)
	return true
}
