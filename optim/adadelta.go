package optim

import (
	"cmp"

	"github.com/crease-ml/crease"
)

// AdadeltaConfig are the settings of Adadelta. A zero rate, rho and eps stand for
// 1, 0.9 and 1e-6.
type AdadeltaConfig struct {
	LR          float64
	Rho         float64 // share of the past in the mean squares
	Eps         float64
	WeightDecay float64
	SkipFrozen  bool // see [Optimizer]
}

// NewAdadelta scales gradients by the ratio of the mean squares of moves and of
// gradients (Zeiler 2012), as PyTorch computes it.
func NewAdadelta(params []*crease.Tensor, c AdadeltaConfig) Optimizer {
	rho, eps := cmp.Or(c.Rho, 0.9), cmp.Or(c.Eps, 1e-6)
	o := newComposed(newBase(params, cmp.Or(c.LR, 1), c.SkipFrozen), false, "square", "moved")
	o.rule = func(s stepContext, p, g *crease.Tensor, state []*crease.Tensor) (*crease.Tensor, []*crease.Tensor) {
		g = decayed(g, p, c.WeightDecay)
		square := mixed(state[0], g.Square(), rho)
		move := state[1].AddScalar(eps).Sqrt().Div(square.AddScalar(eps).Sqrt()).Mul(g)
		return p.Sub(s.lr.Mul(move)), []*crease.Tensor{square, mixed(state[1], move.Square(), rho)}
	}
	return o
}
