package autograd

import (
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/ops"
)

// Var holds a value and its place in the record of how it was computed. It is itself an
// ops.Value, of the builder Tape.
type Var struct {
	val      ops.Value
	node     *node // what made it; nil for a leaf
	index    int   // which output of node
	requires bool
	origin   *Var // for a second handle of a leaf: the leaf itself

	mu   sync.Mutex // held while a gradient is added
	grad *Var       // leaves: what Backward has accumulated
}

// NewVar wraps a value as a leaf. Only floating-point values can require a
// gradient.
func NewVar(v ops.Value, requiresGrad bool) (*Var, error) {
	x := &Var{}
	x.Init(v)
	if requiresGrad {
		if err := x.Require(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Constant wraps a value that needs no gradient.
func Constant(v ops.Value) *Var { return &Var{val: v} }

// Init makes a zero Var hold a value that needs no gradient.
func (v *Var) Init(val ops.Value) { v.val = val }

// Require lets gradients flow to a leaf. It fails for types other than floats.
func (v *Var) Require() error {
	if !v.val.Spec().DType.IsFloat() {
		return &ops.GradError{Reason: "only floating-point tensors can require a gradient, this one is " + v.val.Spec().DType.String()}
	}
	v.requires = true
	return nil
}

// Stop lets no more gradients flow to a leaf.
func (v *Var) Stop() { v.requires = false }

// Spec returns the element type and shape.
func (v *Var) Spec() ops.Spec { return v.val.Spec() }

// Value returns the builder's value behind the variable.
func (v *Var) Value() ops.Value { return v.val }

// RequiresGrad reports whether gradients flow to the variable.
func (v *Var) RequiresGrad() bool { return v.requires }

// Leaf reports whether the variable is no result of a recorded op.
func (v *Var) Leaf() bool { return v.node == nil }

// Gradient returns what Backward has accumulated on a leaf, nil before.
func (v *Var) Gradient() *Var {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.grad
}

// SetGradient replaces the accumulated gradient; nil clears it.
func (v *Var) SetGradient(g *Var) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.grad = g
}

// source identifies a variable in the record: a leaf, or an output of a node.
type source struct {
	leaf  *Var
	node  *node
	index int
}

func (v *Var) source() source {
	switch {
	case v.node != nil:
		return source{node: v.node, index: v.index}
	case v.origin != nil:
		return source{leaf: v.origin}
	}
	return source{leaf: v}
}

// node holds one recorded op.
type node struct {
	seq    uint64 // order of recording: inputs come before users
	op     *ops.Op
	attrs  any // bound
	in     []edge
	out    []output
	walked bool // a backward pass has released the saved values

	walk   atomic.Pointer[walk] // the pass that is walking it
	first  int                  // the pass's number for the gradient of output 0
	useful bool                 // a target of the pass is behind it

	ins  [2]edge // room for in and out
	outs [1]output
}

// edge holds an input of a node.
type edge struct {
	from source // zero when no gradient flows there
	saved
}

type output struct{ saved }

// saved holds a value that the gradient rule reads, or the outline of one that it does not
// read.
type saved struct {
	ops.Value
	version uint32
	data    bool
}

var sequence atomic.Uint64

func keep(v ops.Value, data bool) saved {
	h, ok := v.(ops.Holder)
	switch {
	case !data && ok:
		return saved{Value: h.Outline()}
	case !data:
		return saved{Value: &ops.Absent{S: v.Spec()}}
	case ok:
		return saved{h.Share(), h.Version(), true}
	}
	return saved{Value: v, data: true}
}

// release gives the value up and keeps its outline.
func (s *saved) release() {
	if h, ok := s.Value.(ops.Holder); ok && s.data {
		s.Value = h.Outline()
		h.Release()
	}
	s.data = false
}

// changed reports whether the value has been changed in place since it was saved.
func (s *saved) changed() bool {
	h, ok := s.Value.(ops.Holder)
	return ok && h.Version() != s.version
}

func (n *node) release() {
	n.walked = true
	for i := range n.in {
		n.in[i].release()
	}
	for i := range n.out {
		n.out[i].release()
	}
}
