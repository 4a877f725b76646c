package crease

import (
	"fmt"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
)

// CompileError is a function that cannot be compiled, or a compiled one that
// is misused.
type CompileError struct{ Reason string }

func (e *CompileError) Error() string { return "compile: " + e.Reason }

// trace is a function being recorded. Tensors from outside are captured by
// reference: each becomes an input of the graph whose present elements are read
// in every call, and assignments to it are carried out after every call.
type trace struct {
	g        *graph.Graph
	dev      *Device
	captures []*capture
	byVar    map[*autograd.Var]*capture
}

// capture is a tensor from outside.
type capture struct {
	t       *Tensor
	now     *autograd.Var // its value at this point of the function
	changed bool
}

func newTrace(dev *Device) *trace {
	return &trace{g: graph.New(), dev: dev, byVar: map[*autograd.Var]*capture{}}
}

// variable is a tensor as a value of the graph.
func (tr *trace) variable(t *Tensor) *autograd.Var {
	switch v := t.v.Value().(type) {
	case *graph.Value:
		if !tr.g.Owns(v) {
			panic(&CompileError{"a tensor made while another function was being compiled was used: return it from that function instead"})
		}
		return t.v
	case *exec.Array:
		return tr.capture(t).now
	}
	panic(&CompileError{fmt.Sprintf("a tensor that holds a %T cannot be recorded", t.v.Value())})
}

func (tr *trace) capture(t *Tensor) *capture {
	if c := tr.byVar[t.v]; c != nil {
		return c
	}
	t.array("compile") // not freed
	switch {
	case t.dev != tr.dev:
		panic(&CompileError{fmt.Sprintf("a tensor on device %s was used in a function compiled for %s: move it with To before", t.dev, tr.dev)})
	case t.v.RequiresGrad() && !t.v.Leaf():
		panic(&CompileError{"a tensor that was computed outside with gradients recorded was used: its gradient would be lost; Detach it, or compute it inside"})
	case t.v.Gradient() != nil:
		panic(&CompileError{"a leaf already carries a gradient: call ZeroGrad before the function is compiled"})
	}
	c := &capture{t: t}
	c.now = tr.leaf(tr.g.Input(t.Spec(), fmt.Sprintf("captured %d", len(tr.captures))), t.v.RequiresGrad())
	tr.captures = append(tr.captures, c)
	tr.byVar[t.v] = c
	return c
}

func (tr *trace) leaf(v ops.Value, requires bool) *autograd.Var {
	x, err := autograd.NewVar(v, requires)
	if err != nil {
		panic(err)
	}
	return x
}

// assign records a change in place: of a captured tensor, carried out after
// every call; of a value of the graph, by renaming it.
func (tr *trace) assign(t, x *Tensor) {
	value := tr.variable(x).Value()
	if !value.Spec().Equal(t.Spec()) {
		panic(&ops.ShapeError{Op: "assign", In: []ops.Spec{t.Spec(), x.Spec()}, Rule: "the value must have the type and shape of the tensor it replaces"})
	}
	if _, inside := t.v.Value().(*graph.Value); inside {
		if !t.v.Leaf() {
			panic(&ops.GradError{Reason: "assigning to a tensor that was computed with gradients recorded; Detach it first"})
		}
		t.v = tr.leaf(value, t.v.RequiresGrad())
		return
	}
	c := tr.capture(t)
	if c.now.Gradient() != nil {
		// Eager keeps the gradient of a leaf whose elements change.
		next := tr.leaf(value, c.now.RequiresGrad())
		next.SetGradient(c.now.Gradient())
		c.now, c.changed = next, true
		return
	}
	c.now, c.changed = tr.leaf(value, c.now.RequiresGrad()), true
}

// owned is a value that shares no memory with an input of the graph.
func (tr *trace) owned(v ops.Value) ops.Value {
	if tr.g.Aliased(v) {
		return ops.Copy.Of(tr.g, v)
	}
	return v
}

// finish checks that nothing recorded would be lost.
func (tr *trace) finish() error {
	for _, c := range tr.captures {
		if c.now.Gradient() != nil {
			return &CompileError{fmt.Sprintf("the function leaves a gradient on a leaf (%s): use it and call ZeroGrad inside, or return gradients with Grad", c.t.Spec())}
		}
	}
	return nil
}
