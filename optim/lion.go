package optim

import (
	"cmp"

	"github.com/crease-ml/crease"
)

// LionConfig are the settings of Lion. Zero betas stand for 0.9 and 0.99. Its rate
// should be 3 to 10 times smaller than Adam's, its decay as much larger.
type LionConfig struct {
	LR           float64
	Beta1, Beta2 float64
	WeightDecay  float64 // apart from the gradient
	SkipFrozen   bool    // see [Optimizer]
}

// NewLion moves by the sign of an average of gradients (Chen et al. 2023): every
// element by the learning rate.
func NewLion(params []*crease.Tensor, c LionConfig) Optimizer {
	beta1, beta2 := cmp.Or(c.Beta1, 0.9), cmp.Or(c.Beta2, 0.99)
	o := newComposed(newBase(params, c.LR, c.SkipFrozen), false, "m")
	o.rule = func(s stepContext, p, g *crease.Tensor, state []*crease.Tensor) (*crease.Tensor, []*crease.Tensor) {
		move := mixed(state[0], g, beta1).Sign()
		return shrunk(p, s.lr, c.WeightDecay).Sub(s.lr.Mul(move)), []*crease.Tensor{mixed(state[0], g, beta2)}
	}
	return o
}
