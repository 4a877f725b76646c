package ops

import "math"

// Activation functions: composites that a backend may also compute at once from
// their expression.
var Relu, ReluGrad, LeakyRelu, Sigmoid, Silu, Gelu, GeluTanh, Clamp, Step *Op

// LeakyReluAttrs is the slope below zero.
type LeakyReluAttrs struct {
	Slope float64 `json:"slope"`
}

// ClampAttrs are the bounds of a clamp; Lo must not be above Hi.
type ClampAttrs struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// geluCubic is the factor of x³ in the tanh approximation of gelu: Hendrycks
// and Gimpel, "Gaussian Error Linear Units", 2016.
const geluCubic = 0.044715

// lowering is the Lower of a composite of one input and one output.
func lowering(f func(b Builder, x Value) Value) func(Builder, any, []Value) []Value {
	return func(b Builder, _ any, in []Value) []Value { return []Value{f(b, in[0])} }
}

// withAttrs gives every case the attributes.
func withAttrs(attrs any, cases []Case) []Case {
	for i := range cases {
		cases[i].Attrs = attrs
	}
	return cases
}

func init() {
	kink := Arg{Away: []float64{0}}
	cancelling := Tolerance{ULP: 8, Depth: depthOne}

	Step = Elementwise(Op{Kind: Composite, Name: "step", Doc: "1 where x > 0, else 0. The gradient is zero.",
		Inputs: "x", Types: signedNumbers, Tol: exact, Cases: unaryCases(kink), Grad: zeroGradient,
		Lower: lowering(func(b Builder, x Value) Value {
			return Casted(b, Gt.Of(b, x, scalarLike(b, x, 0)), x.Spec().DType)
		}),
	}, "where(x0 > 0, 1, 0)")
	Relu = Elementwise(Op{Kind: Composite, Name: "relu", Doc: "max(x, 0). The gradient at 0 is 0.", ONNX: "Relu",
		Inputs: "x", Types: signedNumbers, Tol: exact, Cases: unaryCases(kink), Saves: Out(0),
		Lower: lowering(func(b Builder, x Value) Value { return Max.Of(b, x, scalarLike(b, x, 0)) }),
		Grad:  gradient(func(b Builder, d, _, y Value) Value { return ReluGrad.Of(b, d, y) }),
	}, "max(x0, 0)")
	ReluGrad = Elementwise(Op{Kind: Composite, Name: "relu_grad", Internal: true, Doc: "The gradient of relu from that of its result and the result: d where y > 0, else 0.",
		Inputs: "d y", Types: signedNumbers, Tol: exact, Saves: In(1),
		Cases: []Case{
			{Name: "matrix", In: args(kink, []int{5, 7}, []int{5, 7})},
			{Name: "scalar", In: args(kink, []int{}, []int{})},
			{Name: "empty", In: args(kink, []int{0, 3}, []int{0, 3})},
			{Name: "special", In: args(Arg{Special: true}, []int{37}, []int{37}), NoGradCheck: true},
		},
		Lower: func(b Builder, _ any, in []Value) []Value {
			y := in[1]
			positive := Gt.Of(b, y, scalarLike(b, y, 0))
			return []Value{Where.Of(b, positive, in[0], scalarLike(b, in[0], 0))}
		},
		Grad: func(g *GradCall) []Value {
			// The result is linear in d and constant in y but for the kink.
			return []Value{ReluGrad.Of(g.B, g.D[0], g.In[1]), Zeros(g.B, g.In[1].Spec())}
		},
	}, "where(x1 > 0, x0, 0)")
	LeakyRelu = Elementwise(Op{Kind: Composite, Name: "leaky_relu", Doc: "x above 0, slope*x below. The gradient at 0 is slope.", ONNX: "LeakyRelu",
		Inputs: "x", Attrs: LeakyReluAttrs{}, Types: Floats, Tol: arithmetic, Saves: In(0),
		Cases:  withAttrs(LeakyReluAttrs{Slope: 0.1}, unaryCases(kink)),
		Params: func(attrs any) []float64 { return []float64{attrs.(LeakyReluAttrs).Slope} },
		Lower: func(b Builder, attrs any, in []Value) []Value {
			return []Value{leak(b, in[0], in[0], attrs.(LeakyReluAttrs).Slope)}
		},
		Grad: func(g *GradCall) []Value {
			return []Value{leak(g.B, g.In[0], g.D[0], g.Attrs.(LeakyReluAttrs).Slope)}
		},
	}, "where(x0 > 0, x0, p0 * x0)")
	Sigmoid = Elementwise(Op{Kind: Composite, Name: "sigmoid", Doc: "1 / (1 + exp(-x)).", ONNX: "Sigmoid",
		Inputs: "x", Types: Floats, Tol: library, Cases: unaryCases(Arg{}), Saves: Out(0),
		Lower: lowering(func(b Builder, x Value) Value {
			return Recip.Of(b, Scaled(b, Exp.Of(b, Neg.Of(b, x)), 1, 1))
		}),
		Grad: wideGradient(func(b Builder, d, _, y Value) Value { return sigmoidGradient(b, d, y) }),
	}, "sigmoid(x0)")
	Silu = Elementwise(Op{Kind: Composite, Name: "silu", Doc: "x * sigmoid(x), also called swish.", ONNX: "Swish",
		Inputs: "x", Types: Floats, Tol: Tolerance{ULP: 6}, Cases: unaryCases(Arg{}), Saves: In(0),
		Lower: lowering(func(b Builder, x Value) Value { return Mul.Of(b, x, Sigmoid.Of(b, x)) }),
		Grad: wideGradient(func(b Builder, d, x, _ Value) Value {
			s := Sigmoid.Of(b, x)
			return Mul.Of(b, d, Add.Of(b, s, sigmoidGradient(b, x, s)))
		}),
	}, "x0 * sigmoid(x0)")
	Gelu = Elementwise(Op{Kind: Composite, Name: "gelu", Doc: "x times the normal distribution function of x, by erf.", ONNX: "Gelu",
		Inputs: "x", Types: Floats, Tol: cancelling, Cases: unaryCases(Arg{}), Saves: In(0),
		Lower: lowering(func(b Builder, x Value) Value { return Mul.Of(b, x, normalCDF(b, x)) }),
		Grad: wideGradient(func(b Builder, d, x, _ Value) Value {
			bell := Scaled(b, Exp.Of(b, Scaled(b, Mul.Of(b, x, x), -0.5, 0)), 1/math.Sqrt(2*math.Pi), 0)
			return Mul.Of(b, d, Add.Of(b, normalCDF(b, x), Mul.Of(b, x, bell)))
		}),
	}, "x0 * (0.5 * erf(x0 * 0.7071067811865476) + 0.5)")
	GeluTanh = Elementwise(Op{Kind: Composite, Name: "gelu_tanh", Doc: "The tanh approximation of gelu.",
		Inputs: "x", Types: Floats, Tol: cancelling, Cases: unaryCases(Arg{}), Saves: In(0),
		Lower: lowering(func(b Builder, x Value) Value {
			return Mul.Of(b, x, Scaled(b, Tanh.Of(b, geluInner(b, x)), 0.5, 0.5))
		}),
		Grad: wideGradient(func(b Builder, d, x, _ Value) Value {
			// Beyond ±10 tanh is ±1 in every type, and powers of x would overflow.
			x = Clamp.With(b, ClampAttrs{Lo: -10, Hi: 10}, x)
			t := Tanh.Of(b, geluInner(b, x))
			k := math.Sqrt(2 / math.Pi)
			inner := Scaled(b, Mul.Of(b, x, x), 3*k*geluCubic, k)
			half := Scaled(b, tanhGradient(b, inner, t), 0.5, 0)
			return Mul.Of(b, d, Add.Of(b, Scaled(b, t, 0.5, 0.5), Mul.Of(b, x, half)))
		}),
	}, "x0 * (0.5 * tanh(x0 * (0.7978845608028654 + 0.035677408136300125 * x0 * x0)) + 0.5)")
	Clamp = Elementwise(Op{Kind: Composite, Name: "clamp", Doc: "x limited to [lo, hi]. The gradient passes inside and at the bounds.", ONNX: "Clip",
		Inputs: "x", Attrs: ClampAttrs{}, Types: Floats, Tol: arithmetic, Saves: In(0), Infer: clampInfer,
		Cases: withAttrs(ClampAttrs{Lo: -0.75, Hi: 1.25}, unaryCases(Arg{Away: []float64{-0.75, 1.25}})),
		Params: func(attrs any) []float64 {
			a := attrs.(ClampAttrs)
			return []float64{a.Lo, a.Hi}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, x := attrs.(ClampAttrs), in[0]
			return []Value{Min.Of(b, Max.Of(b, x, scalarLike(b, x, a.Lo)), scalarLike(b, x, a.Hi))}
		},
		Grad: func(g *GradCall) []Value {
			a, b, x := g.Attrs.(ClampAttrs), g.B, g.In[0]
			inside := And.Of(b, Ge.Of(b, x, scalarLike(b, x, a.Lo)), Le.Of(b, x, scalarLike(b, x, a.Hi)))
			return []Value{Where.Of(b, inside, g.D[0], scalarLike(b, x, 0))}
		},
	}, "min(max(x0, p0), p1)")
}

func clampInfer(attrs any, in []Spec) ([]Spec, error) {
	if a := attrs.(ClampAttrs); !(a.Lo <= a.Hi) {
		return nil, attrErr("lo %v is above hi %v or one is NaN", a.Lo, a.Hi)
	}
	return mapInfer(attrs, in)
}

// leak is v where x > 0 and slope*v elsewhere.
func leak(b Builder, x, v Value, slope float64) Value {
	return Where.Of(b, Gt.Of(b, x, scalarLike(b, x, 0)), v, Scaled(b, v, slope, 0))
}

// normalCDF is the distribution function of the standard normal.
func normalCDF(b Builder, x Value) Value {
	return Scaled(b, Erf.Of(b, Scaled(b, x, math.Sqrt2/2, 0)), 0.5, 0.5)
}

// geluInner is sqrt(2/π)*(x + geluCubic*x³).
func geluInner(b Builder, x Value) Value {
	k := math.Sqrt(2 / math.Pi)
	return Mul.Of(b, x, Scaled(b, Mul.Of(b, x, x), k*geluCubic, k))
}
