package optim

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// ClipGradNorm scales the gradients of the parameters down where their norm, taken over all
// of them as one vector, is above max, as torch.nn.utils.clip_grad_norm_: by
// max/(norm + 1e-6). It returns the norm before, a scalar of rank 0 in f32 or f64. Call it
// between Backward and Step; inside crease.Compile it is part of the graph. A parameter
// without a gradient is passed over. p is the power of the norm, 2 for the usual one.
func ClipGradNorm(params []*crease.Tensor, max, p float64) *crease.Tensor {
	if !(max > 0) {
		panic(&ops.AttrError{Op: "clip_grad_norm", Reason: fmt.Sprintf("the largest norm is %v, want more than 0", max)})
	}
	grads := gradients("clip_grad_norm", params)
	var norm *crease.Tensor
	crease.Tidy(func() []*crease.Tensor {
		crease.NoGrad(func() {
			norms := make([]*crease.Tensor, len(grads))
			for i, g := range grads {
				norms[i] = wide(g).Norm(p)
			}
			norm = crease.Stack(0, norms...).Norm(p)
			one := crease.Scalar(1, crease.As(norm.DType()), crease.On(norm.Device()))
			scale := crease.Scalar(max, crease.As(norm.DType()), crease.On(norm.Device())).Div(norm.AddScalar(1e-6)).Min(one)
			for _, g := range grads {
				g.Assign(wide(g).Mul(scale).Cast(g.DType()))
			}
		})
		return []*crease.Tensor{norm}
	})
	return norm
}

// ClipGradValue limits every element of the gradients of the parameters to ±max, as
// torch.nn.utils.clip_grad_value_.
func ClipGradValue(params []*crease.Tensor, max float64) {
	if !(max > 0) {
		panic(&ops.AttrError{Op: "clip_grad_value", Reason: fmt.Sprintf("the largest magnitude is %v, want more than 0", max)})
	}
	grads := gradients("clip_grad_value", params)
	crease.Tidy(func() []*crease.Tensor {
		for _, g := range grads {
			g.Assign(g.Clamp(-max, max))
		}
		return nil
	})
}

// wide is a gradient in a type whose range holds the squares of 16-bit floats.
func wide(g *crease.Tensor) *crease.Tensor { return g.Cast(g.DType().Wide()) }

// gradients are those that are there. None at all is a mistake: Backward has not run.
func gradients(op string, params []*crease.Tensor) (list []*crease.Tensor) {
	for _, p := range params {
		if g := p.Grad(); g != nil {
			list = append(list, g)
		}
	}
	if list == nil {
		panic(&ops.GradError{Reason: op + ": none of the parameters has a gradient: call it after Backward and before ZeroGrad"})
	}
	return list
}
