package optim

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Optimizer updates parameters from their gradients.
type Optimizer interface {
	// Step changes every parameter by its gradient. A parameter without one, which had no
	// part in the loss or is frozen, is a *ops.GradError that says which; with SkipFrozen
	// in the settings it stays as it is, as in PyTorch.
	Step()
	// ZeroGrad drops the gradients, for the next step.
	ZeroGrad()
	// SetLR changes the learning rate from the next step on. 0 is allowed, for schedules
	// end there; below 0, NaN and infinities are an *ops.AttrError.
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
	params     []*crease.Tensor // each once
	lr         *crease.Tensor   // f32 scalar
	t          *crease.Tensor   // steps done, f32 scalar
	skipFrozen bool
}

// Zero is the learning rate 0 for settings that mean it: there 0 itself is refused, for it is
// what a rate is that was forgotten.
const Zero = math.SmallestNonzeroFloat64 // in float32, 0

// newBase takes every tensor once: weights that layers share are one parameter.
func newBase(params []*crease.Tensor, lr float64, skipFrozen bool) base {
	if len(params) == 0 {
		panic(&ops.AttrError{Op: "optimizer", Reason: "no parameters given"})
	}
	if lr == 0 {
		panic(&ops.AttrError{Op: "optimizer", Reason: "the learning rate is 0: set LR, or set it to optim.Zero to mean that"})
	}
	wantRate(lr)
	b := base{skipFrozen: skipFrozen}
	seen := map[*crease.Tensor]bool{}
	for i, p := range params {
		if p == nil {
			panic(&ops.UsageError{Op: "optimizer", Reason: fmt.Sprintf("parameter %d is nil", i)})
		}
		if !seen[p] {
			b.params = append(b.params, p)
		}
		seen[p] = true
	}
	on := crease.On(params[0].Device())
	b.lr, b.t = crease.Scalar(lr, on).Keep(), crease.Scalar(0, on).Keep()
	return b
}

// wantRate refuses what is no learning rate.
func wantRate(lr float64) {
	if !(lr >= 0) || math.IsInf(lr, 0) {
		panic(&ops.AttrError{Op: "optimizer", Reason: fmt.Sprintf("the learning rate is %v, it must be a finite number and not below 0", lr)})
	}
}

// count begins a step.
func (b *base) count() {
	one := ops.AffineAttrs{Scale: 1, Shift: 1}
	crease.ApplyInto(ops.Affine, one, []*crease.Tensor{b.t}, []*crease.Tensor{b.t})
}

func (b *base) SetLR(lr float64) {
	wantRate(lr)
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
		g := b.gradient(i)
		if g == nil {
			continue
		}
		operands, results := step(i, p, g)
		crease.ApplyInto(op, attrs, operands, results)
	}
}

// gradient is that of a parameter, nil for one to be skipped.
func (b *base) gradient(i int) *crease.Tensor {
	p := b.params[i]
	g := p.Grad()
	if g == nil && !b.skipFrozen {
		panic(&ops.GradError{Reason: fmt.Sprintf("parameter %d (%s) has no gradient: it is frozen or had no part in the loss; leave it out of the optimiser, or set SkipFrozen", i, p.Spec())})
	}
	return g
}

// moments are zeros shaped like the parameters, f32 for 16-bit ones.
func (b *base) moments() []*crease.Tensor {
	out := make([]*crease.Tensor, len(b.params))
	for i, p := range b.params {
		out[i] = crease.Zeros(p.Shape(), crease.As(p.DType().Wide()), crease.On(p.Device())).Keep()
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
