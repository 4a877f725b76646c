package ops

// Elementwise arithmetic of two operands, broadcast as in NumPy.
var Add, Sub, Mul, Div, Pow, Mod, Max, Min *Op

// broadcastGrads gives each of two operands its gradient, summed over the axes it
// was broadcast along. A function runs only if its gradient is wanted.
func broadcastGrads(g *GradCall, fx, fy func(b Builder, d Value) Value) []Value {
	out := g.results(2)
	for i, f := range []func(Builder, Value) Value{fx, fy} {
		if g.Needs[i] {
			out[i] = Unbroadcast(g.B, f(g.B, g.D[0]), g.In[i].Spec().Shape)
		}
	}
	return out
}

func pass(_ Builder, d Value) Value { return d }

// binaryCasesOf draws the two operands from different ranges.
func binaryCasesOf(x, y Arg) []Case {
	cases := binaryCases(x)
	for i := range cases {
		second := y
		second.Shape, second.Special = cases[i].In[1].Shape, cases[i].In[1].Special
		cases[i].In[1] = second
	}
	return cases
}

func init() {
	Add = Elementwise(Op{Name: "add", Doc: "x + y.", ONNX: "Add",
		Inputs: "x y", Types: Numbers, Tol: arithmetic, Cases: binaryCases(Arg{}),
		Grad: func(g *GradCall) []Value { return broadcastGrads(g, pass, pass) },
	}, "x0 + x1")
	Sub = Elementwise(Op{Name: "sub", Doc: "x - y.", ONNX: "Sub",
		Inputs: "x y", Types: Numbers, Tol: arithmetic, Cases: binaryCases(Arg{}),
		Grad: func(g *GradCall) []Value {
			return broadcastGrads(g, pass, func(b Builder, d Value) Value { return Neg.Of(b, d) })
		},
	}, "x0 - x1")
	Mul = Elementwise(Op{Name: "mul", Doc: "x * y.", ONNX: "Mul",
		Inputs: "x y", Types: Numbers, Tol: arithmetic, Cases: binaryCases(Arg{}), Saves: In(0, 1), Fold: neutral(1, 0, 1),
		Grad: func(g *GradCall) []Value {
			return broadcastGrads(g,
				func(b Builder, d Value) Value { return Mul.Of(b, d, g.In[1]) },
				func(b Builder, d Value) Value { return Mul.Of(b, d, g.In[0]) })
		},
	}, "x0 * x1")
	Div = Elementwise(Op{Name: "div", Doc: "x / y. Integers truncate toward zero, and divided by 0 give 0.", ONNX: "Div",
		Inputs: "x y", Types: Numbers, Tol: arithmetic, Cases: binaryCasesOf(Arg{}, Arg{Lo: 0.5, Hi: 3}), Saves: In(1) | Out(0), Fold: neutral(1, 1),
		Grad: func(g *GradCall) []Value {
			return broadcastGrads(g,
				func(b Builder, d Value) Value { return Div.Of(b, d, g.In[1]) },
				func(b Builder, d Value) Value { return Neg.Of(b, Div.Of(b, Mul.Of(b, d, g.Out[0]), g.In[1])) })
		},
	}, "x0 / x1")
	Pow = Elementwise(Op{Name: "pow", Doc: "x to the power y as C99 pow. The gradient of y is NaN where x is negative.", ONNX: "Pow",
		Inputs: "x y", Types: Floats, Tol: library, Cases: binaryCasesOf(Arg{Lo: 0.25, Hi: 3}, Arg{}),
		Saves: In(0, 1) | Out(0), Grad: powGrad,
	}, "pow(x0, x1)")
	Mod = Elementwise(Op{Name: "mod", Doc: "The remainder of x / y with the sign of y, as in Python. Integers modulo 0 give 0.", ONNX: "Mod",
		Inputs: "x y", Types: Numbers, Tol: arithmetic, Saves: In(0, 1), Cases: modCases(),
		Grad: func(g *GradCall) []Value {
			return broadcastGrads(g, pass, func(b Builder, d Value) Value {
				return Neg.Of(b, Mul.Of(b, d, Floor.Of(b, Div.Of(b, g.In[0], g.In[1]))))
			})
		},
	}, "mod(x0, x1)")
	Max = Elementwise(Op{Name: "max", Doc: "The larger of x and y, NaN if either is. Equal operands share the gradient by halves; beside NaN both get all of it, as in PyTorch.", ONNX: "Max",
		Inputs: "x y", Types: Numbers, Tol: exact, Cases: apartCases(), Saves: In(0, 1),
		Grad: func(g *GradCall) []Value { return pickGrads(g, Lt) },
	}, "max(x0, x1)")
	Min = Elementwise(Op{Name: "min", Doc: "The smaller of x and y, NaN if either is. Equal operands share the gradient by halves; beside NaN both get all of it, as in PyTorch.", ONNX: "Min",
		Inputs: "x y", Types: Numbers, Tol: exact, Cases: apartCases(), Saves: In(0, 1),
		Grad: func(g *GradCall) []Value { return pickGrads(g, Gt) },
	}, "min(x0, x1)")
}

