package optim

import (
	"cmp"
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// MuonConfig are the settings of Muon. A zero momentum stands for 0.95.
type MuonConfig struct {
	LR          float64
	Momentum    float64
	Plain       bool    // momentum without Nesterov's look ahead
	WeightDecay float64 // apart from the gradient
	SkipFrozen  bool    // see [Optimizer]
}

// NewMuon moves matrices by their momentum made nearly orthogonal (Jordan 2024):
// five steps of a Newton-Schulz iteration bring its singular values near 1. Tall
// matrices [m, n] move √(m/n) times as far. It is for the matrices inside a
// network; give embeddings, the last layer and all that is no matrix to another optimiser,
// in [NewGroups]. As PyTorch computes it, but for the iteration in f32, not bf16.
func NewMuon(params []*crease.Tensor, c MuonConfig) Optimizer {
	for i, p := range params {
		if p.Rank() != 2 {
			panic(&ops.ShapeError{Op: "muon", In: []ops.Spec{p.Spec()}, Rule: fmt.Sprintf("parameter %d is no matrix: give it to another optimiser, in NewGroups", i)})
		}
	}
	momentum := cmp.Or(c.Momentum, 0.95)
	o := newComposed(newBase(params, c.LR, c.SkipFrozen), false, "momentum")
	o.rule = func(s stepContext, p, g *crease.Tensor, state []*crease.Tensor) (*crease.Tensor, []*crease.Tensor) {
		m := mixed(state[0], g, momentum)
		move := m
		if !c.Plain {
			move = mixed(m, g, momentum)
		}
		far := math.Sqrt(max(1, float64(p.Dim(0))/float64(p.Dim(1))))
		return shrunk(p, s.lr, c.WeightDecay).Sub(s.lr.MulScalar(far).Mul(orthogonal(move))), []*crease.Tensor{m}
	}
	return o
}

// orthogonal brings the singular values of a matrix near 1 by x ← a·x + (b·xxᵀ +
// c·(xxᵀ)²)·x, with Jordan's coefficients, which are steep at 0 and land in about
// 0.7 to 1.2.
func orthogonal(x *crease.Tensor) *crease.Tensor {
	const a, b, c, steps, eps = 3.4445, -4.7750, 2.0315, 5, 1e-7
	tall := x.Dim(0) > x.Dim(1)
	if tall {
		x = x.T()
	}
	x = x.Div(length(x).Clamp(eps, math.Inf(1)))
	for range steps {
		square := x.MatMul(x.T())
		x = x.MulScalar(a).Add(square.MulScalar(b).Add(square.MatMul(square).MulScalar(c)).MatMul(x))
	}
	if tall {
		x = x.T()
	}
	return x
}
