package ops

// Trigonometric and hyperbolic functions and their inverses, beyond sin, cos and tanh.
var (
	Tan, Asin, Acos, Atan, Atan2 *Op
	Sinh, Cosh                   *Op
	Asinh, Acosh, Atanh          *Op
)

func init() {
	inside := Arg{Lo: -0.9, Hi: 0.9}
	over := func(f func(b Builder, x Value) Value) func(*GradCall) []Value {
		return gradient(func(b Builder, d, x, _ Value) Value { return Div.Of(b, d, f(b, x)) })
	}
	// oneMinus is 1 - x², onePlus 1 + x².
	oneMinus := func(b Builder, x Value) Value { return Scaled(b, Mul.Of(b, x, x), -1, 1) }
	onePlus := func(b Builder, x Value) Value { return Scaled(b, Mul.Of(b, x, x), 1, 1) }

	Tan = Elementwise(Op{Name: "tan", Doc: "The tangent of x in radians.", ONNX: "Tan",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{Lo: -1.4, Hi: 1.4}), Saves: Out(0),
		Grad: gradient(func(b Builder, d, _, y Value) Value { return Mul.Of(b, d, onePlus(b, y)) }),
	}, "tan(x0)")
	Asin = Elementwise(Op{Name: "asin", Doc: "The arcsine of x in radians; NaN outside [-1, 1].", ONNX: "Asin",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(inside), Saves: In(0),
		Grad: over(func(b Builder, x Value) Value { return Sqrt.Of(b, oneMinus(b, x)) }),
	}, "asin(x0)")
	Acos = Elementwise(Op{Name: "acos", Doc: "The arccosine of x in radians; NaN outside [-1, 1].", ONNX: "Acos",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(inside), Saves: In(0),
		Grad: over(func(b Builder, x Value) Value { return Neg.Of(b, Sqrt.Of(b, oneMinus(b, x))) }),
	}, "acos(x0)")
	Atan = Elementwise(Op{Name: "atan", Doc: "The arctangent of x in radians.", ONNX: "Atan",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: In(0),
		Grad: over(onePlus),
	}, "atan(x0)")
	Atan2 = Elementwise(Op{Name: "atan2", Doc: "The angle in radians of the point with ordinate x and abscissa y, in [-π, π].",
		Inputs: "x y", Types: Floats, Tol: library, Cases: binaryCasesOf(Arg{}, Arg{Lo: 0.25, Hi: 3}), Saves: In(0, 1),
		Grad: func(g *GradCall) []Value {
			x, y := g.In[0], g.In[1]
			square := func(b Builder) Value { return Add.Of(b, Mul.Of(b, x, x), Mul.Of(b, y, y)) }
			return broadcastGrads(g,
				func(b Builder, d Value) Value { return Div.Of(b, Mul.Of(b, d, y), square(b)) },
				func(b Builder, d Value) Value { return Neg.Of(b, Div.Of(b, Mul.Of(b, d, x), square(b))) })
		},
	}, "atan2(x0, x1)")
	Sinh = Elementwise(Op{Name: "sinh", Doc: "The hyperbolic sine of x.", ONNX: "Sinh",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: In(0),
		Grad: gradient(func(b Builder, d, x, _ Value) Value { return Mul.Of(b, d, Cosh.Of(b, x)) }),
	}, "sinh(x0)")
	Cosh = Elementwise(Op{Name: "cosh", Doc: "The hyperbolic cosine of x.", ONNX: "Cosh",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: In(0),
		Grad: gradient(func(b Builder, d, x, _ Value) Value { return Mul.Of(b, d, Sinh.Of(b, x)) }),
	}, "cosh(x0)")

	// The inverses are written so that nothing cancels near 0 or 1, and no square
	// overflows.
	Asinh = Elementwise(Op{Kind: Composite, Name: "asinh", Doc: "The inverse of sinh.", ONNX: "Asinh",
		Inputs: "x", Types: Floats, Tol: Tolerance{ULP: 8}, Cases: unaryCases(Arg{}), Saves: In(0),
		Lower: lowering(func(b Builder, x Value) Value {
			a := Abs.Of(b, x)
			far := Add.Of(b, Log.Of(b, a), Log1p.Of(b, Sqrt.Of(b, Scaled(b, Recip.Of(b, Mul.Of(b, a, a)), 1, 1))))
			more := Div.Of(b, Mul.Of(b, a, a), Scaled(b, Sqrt.Of(b, onePlus(b, a)), 1, 1))
			near := Log1p.Of(b, Add.Of(b, a, more))
			return Mul.Of(b, Sign.Of(b, x), Where.Of(b, Gt.Of(b, a, scalarLike(b, a, 1)), far, near))
		}),
		Grad: over(func(b Builder, x Value) Value { return Sqrt.Of(b, onePlus(b, x)) }),
	}, "sign(x0) * where(abs(x0) > 1, log(abs(x0)) + log1p(sqrt(1 + 1 / (x0 * x0))), log1p(abs(x0) + x0 * x0 / (1 + sqrt(x0 * x0 + 1))))")
	Acosh = Elementwise(Op{Kind: Composite, Name: "acosh", Doc: "The inverse of cosh, not below 0; NaN below 1.", ONNX: "Acosh",
		Inputs: "x", Types: Floats, Tol: Tolerance{ULP: 8}, Cases: unaryCases(Arg{Lo: 1.25, Hi: 4}), Saves: In(0),
		Lower: lowering(func(b Builder, x Value) Value {
			far := Add.Of(b, Log.Of(b, x), Log1p.Of(b, Sqrt.Of(b, Scaled(b, Recip.Of(b, Mul.Of(b, x, x)), -1, 1))))
			t := Scaled(b, x, 1, -1)
			near := Log1p.Of(b, Add.Of(b, t, Mul.Of(b, Sqrt.Of(b, t), Sqrt.Of(b, Scaled(b, x, 1, 1)))))
			return Where.Of(b, Gt.Of(b, x, scalarLike(b, x, 2)), far, near)
		}),
		Grad: over(func(b Builder, x Value) Value { return Sqrt.Of(b, Scaled(b, Mul.Of(b, x, x), 1, -1)) }),
	}, "where(x0 > 2, log(x0) + log1p(sqrt(1 - 1 / (x0 * x0))), log1p((x0 - 1) + sqrt(x0 - 1) * sqrt(x0 + 1)))")
	Atanh = Elementwise(Op{Kind: Composite, Name: "atanh", Doc: "The inverse of tanh; NaN outside [-1, 1].", ONNX: "Atanh",
		Inputs: "x", Types: Floats, Tol: Tolerance{ULP: 8}, Cases: unaryCases(inside), Saves: In(0),
		Lower: lowering(func(b Builder, x Value) Value {
			a := Abs.Of(b, x)
			l := Log1p.Of(b, Div.Of(b, Scaled(b, a, 2, 0), Scaled(b, a, -1, 1)))
			return Mul.Of(b, Sign.Of(b, x), Scaled(b, l, 0.5, 0))
		}),
		Grad: over(oneMinus),
	}, "sign(x0) * (0.5 * log1p(2 * abs(x0) / (1 - abs(x0))))")
}
