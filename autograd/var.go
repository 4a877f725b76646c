package autograd

import (
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/ops"
)

// Var is a value with its place in the record. It is itself an ops.Value, for
// builders that record (Tape).
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

// Init makes a zero Var a wrapper of a value that needs no gradient.
func (v *Var) Init(val ops.Value) { v.val = val }

// Require makes a leaf one that gradients flow to. It fails for types other than floats.
func (v *Var) Require() error {
	if !v.val.Spec().DType.IsFloat() {
		return &ops.GradError{Reason: "only floating-point tensors can require a gradient, this one is " + v.val.Spec().DType.String()}
	}
	v.requires = true
	return nil
}

// Stop makes a leaf one that no gradients flow to.
func (v *Var) Stop() { v.requires = false }

// Spec is the element type and shape.
func (v *Var) Spec() ops.Spec { return v.val.Spec() }

// Value is the builder's value behind the variable.
func (v *Var) Value() ops.Value { return v.val }

// RequiresGrad reports whether gradients flow to the variable.
func (v *Var) RequiresGrad() bool { return v.requires }

// Leaf is true for variables that no recorded op has made.
func (v *Var) Leaf() bool { return v.node == nil }

// Gradient is what Backward has accumulated on a leaf, nil before.
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

// node is one recorded op.
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

// edge is an input of a node.
type edge struct {
	from source // zero when no gradient flows there
	saved
}

type output struct{ saved }

// saved is a value kept for the gradient rule, or the outline of one that the rule does
// not read.
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

// release lets go of the value and keeps its outline.
func (s *saved) release() {
	if h, ok := s.Value.(ops.Holder); ok && s.data {
		s.Value = h.Outline()
		h.Release()
	}
	s.data = false
}

// changed reports a change in place since the value was saved.
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
