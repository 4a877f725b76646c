// Code generated from the op table by generate_test.go. DO NOT EDIT.

package crease

import "github.com/crease-ml/crease/ops"

// Abs is row abs: the magnitude of x. The gradient at 0 is 0.
func (t *Tensor) Abs() *Tensor { return apply1(ops.Abs, nil, t) }

// Acos is row acos: the arccosine of x in radians; NaN outside [-1, 1].
func (t *Tensor) Acos() *Tensor { return apply1(ops.Acos, nil, t) }

// Acosh is row acosh: the inverse of cosh, not below 0; NaN below 1.
func (t *Tensor) Acosh() *Tensor { return apply1(ops.Acosh, nil, t) }

// Add is row add: x + y.
func (t *Tensor) Add(y *Tensor) *Tensor { return apply1(ops.Add, nil, t, y) }

// All is row all: whether all elements over axes are true; true over none. Without axes, over all of them.
func (t *Tensor) All(axes ...int) *Tensor { return apply1(ops.AllTrue, ops.ReduceAttrs{Axes: axes}, t) }

// AllKeep is All that keeps the reduced axes with size 1.
func (t *Tensor) AllKeep(axes ...int) *Tensor {
	return apply1(ops.AllTrue, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Amax is row amax: the largest element over axes, NaN if there is one. Equal largest elements share the gradient. Without axes, over all of them.
func (t *Tensor) Amax(axes ...int) *Tensor { return apply1(ops.Amax, ops.ReduceAttrs{Axes: axes}, t) }

// AmaxKeep is Amax that keeps the reduced axes with size 1.
func (t *Tensor) AmaxKeep(axes ...int) *Tensor {
	return apply1(ops.Amax, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Amin is row amin: the smallest element over axes, NaN if there is one. Equal smallest elements share the gradient. Without axes, over all of them.
func (t *Tensor) Amin(axes ...int) *Tensor { return apply1(ops.Amin, ops.ReduceAttrs{Axes: axes}, t) }

// AminKeep is Amin that keeps the reduced axes with size 1.
func (t *Tensor) AminKeep(axes ...int) *Tensor {
	return apply1(ops.Amin, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// And is row and: x and y.
func (t *Tensor) And(y *Tensor) *Tensor { return apply1(ops.And, nil, t, y) }

// Any is row any: whether any element over axes is true; false over none. Without axes, over all of them.
func (t *Tensor) Any(axes ...int) *Tensor { return apply1(ops.AnyTrue, ops.ReduceAttrs{Axes: axes}, t) }

// AnyKeep is Any that keeps the reduced axes with size 1.
func (t *Tensor) AnyKeep(axes ...int) *Tensor {
	return apply1(ops.AnyTrue, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Argmax is row argmax: the position of the first largest element along an axis; the first NaN wins.
func (t *Tensor) Argmax(axis int) *Tensor { return apply1(ops.Argmax, ops.ArgAttrs{Axis: axis}, t) }

// Argmin is row argmin: the position of the first smallest element along an axis; the first NaN wins.
func (t *Tensor) Argmin(axis int) *Tensor { return apply1(ops.Argmin, ops.ArgAttrs{Axis: axis}, t) }

// Asin is row asin: the arcsine of x in radians; NaN outside [-1, 1].
func (t *Tensor) Asin() *Tensor { return apply1(ops.Asin, nil, t) }

// Asinh is row asinh: the inverse of sinh.
func (t *Tensor) Asinh() *Tensor { return apply1(ops.Asinh, nil, t) }

// Atan is row atan: the arctangent of x in radians.
func (t *Tensor) Atan() *Tensor { return apply1(ops.Atan, nil, t) }

// Atan2 is row atan2: the angle in radians of the point with ordinate x and abscissa y, in [-π, π].
func (t *Tensor) Atan2(y *Tensor) *Tensor { return apply1(ops.Atan2, nil, t, y) }

// Atanh is row atanh: the inverse of tanh; NaN outside [-1, 1].
func (t *Tensor) Atanh() *Tensor { return apply1(ops.Atanh, nil, t) }

// BitAnd is row bit_and: the bits that x and y share.
func (t *Tensor) BitAnd(y *Tensor) *Tensor { return apply1(ops.BitAnd, nil, t, y) }

// BitNot is row bit_not: the bits that x lacks.
func (t *Tensor) BitNot() *Tensor { return apply1(ops.BitNot, nil, t) }

// BitOr is row bit_or: the bits of x and of y.
func (t *Tensor) BitOr(y *Tensor) *Tensor { return apply1(ops.BitOr, nil, t, y) }

// BitXor is row bit_xor: the bits that x and y do not share.
func (t *Tensor) BitXor(y *Tensor) *Tensor { return apply1(ops.BitXor, nil, t, y) }

// Ceil is row ceil: the smallest whole number not below x. The gradient is zero.
func (t *Tensor) Ceil() *Tensor { return apply1(ops.Ceil, nil, t) }

// Cos is row cos: the cosine of x in radians.
func (t *Tensor) Cos() *Tensor { return apply1(ops.Cos, nil, t) }

// Cosh is row cosh: the hyperbolic cosine of x.
func (t *Tensor) Cosh() *Tensor { return apply1(ops.Cosh, nil, t) }

// Div is row div: x / y. Integers truncate toward zero, and divided by 0 give 0.
func (t *Tensor) Div(y *Tensor) *Tensor { return apply1(ops.Div, nil, t, y) }

// Eq is row eq: x == y.
func (t *Tensor) Eq(y *Tensor) *Tensor { return apply1(ops.Eq, nil, t, y) }

// Erf is row erf: the error function of x.
func (t *Tensor) Erf() *Tensor { return apply1(ops.Erf, nil, t) }

// Exp is row exp: e to the power x.
func (t *Tensor) Exp() *Tensor { return apply1(ops.Exp, nil, t) }

// Exp2 is row exp2: 2 to the power x.
func (t *Tensor) Exp2() *Tensor { return apply1(ops.Exp2, nil, t) }

// Expm1 is row expm1: exp(x) - 1, accurate near 0.
func (t *Tensor) Expm1() *Tensor { return apply1(ops.Expm1, nil, t) }

// Floor is row floor: the largest whole number not above x. The gradient is zero.
func (t *Tensor) Floor() *Tensor { return apply1(ops.Floor, nil, t) }

// Fmod is row fmod: the remainder of x / y with the sign of x, as in C. Integers modulo 0 give 0.
func (t *Tensor) Fmod(y *Tensor) *Tensor { return apply1(ops.Fmod, nil, t, y) }

// Ge is row ge: x >= y.
func (t *Tensor) Ge(y *Tensor) *Tensor { return apply1(ops.Ge, nil, t, y) }

// Gelu is row gelu: x times the normal distribution function of x, by erf.
func (t *Tensor) Gelu() *Tensor { return apply1(ops.Gelu, nil, t) }

// GeluTanh is row gelu_tanh: the tanh approximation of gelu.
func (t *Tensor) GeluTanh() *Tensor { return apply1(ops.GeluTanh, nil, t) }

// GlobalAvgPool2d is row global_avg_pool2d: average of each plane of x [N,C,H,W]; the result is [N,C,1,1].
func (t *Tensor) GlobalAvgPool2d() *Tensor { return apply1(ops.GlobalAvgPool2d, nil, t) }

// Gt is row gt: x > y.
func (t *Tensor) Gt(y *Tensor) *Tensor { return apply1(ops.Gt, nil, t, y) }

// IsInf is row is_inf: whether x is an infinity of either sign.
func (t *Tensor) IsInf() *Tensor { return apply1(ops.IsInf, nil, t) }

// IsNaN is row is_nan: whether x is not a number.
func (t *Tensor) IsNaN() *Tensor { return apply1(ops.IsNaN, nil, t) }

// Le is row le: x <= y.
func (t *Tensor) Le(y *Tensor) *Tensor { return apply1(ops.Le, nil, t, y) }

// Log is row log: the natural logarithm of x; NaN below zero.
func (t *Tensor) Log() *Tensor { return apply1(ops.Log, nil, t) }

// Log1p is row log1p: log(1 + x), accurate near 0.
func (t *Tensor) Log1p() *Tensor { return apply1(ops.Log1p, nil, t) }

// Log2 is row log2: the logarithm of x to base 2.
func (t *Tensor) Log2() *Tensor { return apply1(ops.Log2, nil, t) }

// LogSoftmax is row log_softmax: x minus the logarithm of the sum of exp(x) along an axis, computed after subtracting the maximum.
func (t *Tensor) LogSoftmax(axis int) *Tensor {
	return apply1(ops.LogSoftmax, ops.AxisAttrs{Axis: axis}, t)
}

// LogSumExp is row log_sum_exp: log(sum(exp(x))) over axes without overflow. Without axes, over all of them.
func (t *Tensor) LogSumExp(axes ...int) *Tensor {
	return apply1(ops.LogSumExp, ops.ReduceAttrs{Axes: axes}, t)
}

// LogSumExpKeep is LogSumExp that keeps the reduced axes with size 1.
func (t *Tensor) LogSumExpKeep(axes ...int) *Tensor {
	return apply1(ops.LogSumExp, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Lt is row lt: x < y.
func (t *Tensor) Lt(y *Tensor) *Tensor { return apply1(ops.Lt, nil, t, y) }

// Max is row max: the larger of x and y, NaN if either is. Equal operands share the gradient by halves; beside NaN both get all of it, as in PyTorch.
func (t *Tensor) Max(y *Tensor) *Tensor { return apply1(ops.Max, nil, t, y) }

// Mean is row mean: the mean over axes, NaN over none. Without axes, over all of them.
func (t *Tensor) Mean(axes ...int) *Tensor { return apply1(ops.Mean, ops.ReduceAttrs{Axes: axes}, t) }

// MeanKeep is Mean that keeps the reduced axes with size 1.
func (t *Tensor) MeanKeep(axes ...int) *Tensor {
	return apply1(ops.Mean, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Min is row min: the smaller of x and y, NaN if either is. Equal operands share the gradient by halves; beside NaN both get all of it, as in PyTorch.
func (t *Tensor) Min(y *Tensor) *Tensor { return apply1(ops.Min, nil, t, y) }

// Mod is row mod: the remainder of x / y with the sign of y, as in Python. Integers modulo 0 give 0.
func (t *Tensor) Mod(y *Tensor) *Tensor { return apply1(ops.Mod, nil, t, y) }

// Mse is row mse: mean of (x-y)^2 over all elements of two arrays of one shape; a scalar.
func (t *Tensor) Mse(y *Tensor) *Tensor { return apply1(ops.Mse, nil, t, y) }

// Mul is row mul: x * y.
func (t *Tensor) Mul(y *Tensor) *Tensor { return apply1(ops.Mul, nil, t, y) }

// Ne is row ne: x != y.
func (t *Tensor) Ne(y *Tensor) *Tensor { return apply1(ops.Ne, nil, t, y) }

// Neg is row neg: the negative of x; the lowest integer is its own negative.
func (t *Tensor) Neg() *Tensor { return apply1(ops.Neg, nil, t) }

// Not is row not: not x.
func (t *Tensor) Not() *Tensor { return apply1(ops.Not, nil, t) }

// Or is row or: x or y.
func (t *Tensor) Or(y *Tensor) *Tensor { return apply1(ops.Or, nil, t, y) }

// Pow is row pow: x to the power y as C99 pow. The gradient of y is NaN where x is negative.
func (t *Tensor) Pow(y *Tensor) *Tensor { return apply1(ops.Pow, nil, t, y) }

// Prod is row prod: the product over axes, 1 over none. Integers keep their type and wrap. Without axes, over all of them.
func (t *Tensor) Prod(axes ...int) *Tensor { return apply1(ops.Prod, ops.ReduceAttrs{Axes: axes}, t) }

// ProdKeep is Prod that keeps the reduced axes with size 1.
func (t *Tensor) ProdKeep(axes ...int) *Tensor {
	return apply1(ops.Prod, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Recip is row recip: 1/x.
func (t *Tensor) Recip() *Tensor { return apply1(ops.Recip, nil, t) }

// Relu is row relu: max(x, 0). The gradient at 0 is 0.
func (t *Tensor) Relu() *Tensor { return apply1(ops.Relu, nil, t) }

// Round is row round: the nearest whole number, halves to even. The gradient is zero.
func (t *Tensor) Round() *Tensor { return apply1(ops.Round, nil, t) }

// Rsqrt is row rsqrt: 1/sqrt(x).
func (t *Tensor) Rsqrt() *Tensor { return apply1(ops.Rsqrt, nil, t) }

// ShiftLeft is row shift_left: the bits of x moved up by y places; y is at least 0 and below the number of bits.
func (t *Tensor) ShiftLeft(y *Tensor) *Tensor { return apply1(ops.ShiftLeft, nil, t, y) }

// ShiftRight is row shift_right: the bits of x moved down by y places, the sign moving in; y is at least 0 and below the number of bits.
func (t *Tensor) ShiftRight(y *Tensor) *Tensor { return apply1(ops.ShiftRight, nil, t, y) }

// Sigmoid is row sigmoid: 1 / (1 + exp(-x)).
func (t *Tensor) Sigmoid() *Tensor { return apply1(ops.Sigmoid, nil, t) }

// Sign is row sign: -1, 0 or 1 by the sign of x; NaN for NaN. The gradient is zero.
func (t *Tensor) Sign() *Tensor { return apply1(ops.Sign, nil, t) }

// Silu is row silu: x * sigmoid(x), also called swish.
func (t *Tensor) Silu() *Tensor { return apply1(ops.Silu, nil, t) }

// Sin is row sin: the sine of x in radians.
func (t *Tensor) Sin() *Tensor { return apply1(ops.Sin, nil, t) }

// Sinh is row sinh: the hyperbolic sine of x.
func (t *Tensor) Sinh() *Tensor { return apply1(ops.Sinh, nil, t) }

// Softmax is row softmax: exp(x) divided by its sum along an axis, computed after subtracting the maximum. A line of only -Inf is NaN.
func (t *Tensor) Softmax(axis int) *Tensor { return apply1(ops.Softmax, ops.AxisAttrs{Axis: axis}, t) }

// Sqrt is row sqrt: the square root of x; NaN below zero.
func (t *Tensor) Sqrt() *Tensor { return apply1(ops.Sqrt, nil, t) }

// Step is row step: 1 where x > 0, else 0. The gradient is zero.
func (t *Tensor) Step() *Tensor { return apply1(ops.Step, nil, t) }

// Sub is row sub: x - y.
func (t *Tensor) Sub(y *Tensor) *Tensor { return apply1(ops.Sub, nil, t, y) }

// Sum is row sum: the sum over axes, 0 over none. Integers keep their type and wrap. Without axes, over all of them.
func (t *Tensor) Sum(axes ...int) *Tensor { return apply1(ops.Sum, ops.ReduceAttrs{Axes: axes}, t) }

// SumKeep is Sum that keeps the reduced axes with size 1.
func (t *Tensor) SumKeep(axes ...int) *Tensor {
	return apply1(ops.Sum, ops.ReduceAttrs{Axes: axes, Keep: true}, t)
}

// Tan is row tan: the tangent of x in radians.
func (t *Tensor) Tan() *Tensor { return apply1(ops.Tan, nil, t) }

// Tanh is row tanh: the hyperbolic tangent of x.
func (t *Tensor) Tanh() *Tensor { return apply1(ops.Tanh, nil, t) }

// Trunc is row trunc: x without its fraction. The gradient is zero.
func (t *Tensor) Trunc() *Tensor { return apply1(ops.Trunc, nil, t) }

// Xor is row xor: either x or y, not both.
func (t *Tensor) Xor(y *Tensor) *Tensor { return apply1(ops.Xor, nil, t, y) }
