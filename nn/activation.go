package nn

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Activations with a row in the op table.

func Relu() Module     { return &Function{"relu", (*crease.Tensor).Relu} }
func Gelu() Module     { return &Function{"gelu", (*crease.Tensor).Gelu} }
func GeluTanh() Module { return &Function{"gelu_tanh", (*crease.Tensor).GeluTanh} }
func Silu() Module     { return &Function{"silu", (*crease.Tensor).Silu} }
func Sigmoid() Module  { return &Function{"sigmoid", (*crease.Tensor).Sigmoid} }
func Tanh() Module     { return &Function{"tanh", (*crease.Tensor).Tanh} }

// LeakyRelu multiplies negative elements by slope.
func LeakyRelu(slope float64) Module {
	return &Function{"leaky_relu", func(x *crease.Tensor) *crease.Tensor { return x.LeakyRelu(slope) }}
}

// Softmax makes the elements along an axis positive with sum 1.
func Softmax(axis int) Module {
	return &Function{"softmax", func(x *crease.Tensor) *crease.Tensor { return x.Softmax(axis) }}
}

// LogSoftmax is the logarithm of Softmax.
func LogSoftmax(axis int) Module {
	return &Function{"log_softmax", func(x *crease.Tensor) *crease.Tensor { return x.LogSoftmax(axis) }}
}

// HardTanh limits elements to [lo, hi]; PyTorch's bounds are -1 and 1.
func HardTanh(lo, hi float64) Module { return clamp("hard_tanh", lo, hi) }

// Relu6 limits elements to [0, 6].
func Relu6() Module { return clamp("relu6", 0, 6) }

func clamp(name string, lo, hi float64) Module {
	return &Function{name, func(x *crease.Tensor) *crease.Tensor { return x.Clamp(lo, hi) }}
}

// Activations made of several ops, which a compiled function fuses into one pass.

// Elu is x above 0 and alpha·(eˣ-1) below (Clevert et al. 2016).
func Elu(alpha float64) Module { return composed("elu", bend(1, alpha, 1)) }

// Celu is x above 0 and alpha·(exp(x/alpha)-1) below (Barron 2017).
func Celu(alpha float64) Module { return composed("celu", bend(1, alpha, alpha)) }

// Selu is a scaled Elu that keeps mean 0 and variance 1 (Klambauer et al. 2017).
func Selu() Module {
	const alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	return composed("selu", bend(scale, alpha, 1))
}

// bend is scale·x above 0 and scale·alpha·(exp(x/width)-1) below.
func bend(scale, alpha, width float64) func(x *crease.Tensor) *crease.Tensor {
	return func(x *crease.Tensor) *crease.Tensor {
		// The exponent is cut at 0, so that what Where leaves out is finite.
		below := x.Clamp(negInf, 0).MulScalar(1 / width).Expm1().MulScalar(scale * alpha)
		return crease.Where(x.Gt(constant(x, 0)), x.MulScalar(scale), below)
	}
}

// Softplus is log(1+exp(beta·x))/beta, and x itself where beta·x is above
// threshold; PyTorch's values are 1 and 20.
func Softplus(beta, threshold float64) Module {
	if !(beta > 0) {
		panic(&ops.AttrError{Op: "softplus", Reason: fmt.Sprintf("beta is %v, want a positive number", beta)})
	}
	return composed("softplus", func(x *crease.Tensor) *crease.Tensor { return softplus(x, beta, threshold) })
}

func softplus(x *crease.Tensor, beta, threshold float64) *crease.Tensor {
	top := constant(x, threshold)
	scaled := x.MulScalar(beta)
	return crease.Where(scaled.Gt(top), x, scaled.Min(top).Exp().Log1p().MulScalar(1/beta))
}

// LogSigmoid is the logarithm of the sigmoid.
func LogSigmoid() Module {
	return composed("log_sigmoid", func(x *crease.Tensor) *crease.Tensor {
		return x.Min(constant(x, 0)).Sub(x.Abs().Neg().Exp().Log1p())
	})
}

// Softsign is x/(1+|x|).
func Softsign() Module {
	return composed("softsign", func(x *crease.Tensor) *crease.Tensor { return x.Div(x.Abs().AddScalar(1)) })
}

