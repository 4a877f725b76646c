package optim

import (
	"cmp"

	"github.com/crease-ml/crease"
)

// RMSpropConfig are the settings of RMSprop. A zero alpha and eps stand for 0.99
// and 1e-8.
type RMSpropConfig struct {
	LR          float64
	Alpha       float64 // share of the past in the mean square
	Eps         float64
	Momentum    float64
	Centered    bool // divide by the deviation, not the mean square
	WeightDecay float64
	SkipFrozen  bool // see [Optimizer]
}

// NewRMSprop divides gradients by the root of their running mean square (Hinton
// 2012; centred, Graves 2013), as PyTorch computes it.
func NewRMSprop(params []*crease.Tensor, c RMSpropConfig) Optimizer {
	alpha, eps := cmp.Or(c.Alpha, 0.99), cmp.Or(c.Eps, 1e-8)
	names := []string{"square"}
	if c.Centered {
		names = append(names, "mean")
	}
	if c.Momentum != 0 {
		names = append(names, "momentum")
	}
	o := newComposed(newBase(params, c.LR, c.SkipFrozen), false, names...)
	o.rule = func(s stepContext, p, g *crease.Tensor, state []*crease.Tensor) (*crease.Tensor, []*crease.Tensor) {
		g = decayed(g, p, c.WeightDecay)
		square := mixed(state[0], g.Square(), alpha)
		after := []*crease.Tensor{square}
		if c.Centered {
			mean := mixed(state[1], g, alpha)
			after = append(after, mean)
			square = square.Sub(mean.Square())
		}
		move := g.Div(square.Sqrt().AddScalar(eps))
		if c.Momentum != 0 {
			move = state[len(state)-1].MulScalar(c.Momentum).Add(move)
			after = append(after, move)
		}
		return p.Sub(s.lr.Mul(move)), after
	}
	return o
}
