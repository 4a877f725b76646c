package optim

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// SGD is stochastic gradient descent, with momentum or Nesterov's (Sutskever et
// al. 2013), as PyTorch computes it.
type SGD struct {
	base
	attrs ops.SgdAttrs
	buf   []*crease.Tensor
}

// SGDConfig are the settings of SGD.
type SGDConfig struct {
	LR          float64
	Momentum    float64
	Dampening   float64
	Nesterov    bool // needs a momentum and no dampening
	WeightDecay float64
}

// NewSGD updates the given parameters.
func NewSGD(params []*crease.Tensor, c SGDConfig) *SGD {
	s := &SGD{base: newBase(params, c.LR), attrs: ops.SgdAttrs{Momentum: c.Momentum, Dampening: c.Dampening, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay}}
	s.buf = s.moments()
	return s
}

// Step makes one step.
func (s *SGD) Step() {
	s.each(ops.SgdStep, s.attrs, func(i int, p, g *crease.Tensor) (operands, results []*crease.Tensor) {
		return []*crease.Tensor{p, g, s.buf[i], s.lr}, []*crease.Tensor{p, s.buf[i]}
	})
}

// State is the learning rate and the momentum buffers.
func (s *SGD) State() []State {
	return append(numbered("momentum", s.buf), State{"lr", s.lr})
}
