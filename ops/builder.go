package ops

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Spec is the element type and the shape of a value.
type Spec struct {
	DType dtype.Type
	Shape []int
}

func (s Spec) String() string { return s.DType.String() + shape.String(s.Shape) }

// Elements is the number of elements.
func (s Spec) Elements() int { return shape.MustElements(s.Shape) }

// Bytes is the size in memory when dense.
func (s Spec) Bytes() int { return s.Elements() * s.DType.Size() }

// Equal compares element type and shape.
func (s Spec) Equal(t Spec) bool { return s.DType == t.DType && shape.Equal(s.Shape, t.Shape) }

// Value is what a builder's ops take and give: an array on a device, a node
// of a graph, or a variable of reverse mode around either.
type Value interface{ Spec() Spec }

// Builder is the seam between eager and compiled: the eager builder runs an
// op, the recording one records it, and everything written over Builder
// (gradients, lowerings, layers) is written once.
//
// Apply panics with a *UsageError, *ShapeError, *DTypeError or *AttrError on misuse and
// with a *hal.DeviceError when the device fails; crease.Try recovers them.
type Builder interface {
	Apply(op *Op, attrs any, in ...Value) []Value
	Const(h Host) Value
}

// Scoper (optional) is a builder whose values hold memory. Begin returns a
// builder that remembers every value it makes, and a function that frees all
// of them but those given.
type Scoper interface {
	Begin() (b Builder, end func(keep ...Value))
}

// Scoped runs f and frees the values it made and did not return; all of them when f
// panics.
func Scoped(b Builder, f func(Builder) []Value) (out []Value) {
	s, ok := b.(Scoper)
	if !ok {
		return f(b)
	}
	inner, end := s.Begin()
	defer func() { end(out...) }()
	return f(inner)
}

// Writer (optional) is a builder whose values can be changed in place. It panics as
// Apply does.
type Writer interface {
	Builder
	// Assign changes the elements of dst to those of src, which has the same spec.
	// Views of the same memory see the change.
	Assign(dst, src Value)
	// ApplyInto applies an op and assigns its results to the values of into, in order,
	// without making arrays for them where that is possible. A value of into may be an
	// input too.
	ApplyInto(op *Op, attrs any, in, into []Value)
}

// Owner (optional) is a builder whose values may share memory.
type Owner interface {
	Builder
	// Own is a value with the same elements, dense, in memory that nothing else can see or
	// change: the value itself where it is so, else a copy. The caller gives up the value
	// for it.
	Own(v Value) Value
}

// Holder (optional) is a value that holds memory shared with others.
type Holder interface {
	Value
	// Share is a second handle of the same memory, released by itself.
	Share() Value
	// Release drops the handle. Releasing twice is a no-op.
	Release()
	// Version counts the changes made in place to the memory.
	Version() uint32
	// Outline is a value of the same spec without memory.
	Outline() Value
}

// GradCall is one application of a gradient rule.
type GradCall struct {
	B     Builder
	Op    *Op
	Attrs any
	In    []Value // those not in Op.Saves have a Spec and no data
	Out   []Value // likewise
	D     []Value // gradient of each output; nil where nothing flows back
	Needs []bool  // which inputs want a gradient; the others may be left nil

	room [2]Value // for the results of the rule
}

// results makes a list for the gradients of n inputs. It lasts until the call is used for
// another node.
func (g *GradCall) results(n int) []Value {
	if n > len(g.room) {
		return make([]Value, n)
	}
	clear(g.room[:])
	return g.room[:n]
}

// Clear lets go of all values, and keeps the lists for another call.
func (g *GradCall) Clear() {
	clear(g.In[:cap(g.In)])
	clear(g.Out[:cap(g.Out)])
	clear(g.D[:cap(g.D)])
	g.B, g.Attrs, g.room = nil, nil, [2]Value{}
}

// Dense gradients of outputs: where nothing flows back, zeros.
func (g *GradCall) Grad(i int) Value {
	if g.D[i] != nil {
		return g.D[i]
	}
	return Zeros(g.B, g.Out[i].Spec())
}

// Absent is a value of known spec without data: what a gradient rule sees of
// an input that its row does not save. Builders refuse it.
type Absent struct {
	S     Spec
	Op    *Op
	What  string // "input" or "output" of the op
	Index int    // which
}

// Spec is the spec of the value that is not there.
func (a *Absent) Spec() Spec { return a.S }

// InputError returns a *UsageError for values that are nil or absent.
func InputError(op *Op, in []Value) error {
	for i, v := range in {
		switch v := v.(type) {
		case nil:
			return &UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d is nil", i)}
		case *Absent:
			return &UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d is %s %d of %s, which was not saved for the gradient: add it to the row's Saves", i, v.What, v.Index, v.Op.Name)}
		}
	}
	return nil
}

// CheckInputs panics on values that are nil or absent; builders call it first.
func CheckInputs(op *Op, in []Value) {
	if err := InputError(op, in); err != nil {
		panic(err)
	}
}

func hostSpecs(in []Host) []Spec {
	out := make([]Spec, len(in))
	for i, h := range in {
		out[i] = h.Spec
	}
	return out
}

// SpecsOf lists the specs of values.
func SpecsOf[V Value](in []V) []Spec {
	out := make([]Spec, len(in))
	for i, v := range in {
		out[i] = v.Spec()
	}
	return out
}
