package crease

import (
	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// ruled puts outputs on the tape as results of the inputs, with a gradient rule of one
// call: a node that is no row of the op table. Nothing is saved but the inputs that saves
// names.
func ruled(name string, saves ops.Saved, in, out []*autograd.Var, rule func(g *ops.GradCall) []ops.Value) {
	autograd.Record(&ops.Op{Name: name, Saves: saves, Grad: rule, Moves: true}, nil, in, out)
}

// OnGrad is the tensor, with f in the way of its gradient: in a backward pass f sees the
// gradient that has come to the result, and what f returns goes on to t; nil leaves it as
// it is. A gradient that comes on several ways is seen when all have arrived.
func OnGrad(t *Tensor, f func(grad *Tensor) *Tensor) *Tensor {
	l := state()
	if !t.handle("on_grad").RequiresGrad() || !l.recording() {
		return t
	}
	tr := l.tracing()
	v := variable(tr, onGrad, t)
	value := v.Value()
	if h, ok := value.(ops.Holder); ok {
		value = h.Share()
	}
	out := wrap(value, t.dev, l)
	ruled("on_grad", 0, []*autograd.Var{v}, []*autograd.Var{out.v}, func(g *ops.GradCall) []ops.Value {
		res := Tidy1(func() *Tensor { return f(gradientTensor(g.D[0], t.dev)) })
		if res == nil {
			return []ops.Value{g.D[0]}
		}
		return []ops.Value{handOver(g, res)}
	})
	return out
}

// onGrad names the node in errors.
var onGrad = &ops.Op{Name: "on_grad"}

// gradientTensor is a gradient of a backward pass as a tensor of its own.
func gradientTensor(d ops.Value, dev *Device) *Tensor {
	switch v := d.(type) {
	case *autograd.Var: // of a pass that is recorded
		return &Tensor{v: v, dev: dev} // in no scope: the pass frees it
	case *exec.Array:
		return wrap(v.Share(), dev, state())
	}
	return wrap(d, dev, state())
}

// handOver is a tensor as a rule's result, which the pass owns.
func handOver(g *ops.GradCall, t *Tensor) ops.Value {
	t.Keep()
	if _, recorded := g.D[0].(*autograd.Var); recorded {
		return t.v
	}
	return t.v.Value()
}
