package crease

import (
	"fmt"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// Apply runs any row of the op table. Inputs that the row promotes (those of
// elementwise ops, of matrix products and of Concat) are cast to their common type by
// PyTorch's rule (dtype.Promote): an i64 beside an f32 becomes f32, and loses what that does
// not hold. attrs is the row's attribute struct, nil for rows without one.
func Apply(op *ops.Op, attrs any, in ...*Tensor) []*Tensor {
	return apply(state(), op, attrs, promote(op, in), nil)
}

func apply1(op *ops.Op, attrs any, in ...*Tensor) *Tensor {
	var room [1]*Tensor
	return apply(state(), op, attrs, promote(op, in), room[:0])[0]
}

// apply runs an op on inputs that wantTensors has looked at, or records it in a function that
// is being compiled, and appends the results to out. It calls nothing that may call it, so that its callers' slices stay on
// their stacks.
func apply(l *local, op *ops.Op, attrs any, in, out []*Tensor) []*Tensor {
	record := l.recording() && needGrad(in)
	if l.tracing() != nil || record && !autograd.Recordable(op) {
		return applyVia(l, record, op, attrs, in, out)
	}
	dev := device(op.Name, in)
	var arrayRoom [8]*exec.Array
	arrays := arrayRoom[:0]
	for _, t := range in {
		arrays = append(arrays, t.array(op.Name))
	}
	var resRoom [4]*exec.Array
	res, err := dev.engine.Eval(op, attrs, arrays, resRoom[:0])
	if err != nil {
		panic(err)
	}
	if l.checking() {
		lookAt(op, arrays, res, false)
	}
	n := len(out)
	for _, a := range res {
		out = append(out, wrap(a, dev, l))
	}
	if record {
		var inRoom [8]*autograd.Var
		var outRoom [4]*autograd.Var
		vars, results := inRoom[:0], outRoom[:0]
		for _, t := range in {
			vars = append(vars, t.v)
		}
		for _, t := range out[n:] {
			results = append(results, t.v)
		}
		autograd.Record(op, op.Bind(attrs), vars, results)
	}
	return out
}

// applyVia runs or records an op through its builder.
func applyVia(l *local, record bool, op *ops.Op, attrs any, in, out []*Tensor) []*Tensor {
	tr := l.tracing()
	b, dev := builder(tr, op, in)
	vars := make([]*autograd.Var, len(in))
	for i, t := range in {
		vars[i] = variable(tr, op, t)
		record = record || l.recording() && vars[i].RequiresGrad()
	}
	for _, v := range autograd.Apply(b, record, op, attrs, vars...) {
		t := &Tensor{v: v, dev: dev}
		t.join(l)
		out = append(out, t)
	}
	return out
}

// ApplyInto runs an op and writes its results over tensors that exist, which may be inputs
// too, as [Tensor.Assign] would do one after the other. Where the device can write there,
// nothing is allocated. The change is not recorded: it is for parameters and other state.
func ApplyInto(op *ops.Op, attrs any, in, into []*Tensor) {
	l := state()
	for i, t := range into {
		assignable(op, i, t)
	}
	if tr := l.tracing(); tr != nil {
		tr.g.ApplyInto(op, attrs, tr.values(op, in), tr.values(op, into))
		return
	}
	wantTensors(op.Name, in)
	dev := device(op.Name, in)
	from, to := make([]*exec.Array, len(in)), make([]*exec.Array, len(into))
	for i, t := range in {
		from[i] = t.array(op.Name)
	}
	for i, t := range into {
		if t.dev != dev {
			panic(&ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("result %d is to be written on device %s and the inputs are on %s: move one with To", i, t.dev, dev)})
		}
		to[i] = t.array(op.Name)
	}
	if err := dev.engine.EvalInto(op, attrs, from, to); err != nil {
		panic(err)
	}
	if l.checking() {
		lookAt(op, from, to, false)
	}
}

// assignable panics for tensors whose elements may not be changed.
func assignable(op *ops.Op, i int, t *Tensor) {
	switch {
	case t == nil || t.v == nil:
		panic(&ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("the tensor to write result %d to %s", i, t.missing())})
	case !t.v.Leaf():
		panic(&ops.GradError{Reason: "assigning to a tensor that was computed with gradients recorded; Detach it first"})
	}
}

func needGrad(in []*Tensor) bool {
	for _, t := range in {
		if t.v.RequiresGrad() {
			return true
		}
	}
	return false
}

// device is that of all inputs, which wantTensors has looked at.
func device(op string, in []*Tensor) *Device {
	if len(in) == 0 {
		return mustDefault()
	}
	for i, t := range in {
		if t.dev != in[0].dev {
			panic(&ops.UsageError{Op: op, Reason: fmt.Sprintf("input %d is on device %s and input 0 on %s: move one with To", i, t.dev, in[0].dev)})
		}
	}
	return in[0].dev
}

// builder is what runs or records an op on these inputs.
func builder(tr *trace, op *ops.Op, in []*Tensor) (ops.Builder, *Device) {
	if tr != nil {
		return tr.g, tr.dev
	}
	wantTensors(op.Name, in)
	d := device(op.Name, in)
	if state().checking() {
		return checker{d.engine}, d
	}
	return d.engine, d
}

// variable is a tensor as the builder of the moment sees it.
func variable(tr *trace, op *ops.Op, t *Tensor) *autograd.Var {
	t.handle(op.Name)
	if tr != nil {
		return tr.variable(t)
	}
	t.array(op.Name)
	return t.v
}
