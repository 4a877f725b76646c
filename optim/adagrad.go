package optim

import (
	"cmp"

	"github.com/crease-ml/crease"
)

// AdagradConfig are the settings of Adagrad. A zero eps stands for 1e-10.
type AdagradConfig struct {
	LR          float64
	LRDecay     float64 // the rate of step t, from 0, is divided by 1 + t·LRDecay
	Initial     float64 // of the sums of squares
	Eps         float64
	WeightDecay float64
	SkipFrozen  bool // see [Optimizer]
}

// NewAdagrad divides gradients by the root of the sum of their squares (Duchi et
// al. 2011), as PyTorch computes it.
func NewAdagrad(params []*crease.Tensor, c AdagradConfig) Optimizer {
	eps := cmp.Or(c.Eps, 1e-10)
	o := newComposed(newBase(params, c.LR, c.SkipFrozen), true, "sum")
	if c.Initial != 0 {
		for _, t := range o.state[0] {
			t.Assign(crease.Full(t.Shape(), c.Initial, crease.As(t.DType()), crease.On(t.Device())))
		}
	}
	o.rule = func(s stepContext, p, g *crease.Tensor, state []*crease.Tensor) (*crease.Tensor, []*crease.Tensor) {
		g = decayed(g, p, c.WeightDecay)
		sum := state[0].Add(g.Square())
		lr := s.lr.Div(s.t.MulScalar(c.LRDecay).AddScalar(1 - c.LRDecay))
		return p.Sub(lr.Mul(g.Div(sum.Sqrt().AddScalar(eps)))), []*crease.Tensor{sum}
	}
	return o
}
