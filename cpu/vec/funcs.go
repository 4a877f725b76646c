package vec

import "github.com/crease-ml/crease/internal/cpufeat"

type (
	// Unary computes dst[i] = f(a[i]).
	Unary func(dst, a []float32)
	// Binary computes dst[i] = f(a[i], b[i]).
	Binary func(dst, a, b []float32)
	// Scalar computes dst[i] = f(a[i], s).
	Scalar func(dst, a []float32, s float32)
	// Ternary computes dst[i] = f(a[i], b[i], c[i]).
	Ternary func(dst, a, b, c []float32)
	// Fold reduces a to one value.
	Fold func(a []float32) float32
)

// Funcs is the table of primitives of one level. Tables are shared and must not
// be changed. All functions are safe for concurrent use on disjoint results.
type Funcs struct {
	// Level is the instruction set the table uses. It is cpufeat.Generic where
	// For had no assembly for the level asked.
	Level cpufeat.Level

	// Arithmetic on two slices. Min and Max propagate NaN, as NumPy's minimum
	// and maximum do.
	Add, Sub, Mul, Div, Min, Max Binary

	// Arithmetic with a scalar on the right.
	AddS, SubS, MulS, DivS, MinS, MaxS Scalar
	// RSubS and RDivS have the scalar on the left: s - a[i] and s / a[i].
	RSubS, RDivS Scalar

	// Comparisons give 1 where they hold and 0 elsewhere. With a NaN operand
	// only Ne holds.
	Lt, Le, Eq, Ne               Binary
	LtS, LeS, GtS, GeS, EqS, NeS Scalar
	// Where(dst, mask, a, b) is a[i] where mask[i] != 0 (a NaN counts as
	// non-zero) and b[i] elsewhere.
	Where Ternary

	// Exact functions. Rsqrt is 1/sqrt(a) and Recip 1/a, both with exact
	// division. Round takes halves to even. Sign(±0) is ±0 and Sign(NaN) NaN.
	Neg, Abs, Sqrt, Rsqrt, Recip, Floor, Ceil, Round, Trunc, Sign, Copy Unary

	// Transcendental functions. Sigmoid is 1/(1+exp(-a)).
	Exp, Exp2, Expm1, Log, Log2, Log1p, Sin, Cos, Tanh, Erf, Sigmoid Unary

	// Gated units. Gelu is a·(1+erf(a/√2))/2, GeluTanh its tanh approximation
	// a·(1+tanh(√(2/π)(a+0.044715a³)))/2, and Silu a·sigmoid(a).
	// Gelu, GeluTanh and Silu of -Inf are NaN, as the formulas give.
	Gelu, GeluTanh, Silu Unary

	// MaxVal and MinVal are the extreme element, or NaN if there is one. The
	// maximum of nothing is -Inf and the minimum +Inf.
	MaxVal, MinVal Fold

	// Reductions over at most blockLen elements, in the order of lanes64.
	sum    Fold
	dot    func(a, b []float32) float32
	sqDev  func(a []float32, mean float32) float32 // Σ (a-mean)²
	sumExp func(a []float32, s float32) float32    // Σ exp(a-s)

	expSub     Scalar                                                  // exp(a-s)
	norm       func(dst, a []float32, mean, rstd float32)              // (a-mean)·rstd
	normAffine func(dst, a, gamma, beta []float32, mean, rstd float32) // (a-mean)·rstd·gamma+beta
	adam       func(p, m, v, g []float32, c *AdamCoef)
	sgd        func(p, g []float32, c *SGDCoef)
	momentum   func(p, buf, g []float32, c *SGDCoef)
	nesterov   func(p, buf, g []float32, c *SGDCoef)

	chain func(links []Link, n int)
}

// For returns the table of the given level. A level that this build has no
// assembly for, or that this processor cannot run, gets the generic table, so
// the result can always be called.
func For(level cpufeat.Level) *Funcs {
	if cpufeat.Available(level) {
		if f := assembled(level); f != nil {
			return f
		}
	}
	return &generic
}