// powGrad is d*y*x^(y-1) and d*x^y*log(x). Where a factor would be 0*Inf the
// base is replaced by 1, which makes the product the 0 it should be, in the
// second derivative too.
func powGrad(g *GradCall) []Value {
	x, y := g.In[0], g.In[1]
	return broadcastGrads(g,
		func(b Builder, d Value) Value {
			base := Where.Of(b, Eq.Of(b, y, scalarLike(b, y, 0)), scalarLike(b, x, 1), x)
			return Mul.Of(b, d, Mul.Of(b, y, Pow.Of(b, base, Scaled(b, y, 1, -1))))
		},
		func(b Builder, d Value) Value {
			flat := And.Of(b, Eq.Of(b, x, scalarLike(b, x, 0)), Ge.Of(b, y, scalarLike(b, y, 0)))
			base := Where.Of(b, flat, scalarLike(b, x, 1), x)
			return Mul.Of(b, d, Mul.Of(b, g.Out[0], Log.Of(b, base)))
		})
}

// pickGrads gives the gradient to the operand that does not lose the comparison, half to
// each where they are equal. The loser's is 0 whatever the gradient is, an infinity or NaN
// too: a product with 0 would make these NaN.
func pickGrads(g *GradCall, loses *Op) []Value {
	share := func(x, y Value) func(Builder, Value) Value {
		return func(b Builder, d Value) Value {
			d = Where.Of(b, Eq.Of(b, x, y), Scaled(b, d, 0.5, 0), d)
			return Where.Of(b, loses.Of(b, x, y), scalarLike(b, d, 0), d)
		}
	}
	return broadcastGrads(g, share(g.In[0], g.In[1]), share(g.In[1], g.In[0]))
}

// modCases checks gradients where x/y stays between 2 and 3, and everything
// else over the whole range.
func modCases() []Case {
	cases := binaryCasesOf(Arg{}, Arg{Lo: 0.5, Hi: 3})
	for i := range cases {
		cases[i].NoGradCheck = true
	}
	return append(cases,
		Case{Name: "smooth", In: []Arg{{Shape: []int{3, 4}, Lo: 2.2, Hi: 2.8}, {Shape: []int{4}, Lo: 1, Hi: 1.05}}},
		Case{Name: "negative", In: []Arg{{Shape: []int{9}, Lo: -2.8, Hi: -2.2}, {Shape: []int{9}, Lo: 1, Hi: 1.05}}})
}

// apartCases keeps the operands apart where gradients are checked: a tie within
// the step of a finite difference is a kink.
func apartCases() []Case {
	cases := binaryCases(Arg{})
	for i := range cases {
		cases[i].NoGradCheck = true
	}
	low, high := Arg{Shape: []int{3, 4}, Away: []float64{0}}, Arg{Shape: []int{4}, Lo: -0.01, Hi: 0.01}
	return append(cases, Case{Name: "apart", In: []Arg{low, high}})
}
