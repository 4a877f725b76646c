package crease

import (
	"fmt"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// RequireGrad makes a tensor a leaf that gradients flow to and returns it. It
// panics for a tensor that was computed from others (Detach it first) and for
// types other than floats.
func (t *Tensor) RequireGrad() *Tensor {
	for _, v := range t.leaf() {
		if err := v.Require(); err != nil {
			panic(err)
		}
	}
	return t
}

// StopGrad makes a leaf one that no gradients flow to and returns it; a gradient that it
// has stays until ZeroGrad. It panics for a tensor that was computed from others.
func (t *Tensor) StopGrad() *Tensor {
	for _, v := range t.leaf() {
		v.Stop()
	}
	return t
}

// leaf is the variables of a leaf.
func (t *Tensor) leaf() []*autograd.Var {
	if !t.handle("require_grad").Leaf() {
		panic(&ops.GradError{Reason: "the tensor was computed from others that require a gradient; Detach it to make it a leaf"})
	}
	vars := []*autograd.Var{t.v}
	if tr := tracing(); tr != nil {
		vars = append(vars, tr.variable(t)) // of a tensor from outside, the value inside too
	}
	return vars
}

// RequiresGrad reports whether gradients flow to the tensor.
func (t *Tensor) RequiresGrad() bool { return t.handle("requires_grad").RequiresGrad() }

// Detach is the same memory without the record of how it was computed.
func (t *Tensor) Detach() *Tensor {
	l := state()
	if tr := l.tracing(); tr != nil {
		return wrap(tr.variable(t).Value(), tr.dev, l)
	}
	return wrap(t.array("detach").Share(), t.dev, l)
}

// Grad is what Backward has accumulated on a leaf, nil before. The handle
// belongs to the leaf: ZeroGrad frees it.
func (t *Tensor) Grad() *Tensor {
	v := t.handle("grad")
	if tr := tracing(); tr != nil {
		v = tr.variable(t)
	}
	g := v.Gradient()
	if g == nil {
		return nil
	}
	if t.grad == nil || t.grad.v != g {
		t.grad = &Tensor{v: g, dev: t.dev}
	}
	return t.grad
}

// SetGrad makes g, of the tensor's type and shape, the accumulated gradient of a leaf in
// place of what is there. The leaf keeps a handle of its own.
func (t *Tensor) SetGrad(g *Tensor) {
	if !t.handle("set_grad").Leaf() || !g.Spec().Equal(t.Spec()) || g.dev != t.dev {
		panic(&ops.GradError{Reason: fmt.Sprintf("a gradient %s on %s for %s on %s: want a leaf, and a gradient of its type, shape and device: Cast it, Reshape it or move it with To", g.Spec(), g.dev, t.Spec(), t.dev)})
	}
	t.ZeroGrad()
	v := t.v
	if tr := tracing(); tr != nil {
		v = tr.variable(t)
	}
	v.SetGradient(g.Detach().Keep().v)
}

// ZeroGrad drops the accumulated gradient.
func (t *Tensor) ZeroGrad() {
	v := t.handle("zero_grad")
	if tr := tracing(); tr != nil {
		v = tr.variable(t)
	}
	if g := v.Gradient(); g != nil {
		if a, ok := g.Value().(*exec.Array); ok {
			a.Release()
		}
		v.SetGradient(nil)
	}
	t.grad = nil
}

// GradOption changes a backward pass.
type GradOption struct {
	walk  autograd.Options
	seeds []*Tensor
}

// CreateGraph records the backward pass, so that its results can be
// differentiated again.
func CreateGraph() GradOption { return GradOption{walk: autograd.Options{CreateGraph: true}} }

// Retain keeps the record for another backward pass over it.
func Retain() GradOption { return GradOption{walk: autograd.Options{Retain: true}} }

// Seeds are the gradients of the outputs, in their order; they are needed
// for outputs of more than one element.
func Seeds(seeds ...*Tensor) GradOption { return GradOption{seeds: seeds} }

// gradOptions joins options.
func gradOptions(opts []GradOption) (o GradOption) {
	for _, p := range opts {
		o.walk.CreateGraph = o.walk.CreateGraph || p.walk.CreateGraph
		o.walk.Retain = o.walk.Retain || p.walk.Retain
		if p.seeds != nil {
			o.seeds = p.seeds
		}
	}
	return o
}

// Backward accumulates the gradient of the tensor on every leaf it depends on.
// A tensor of more than one element needs Seeds. The record is released unless
// asked for. It panics with a *ops.GradError where a gradient does not exist.
func (t *Tensor) Backward(opts ...GradOption) {
	o := gradOptions(opts)
	tr := tracing()
	b, _ := builder(tr, backward, []*Tensor{t})
	var seed ops.Value
	if len(o.seeds) > 0 {
		seed = o.seed(tr, 0)
	}
	if err := autograd.Backward(b, variable(tr, backward, t), seed, o.walk); err != nil {
		panic(err)
	}
}

// backward names the pass in errors.
var backward = &ops.Op{Name: "backward"}

func (o *GradOption) seed(tr *trace, i int) ops.Value {
	v := variable(tr, backward, o.seeds[i])
	if o.walk.CreateGraph {
		return v
	}
	return v.Value()
}

// Grad is the gradient of the sum of the outputs (times the Seeds, if given)
// with respect to each tensor of wrt. Nothing is accumulated on leaves. It
// panics with a *ops.GradError where a gradient does not exist, also for a
// tensor that the outputs do not depend on.
func Grad(outs, wrt []*Tensor, opts ...GradOption) []*Tensor {
	o := gradOptions(opts)
	if len(outs) == 0 {
		panic(&ops.GradError{Reason: "no outputs given: name the tensors to take gradients of"})
	}
	if o.seeds != nil && len(o.seeds) != len(outs) {
		panic(&ops.GradError{Reason: fmt.Sprintf("%d seeds for %d outputs: give crease.Seeds one tensor for each", len(o.seeds), len(outs))})
	}
	tr := tracing()
	b, dev := builder(tr, backward, outs)
	var seeds []ops.Value
	for i := range o.seeds {
		seeds = append(seeds, o.seed(tr, i))
	}
	res, err := autograd.Grad(b, variables(tr, outs), seeds, variables(tr, wrt), o.walk)
	if err != nil {
		panic(err)
	}
	out := make([]*Tensor, len(res))
	for i, v := range res {
		at := dev
		if tr == nil {
			at = wrt[i].dev // a record may lead from one device to another
		}
		out[i] = newTensor(v, at)
	}
	return out
}

func variables(tr *trace, list []*Tensor) []*autograd.Var {
	out := make([]*autograd.Var, len(list))
	for i, t := range list {
		out[i] = variable(tr, backward, t)
	}
	return out
}

// ValueAndGrad calls f, which returns one element, and gives its value and the
// gradient with respect to every input. Nested in itself it gives second and
// higher order: inputs that already require a gradient keep their record.
func ValueAndGrad(f func(in ...*Tensor) *Tensor, in ...*Tensor) (value *Tensor, grads []*Tensor) {
	var opts []GradOption
	leaves := make([]*Tensor, len(in))
	for i, t := range in {
		leaves[i] = t
		if t.RequiresGrad() && recording() {
			opts = []GradOption{CreateGraph()}
		} else {
			leaves[i] = t.Detach().RequireGrad()
		}
	}
	res := Tidy(func() []*Tensor {
		y := f(leaves...)
		return append(Grad([]*Tensor{y}, leaves, opts...), y)
	})
	n := len(in)
	if opts == nil {
		return res[n].Detach(), res[:n]
	}
	return res[n], res[:n]
}

// Assign changes the tensor's elements in place to those of x, which has its
// type and shape, on the same device, and stays as it is. Views of the tensor see the
// change. The change is not recorded: it is for parameters and other state. A recorded
// value that a later Backward needs and that was changed is an error there. An expanded
// view, in which several elements are one, cannot be assigned to.
func (t *Tensor) Assign(x *Tensor) {
	assignable(assign, 0, t)
	if x == nil || x.v == nil {
		panic(&ops.UsageError{Op: assign.Name, Reason: "the value " + x.missing()})
	}
	if tr := tracing(); tr != nil {
		tr.g.Assign(tr.variable(t).Value(), tr.variable(x).Value())
		return
	}
	dst, src := t.array(assign.Name), x.array(assign.Name)
	if t.dev != x.dev {
		panic(&ops.UsageError{Op: assign.Name, Reason: "the value is on device " + x.dev.Name() + " and the tensor on " + t.dev.Name() + ": move one with To"})
	}
	if err := t.dev.engine.Set(dst, src); err != nil {
		panic(err)
	}
}

// assign names the operation in errors.
var assign = &ops.Op{Name: "assign"}
