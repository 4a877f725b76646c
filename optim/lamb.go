package optim

import (
	"cmp"
	"math"

	"github.com/crease-ml/crease"
)

// NewLAMB is Adam whose move of a parameter is scaled to the length of that
// parameter, for large batches (You et al. 2020, version 3 of the paper, with the
// corrections of both moments and without bounds on the length). A zero eps stands
// for 1e-6.
func NewLAMB(params []*crease.Tensor, c AdamConfig) Optimizer {
	beta1, beta2, eps := cmp.Or(c.Beta1, 0.9), cmp.Or(c.Beta2, 0.999), cmp.Or(c.Eps, 1e-6)
	o := newComposed(newBase(params, c.LR, c.SkipFrozen), true, "m", "v")
	o.rule = func(s stepContext, p, g *crease.Tensor, state []*crease.Tensor) (*crease.Tensor, []*crease.Tensor) {
		m, v := mixed(state[0], g, beta1), mixed(state[1], g.Square(), beta2)
		move := m.Div(corrected(s.t, beta1)).Div(v.Div(corrected(s.t, beta2)).Sqrt().AddScalar(eps))
		move = decayed(move, p, c.WeightDecay)
		long, far := length(p), length(move)
		zero := crease.ZerosLike(long)
		ratio := crease.Where(long.Gt(zero).And(far.Gt(zero)), long.Div(far), crease.OnesLike(long))
		return p.Sub(s.lr.Mul(ratio).Mul(move)), []*crease.Tensor{m, v}
	}
	return o
}

// corrected is 1 - beta^t.
func corrected(t *crease.Tensor, beta float64) *crease.Tensor {
	return t.MulScalar(math.Log(beta)).Expm1().Neg()
}

// length is the Euclidean norm, a scalar.
func length(t *crease.Tensor) *crease.Tensor { return t.Square().Sum().Sqrt() }
