package ops

import (
	"math"
	"slices"
)

// Elementwise functions of one number.
var (
	Neg, Abs, Sign, Recip     *Op
	Sqrt, Rsqrt               *Op
	Exp, Exp2, Expm1          *Op
	Log, Log2, Log1p          *Op
	Sin, Cos, Tanh, Erf       *Op
	Floor, Ceil, Round, Trunc *Op
	Affine                    *Op
)

// signedNumbers are the types that have negative values.
var signedNumbers = slices.Concat(Floats, Signed)

// Tolerances of elementwise rows: the same bits, one correctly rounded
// operation, and a function of the kernel's mathematical library.
var exact, arithmetic, library = Tolerance{}, Tolerance{ULP: 1}, Tolerance{ULP: 4}

// AffineAttrs are the coefficients of Scale*x + Shift.
type AffineAttrs struct {
	Scale float64 `json:"scale"`
	Shift float64 `json:"shift"`
}

// gradient is the rule of an op with one input and one output, from the output's
// gradient d, the input x and the output y.
func gradient(f func(b Builder, d, x, y Value) Value) func(*GradCall) []Value {
	return func(g *GradCall) []Value {
		out := g.results(1)
		out[0] = f(g.B, g.D[0], g.In[0], g.Out[0])
		return out
	}
}

// wideGradient is a gradient of several steps: those of a 16-bit float are taken in f32 and
// rounded once at the end, as PyTorch does.
func wideGradient(f func(b Builder, d, x, y Value) Value) func(*GradCall) []Value {
	return func(g *GradCall) []Value {
		t := g.In[0].Spec().DType
		if t.Wide() == t {
			return gradient(f)(g)
		}
		wide := func(v Value) Value {
			if _, absent := v.(*Absent); absent { // not saved
				return v
			}
			return widened(g.B, v)
		}
		return []Value{Casted(g.B, f(g.B, wide(g.D[0]), wide(g.In[0]), wide(g.Out[0])), t)}
	}
}

// zeroGradient is the rule of piecewise constant functions.
func zeroGradient(g *GradCall) []Value { return []Value{Zeros(g.B, g.In[0].Spec())} }

// scalarLike is a rank-0 constant of x's element type, to broadcast against x.
func scalarLike(b Builder, x Value, v float64) Value {
	return Filled(b, Spec{DType: x.Spec().DType}, v)
}

