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
	LR          float64 // above 0, or [Zero]
	Momentum    float64
	Dampening   float64 // of the second and later steps
	Nesterov    bool    // needs a momentum and no dampening
	WeightDecay float64
	SkipFrozen  bool // see [Optimizer]
}

// NewSGD updates the given parameters.
func NewSGD(params []*crease.Tensor, c SGDConfig) *SGD {
	s := &SGD{base: newBase(params, c.LR, c.SkipFrozen), attrs: ops.SgdAttrs{Momentum: c.Momentum, Dampening: c.Dampening, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay}}
	s.buf = s.moments()
	return s
}

// Step makes one step.
func (s *SGD) Step() {
	s.count()
	s.each(ops.SgdStep, s.attrs, func(i int, p, g *crease.Tensor) (operands, results []*crease.Tensor) {
		return []*crease.Tensor{p, g, s.buf[i], s.lr, s.t}, []*crease.Tensor{p, s.buf[i]}
	})
}

// State is the learning rate, the step count and the momentum buffers.
func (s *SGD) State() []State {
	return append(numbered("momentum", s.buf), State{"lr", s.lr}, State{"step", s.t})
}