// Mish is x·tanh(softplus(x)) (Misra 2020).
func Mish() Module {
	return composed("mish", func(x *crease.Tensor) *crease.Tensor { return x.Mul(softplus(x, 1, 20).Tanh()) })
}

// HardSigmoid is clamp(x/6 + 1/2, 0, 1) (Howard et al. 2019).
func HardSigmoid() Module { return composed("hard_sigmoid", hardSigmoid) }

// HardSwish is x·HardSigmoid(x) (Howard et al. 2019).
func HardSwish() Module {
	return composed("hard_swish", func(x *crease.Tensor) *crease.Tensor { return x.Mul(hardSigmoid(x)) })
}

func hardSigmoid(x *crease.Tensor) *crease.Tensor {
	return x.MulScalar(1.0/6).AddScalar(0.5).Clamp(0, 1)
}

// TanhShrink is x - tanh(x).
func TanhShrink() Module {
	return composed("tanh_shrink", func(x *crease.Tensor) *crease.Tensor { return x.Sub(x.Tanh()) })
}

// SoftShrink moves elements by lambda toward 0 and those nearer to 0.
func SoftShrink(lambda float64) Module {
	return composed("soft_shrink", func(x *crease.Tensor) *crease.Tensor { return x.Sub(x.Clamp(-lambda, lambda)) })
}

// HardShrink is 0 for elements within lambda of 0.
func HardShrink(lambda float64) Module {
	return composed("hard_shrink", func(x *crease.Tensor) *crease.Tensor {
		return crease.Where(x.Abs().Gt(constant(x, lambda)), x, constant(x, 0))
	})
}

// Threshold is value for elements that are not above threshold.
func Threshold(threshold, value float64) Module {
	return composed("threshold", func(x *crease.Tensor) *crease.Tensor {
		return crease.Where(x.Gt(constant(x, threshold)), x, constant(x, value))
	})
}

// Glu halves an axis: the first half times the sigmoid of the second (Dauphin et
// al. 2017).
func Glu(axis int) Module {
	return composed("glu", func(x *crease.Tensor) *crease.Tensor {
		n := x.Dim(axis)
		if n%2 != 0 {
			panic(&ops.ShapeError{Op: "glu", In: []ops.Spec{x.Spec()}, Rule: fmt.Sprintf("axis %d must have an even size", axis)})
		}
		return x.Narrow(axis, 0, n/2).Mul(x.Narrow(axis, n/2, n/2).Sigmoid())
	})
}

// PRelu multiplies negative elements by a trained slope (He et al. 2015): one for
// all, or one for every channel, the second axis.
type PRelu struct{ Weight *crease.Tensor }

// NewPRelu begins with slopes of 0.25. It is for any number of channels where
// there is one slope.
func NewPRelu(slopes int, opts ...crease.Option) *PRelu {
	return &PRelu{param(crease.Full([]int{slopes}, 0.25, opts...))}
}

// Forward keeps the shape.
func (l *PRelu) Forward(x *crease.Tensor) *crease.Tensor {
	w := l.Weight
	if n := w.Len(); n > 1 {
		w = channelwise(w, x)
	}
	return crease.Where(x.Gt(constant(x, 0)), x, x.Mul(w))
}

// Visit names the slopes.
func (l *PRelu) Visit(v *Visitor) { v.Param("weight", l.Weight) }

// composed frees what an activation makes on the way.
func composed(name string, f func(*crease.Tensor) *crease.Tensor) Module {
	return &Function{name, func(x *crease.Tensor) *crease.Tensor {
		return crease.Tidy1(func() *crease.Tensor { return f(x) })
	}}
}

// constant is a scalar of x's type on its device.
func constant(x *crease.Tensor, value float64) *crease.Tensor {
	return crease.Scalar(value, crease.As(x.DType()), crease.On(x.Device()))
}

// channelwise shows w [C] so that it broadcasts along the second axis of x
// [N, C, ...].
func channelwise(w, x *crease.Tensor) *crease.Tensor {
	dims := make([]int, max(x.Rank()-1, 1))
	for i := range dims {
		dims[i] = 1
	}
	dims[0] = w.Len()
	return w.Reshape(dims...)
}

// negInf hides keys in attention, and is no bound.
var negInf = math.Inf(-1)
