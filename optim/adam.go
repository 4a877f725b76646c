package optim

import (
	"cmp"
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Adam is Adam (Kingma, Ba 2015) or AdamW (Loshchilov, Hutter 2019), as PyTorch
// computes them.
type Adam struct {
	base
	attrs ops.AdamAttrs
	m, v  []*crease.Tensor
}

// AdamConfig are the settings of Adam. Zero betas and eps stand for the usual
// 0.9, 0.999 and 1e-8.
type AdamConfig struct {
	LR           float64 // above 0, or [Zero]
	Beta1, Beta2 float64
	Eps          float64
	WeightDecay  float64
	SkipFrozen   bool // see [Optimizer]
}

// NewAdam updates the given parameters; weight decay is added to the gradient.
func NewAdam(params []*crease.Tensor, c AdamConfig) *Adam { return newAdam(params, c, false) }

// NewAdamW updates the given parameters; weight decay is apart from the gradient.
func NewAdamW(params []*crease.Tensor, c AdamConfig) *Adam { return newAdam(params, c, true) }

func newAdam(params []*crease.Tensor, c AdamConfig, decoupled bool) *Adam {
	a := ops.AdamAttrs{Beta1: cmp.Or(c.Beta1, 0.9), Beta2: cmp.Or(c.Beta2, 0.999), Eps: cmp.Or(c.Eps, 1e-8), WeightDecay: c.WeightDecay, Decoupled: decoupled}
	o := &Adam{base: newBase(params, c.LR, c.SkipFrozen), attrs: a}
	o.m, o.v = o.moments(), o.moments()
	return o
}

// Step makes one step.
func (o *Adam) Step() {
	o.count()
	o.each(ops.AdamStep, o.attrs, func(i int, p, g *crease.Tensor) (operands, results []*crease.Tensor) {
		return []*crease.Tensor{p, g, o.m[i], o.v[i], o.lr, o.t}, []*crease.Tensor{p, o.m[i], o.v[i]}
	})
}

// State is the learning rate, the step count and both moments.
func (o *Adam) State() []State {
	list := append(numbered("m", o.m), numbered("v", o.v)...)
	return append(list, State{"lr", o.lr}, State{"step", o.t})
}
