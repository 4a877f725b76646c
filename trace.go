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

// Misuse marks a mistake of the caller.
func (*CompileError) Misuse() {}

// trace is a function being recorded. Tensors from outside are captured by their memory:
// each becomes an input of the graph, and those that share memory share a storage there,
// so that a change through one is seen through the others, as eagerly.
type trace struct {
	g        *graph.Graph
	dev      *Device
	captures []*capture
	byVar    map[*autograd.Var]*capture
	storages map[*exec.Block]*graph.Storage
	failure  error // the first one, also where somebody recovered from it
}

// capture is a tensor from outside.
type capture struct {
	t        *Tensor
	block    *exec.Block
	requires bool          // a gradient, when it was captured
	inside   *autograd.Var // the tensor in the function
}

func newTrace(dev *Device) *trace {
	return &trace{g: graph.New(dev.engine), dev: dev, byVar: map[*autograd.Var]*capture{}, storages: map[*exec.Block]*graph.Storage{}}
}

// fail notes why the function cannot be compiled.
func (tr *trace) fail(format string, args ...any) *CompileError {
	err := &CompileError{fmt.Sprintf(format, args...)}
	tr.note(err)
	return err
}

// note keeps the first error for the end of the recording, should the function recover from it.
func (tr *trace) note(err error) error {
	if tr.failure == nil {
		tr.failure = err
	}
	return err
}

// input is an array from outside as a value of the graph.
func (tr *trace) input(a *exec.Array, name string) *graph.Value {
	s := tr.storages[a.Block()]
	if s == nil {
		s = &graph.Storage{}
		tr.storages[a.Block()] = s
	}
	return tr.g.InputOn(s, a.Layout(), name)
}

// variable is a tensor as a value of the graph.
func (tr *trace) variable(t *Tensor) *autograd.Var {
	switch v := t.handle("compile").Value().(type) {
	case *graph.Value:
		if !tr.g.Owns(v) {
			panic(tr.fail("a tensor made while another function was being compiled was used: return it from that function instead"))
		}
		return t.v
	case *exec.Array:
		return tr.capture(t).inside
	}
	panic(tr.fail("a tensor that holds a %T cannot be recorded", t.v.Value()))
}

// values are the builder's values of tensors.
func (tr *trace) values(op *ops.Op, list []*Tensor) []ops.Value {
	out := make([]ops.Value, len(list))
	for i, t := range list {
		out[i] = variable(tr, op, t).Value()
	}
	return out
}

func (tr *trace) capture(t *Tensor) *capture {
	if c := tr.byVar[t.v]; c != nil {
		return c
	}
	a := t.array("compile") // not freed
	switch {
	case t.dev != tr.dev:
		panic(tr.fail("a tensor on device %s was used in a function compiled for %s: move it with To before", t.dev, tr.dev))
	case t.v.RequiresGrad() && !t.v.Leaf():
		panic(tr.fail("a tensor that was computed outside with gradients recorded was used: its gradient would be lost; Detach it, or compute it inside"))
	}
	c := &capture{t: t, block: a.Block(), requires: t.v.RequiresGrad()}
	if err := c.ready(); err != nil {
		panic(tr.note(err))
	}
	v, err := autograd.NewVar(tr.input(a, fmt.Sprintf("captured %d", len(tr.captures))), c.requires)
	if err != nil {
		panic(err)
	}
	c.inside = v
	tr.captures = append(tr.captures, c)
	tr.byVar[t.v] = c
	return c
}

// ready checks, before the function is recorded or run, that a tensor from outside is
// there and carries no gradient to which the function would have to add.
func (c *capture) ready() error {
	a, ok := c.t.v.Value().(*exec.Array)
	switch {
	case !ok || a.Released():
		return &ops.UsageError{Op: "compile", Reason: fmt.Sprintf("a tensor %s that the function uses has been freed: Keep it as long as the function", c.t.Spec())}
	case c.requires && recording() && c.t.v.Gradient() != nil:
		return &CompileError{"a leaf that the function uses carries a gradient: call ZeroGrad before, or call it inside NoGrad"}
	}
	return nil
}

// finish checks that nothing recorded would be lost.
func (tr *trace) finish() error {
	if tr.failure != nil {
		return tr.failure
	}
	for _, c := range tr.captures {
		if c.inside.Gradient() != nil {
			return &CompileError{fmt.Sprintf("the function leaves a gradient on a leaf (%s): use it and call ZeroGrad inside, or return gradients with Grad", c.t.Spec())}
		}
	}
	return nil
}