func init() {
	positive := Arg{Lo: 0.25, Hi: 4}
	kink := Arg{Away: []float64{0}}
	steps := Arg{Away: []float64{-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2}}

	Neg = Elementwise(Op{Name: "neg", Doc: "The negative of x; the lowest integer is its own negative.", ONNX: "Neg",
		Inputs: "x", Types: signedNumbers, Tol: exact, Cases: unaryCases(Arg{}), Fold: undoes,
		Grad: gradient(func(b Builder, d, _, _ Value) Value { return Neg.Of(b, d) }),
	}, "-x0")
	Abs = Elementwise(Op{Name: "abs", Doc: "The magnitude of x. The gradient at 0 is 0.", ONNX: "Abs",
		Inputs: "x", Types: signedNumbers, Tol: exact, Cases: unaryCases(kink), Saves: In(0),
		Grad: gradient(func(b Builder, d, x, _ Value) Value { return Mul.Of(b, d, Sign.Of(b, x)) }),
	}, "abs(x0)")
	Sign = Elementwise(Op{Name: "sign", Doc: "-1, 0 or 1 by the sign of x; NaN for NaN. The gradient is zero.", ONNX: "Sign",
		Inputs: "x", Types: signedNumbers, Tol: exact, Cases: unaryCases(kink), Grad: zeroGradient,
	}, "sign(x0)")
	Recip = Elementwise(Op{Name: "recip", Doc: "1/x.", ONNX: "Reciprocal",
		Inputs: "x", Types: Floats, Tol: arithmetic, Cases: unaryCases(Arg{Lo: 0.5, Hi: 3}), Saves: Out(0),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value { return Neg.Of(b, Mul.Of(b, d, Mul.Of(b, y, y))) }),
	}, "recip(x0)")
	Sqrt = Elementwise(Op{Name: "sqrt", Doc: "The square root of x; NaN below zero.", ONNX: "Sqrt",
		Inputs: "x", Types: Floats, Tol: arithmetic, Cases: unaryCases(positive), Saves: Out(0),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value { return Div.Of(b, Scaled(b, d, 0.5, 0), y) }),
	}, "sqrt(x0)")
	Rsqrt = Elementwise(Op{Name: "rsqrt", Doc: "1/sqrt(x).",
		Inputs: "x", Types: Floats, Tol: Tolerance{ULP: 2}, Cases: unaryCases(positive), Saves: Out(0),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value {
			return Mul.Of(b, Scaled(b, d, -0.5, 0), Mul.Of(b, y, Mul.Of(b, y, y)))
		}),
	}, "rsqrt(x0)")
	Exp = Elementwise(Op{Name: "exp", Doc: "e to the power x.", ONNX: "Exp",
		Inputs: "x", Probe: true, Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: Out(0),
		Grad: gradient(func(b Builder, d, _, y Value) Value { return Mul.Of(b, d, y) }),
	}, "exp(x0)")
	Exp2 = Elementwise(Op{Name: "exp2", Doc: "2 to the power x.",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: Out(0),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value { return Scaled(b, Mul.Of(b, d, y), math.Ln2, 0) }),
	}, "exp2(x0)")
	Expm1 = Elementwise(Op{Name: "expm1", Doc: "exp(x) - 1, accurate near 0.",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: Out(0),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value { return Mul.Of(b, d, Scaled(b, y, 1, 1)) }),
	}, "expm1(x0)")
	Log = Elementwise(Op{Name: "log", Doc: "The natural logarithm of x; NaN below zero.", ONNX: "Log",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(positive), Saves: In(0),
		Grad: gradient(func(b Builder, d, x, _ Value) Value { return Div.Of(b, d, x) }),
	}, "log(x0)")
	Log2 = Elementwise(Op{Name: "log2", Doc: "The logarithm of x to base 2.",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(positive), Saves: In(0),
		Grad: wideGradient(func(b Builder, d, x, _ Value) Value { return Div.Of(b, Scaled(b, d, 1/math.Ln2, 0), x) }),
	}, "log2(x0)")
	Log1p = Elementwise(Op{Name: "log1p", Doc: "log(1 + x), accurate near 0.",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{Lo: -0.5, Hi: 3}), Saves: In(0),
		Grad: wideGradient(func(b Builder, d, x, _ Value) Value { return Div.Of(b, d, Scaled(b, x, 1, 1)) }),
	}, "log1p(x0)")
	Sin = Elementwise(Op{Name: "sin", Doc: "The sine of x in radians.", ONNX: "Sin",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: In(0),
		Grad: gradient(func(b Builder, d, x, _ Value) Value { return Mul.Of(b, d, Cos.Of(b, x)) }),
	}, "sin(x0)")
	Cos = Elementwise(Op{Name: "cos", Doc: "The cosine of x in radians.", ONNX: "Cos",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: In(0),
		Grad: gradient(func(b Builder, d, x, _ Value) Value { return Neg.Of(b, Mul.Of(b, d, Sin.Of(b, x))) }),
	}, "cos(x0)")
	Tanh = Elementwise(Op{Name: "tanh", Doc: "The hyperbolic tangent of x.", ONNX: "Tanh",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: Out(0),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value { return tanhGradient(b, d, y) }),
	}, "tanh(x0)")
	Erf = Elementwise(Op{Name: "erf", Doc: "The error function of x.", ONNX: "Erf",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: In(0),
		Grad: wideGradient(func(b Builder, d, x, _ Value) Value {
			bell := Exp.Of(b, Neg.Of(b, Mul.Of(b, x, x)))
			return Mul.Of(b, d, Scaled(b, bell, 2/math.SqrtPi, 0))
		}),
	}, "erf(x0)")
	Floor = Elementwise(Op{Name: "floor", Doc: "The largest whole number not above x. The gradient is zero.", ONNX: "Floor",
		Inputs: "x", Types: Floats, Tol: exact, Cases: unaryCases(steps), Grad: zeroGradient,
	}, "floor(x0)")
	Ceil = Elementwise(Op{Name: "ceil", Doc: "The smallest whole number not below x. The gradient is zero.", ONNX: "Ceil",
		Inputs: "x", Types: Floats, Tol: exact, Cases: unaryCases(steps), Grad: zeroGradient,
	}, "ceil(x0)")
	Round = Elementwise(Op{Name: "round", Doc: "The nearest whole number, halves to even. The gradient is zero.", ONNX: "Round",
		Inputs: "x", Types: Floats, Tol: exact, Cases: unaryCases(steps), Grad: zeroGradient,
	}, "round(x0)")
	Trunc = Elementwise(Op{Name: "trunc", Doc: "x without its fraction. The gradient is zero.",
		Inputs: "x", Types: Floats, Tol: exact, Cases: unaryCases(steps), Grad: zeroGradient,
	}, "trunc(x0)")

	affine := unaryCases(Arg{})
	for i := range affine {
		affine[i].Attrs = AffineAttrs{Scale: -1.5, Shift: 0.25}
	}
	Affine = Elementwise(Op{Name: "affine", Doc: "scale*x + shift for constants of the call.",
		Inputs: "x", Attrs: AffineAttrs{}, Types: Floats, Cases: affine,
		// The product may be rounded before the sum, which can cancel it.
		Tol: Tolerance{ULP: 2, Depth: depthOne},
		Params: func(attrs any) []float64 {
			a := attrs.(AffineAttrs)
			return []float64{a.Scale, a.Shift}
		},
		Grad: func(g *GradCall) []Value {
			return []Value{Scaled(g.B, g.D[0], g.Attrs.(AffineAttrs).Scale, 0)}
		},
	}, "p0 * x0 + p1")
}

// depthOne makes a tolerance absolute: relative to the largest result, for
// functions in which terms cancel.
func depthOne(any, []Spec) int { return 1 }

// tanhGradient and sigmoidGradient are d*(1-y²) and d*y*(1-y).
func tanhGradient(b Builder, d, y Value) Value {
	return Mul.Of(b, d, Scaled(b, Mul.Of(b, y, y), -1, 1))
}

func sigmoidGradient(b Builder, d, y Value) Value {
	return Mul.Of(b, d, Mul.Of(b, y, Scaled(b, y, -1, 1)))
}
