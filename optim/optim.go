package optim

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Optimizer updates parameters from their gradients.
type Optimizer interface {
	// Step changes every parameter by its gradient. A parameter without one is a
	// *ops.GradError: it had no part in the loss.
	Step()
	// ZeroGrad drops the gradients, for the next step.
	ZeroGrad()
	// SetLR changes the learning rate from the next step on.
	SetLR(lr float64)
	// State is everything that a run needs to continue where it stopped, besides
	// the parameters.
	State() []State
}

// State is one tensor of an optimiser's state.
type State struct {
	Name   string
	Tensor *crease.Tensor
}

// base is what all optimisers share.
type base struct {
	params []*crease.Tensor
	lr     *crease.Tensor // f32 scalar
}

func newBase(params []*crease.Tensor, lr float64) base {
	if len(params) == 0 {
		panic(&ops.AttrError{Op: "optimizer", Reason: "no parameters given"})
	}
	return base{params, crease.Scalar(lr, crease.On(params[0].Device())).Keep()}
}

func (b *base) SetLR(lr float64) {
	crease.Tidy(func() []*crease.Tensor {
		b.lr.Assign(crease.Scalar(lr, crease.On(b.lr.Device())))
		return nil
	})
}

func (b *base) ZeroGrad() {
	for _, p := range b.params {
		p.ZeroGrad()
	}
}

// each runs an op for every parameter, whose operands and results step lists: the results
// are written over the parameter and its state.
func (b *base) each(op *ops.Op, attrs any, step func(i int, p, g *crease.Tensor) (operands, results []*crease.Tensor)) {
	for i, p := range b.params {
		operands, results := step(i, p, b.gradient(i))
		crease.ApplyInto(op, attrs, operands, results)
	}
}

// gradient is that of a parameter, which must have one.
func (b *base) gradient(i int) *crease.Tensor {
	p := b.params[i]
	g := p.Grad()
	if g == nil {
		panic(&ops.GradError{Reason: fmt.Sprintf("parameter %d (%s) has no gradient: it had no part in the loss; leave it out of the optimiser", i, p.Spec())})
	}
	return g
}

// moments are zeros shaped like the parameters, f32 for 16-bit ones.
func (b *base) moments() []*crease.Tensor {
	out := make([]*crease.Tensor, len(b.params))
	for i, p := range b.params {
		out[i] = crease.Zeros(p.Shape(), crease.As(wideType(p.DType())), crease.On(p.Device())).Keep()
	}
	return out
}

func numbered(name string, list []*crease.Tensor) []State {
	out := make([]State, len(list))
	for i, t := range list {
		out[i] = State{fmt.Sprintf("%s.%d", name, i), t}
	}
	return out
}
