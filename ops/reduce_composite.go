package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
)

// Reductions made of simpler ones.
var Mean, Var, LogSumExp, AnyTrue, AllTrue *Op

// VarAttrs are the axes as in ReduceAttrs and the correction: the sum of squares
// is divided by the count less the correction, so 0 is the variance of a
// population and 1 the estimate from a sample.
type VarAttrs struct {
	Axes       []int `json:"axes"`
	Keep       bool  `json:"keep"`
	Correction int   `json:"correction"`
}

// reduceAttrs is the reduction that the variance is over.
func (a VarAttrs) reduceAttrs(keep bool) ReduceAttrs { return ReduceAttrs{Axes: a.Axes, Keep: keep} }

func init() {
	Mean = Declare(Op{Name: "mean", Doc: "The mean over axes, NaN over none.", ONNX: "ReduceMean",
		Kind: Composite, Inputs: "x", Attrs: ReduceAttrs{}, Types: Floats,
		Infer: reduceInfer, Cost: reduceCost, Tol: Tolerance{ULP: 4, Depth: reduceDepth}, Cases: reduceCases(Arg{}, true),
		Ref: meanRef, Lower: meanLower,
		Grad: func(g *GradCall) []Value {
			x, axes := g.In[0].Spec(), g.Attrs.(ReduceAttrs).Axes
			if x.Elements() == 0 {
				return []Value{Zeros(g.B, x)}
			}
			d := Scaled(g.B, g.D[0], 1/float64(reducedCount(axes, x.Shape)), 0)
			return []Value{Expanded(g.B, KeepShape(g.B, d, x.Shape, axes), x.Shape)}
		},
	})
	Var = Declare(Op{Name: "var", Doc: "The variance over axes; NaN where the count does not exceed the correction and all deviations are zero.",
		Kind: Composite, Inputs: "x", Attrs: VarAttrs{}, Types: Floats,
		Infer: varInfer, Cost: varCost, Cases: varCases(), Saves: In(0),
		Bench: func(s Size) Case { return Case{Attrs: VarAttrs{Axes: []int{1}}, In: []Arg{s.Square()}} },
		Tol:   Tolerance{ULP: 8, Depth: func(attrs any, in []Spec) int { return reducedCount(attrs.(VarAttrs).Axes, in[0].Shape) }},
		Ref:   varRef, Lower: varLower, Grad: varGrad,
	})
	LogSumExp = Declare(Op{Name: "log_sum_exp", Doc: "log(sum(exp(x))) over axes without overflow.", ONNX: "ReduceLogSumExp",
		Kind: Composite, Inputs: "x", Attrs: ReduceAttrs{}, Types: Floats,
		Infer: extremumInfer, Cost: reduceCost, Tol: Tolerance{ULP: 8, Depth: reduceDepth}, Saves: In(0) | Out(0),
		// The rule is exp(x - y) of the rounded y: near 1000 half a unit in the last place
		// of y is 256 units of 1.
		GradTol: Tolerance{ULP: 512, Depth: depthOne},
		Cases: append(reduceCases(Arg{}, false),
			Case{Name: "large", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(Arg{Lo: 900, Hi: 904}, []int{3, 5})},
			Case{Name: "special", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(Arg{Special: true}, []int{36, 1}), NoGradCheck: true}),
		Ref: logSumExpRef, Lower: logSumExpLower,
		Grad: func(g *GradCall) []Value {
			b, x, y, axes := g.B, g.In[0], g.Out[0], g.Attrs.(ReduceAttrs).Axes
			dims := x.Spec().Shape
			if x.Spec().DType.Wide() != x.Spec().DType {
				x = widened(b, x)
				y = LogSumExp.With(b, g.Attrs, x) // the rounded result would be off by as much as the weights are
			}
			weight := Exp.Of(b, Sub.Of(b, x, KeepShape(b, notBelow(b, y), dims, axes)))
			d := Mul.Of(b, weight, KeepShape(b, widened(b, g.D[0]), dims, axes))
			return []Value{Casted(b, d, g.In[0].Spec().DType)}
		},
	})
	// Counting rather than comparing extrema gives empty axes their value.
	AnyTrue = Declare(Op{Name: "any", GoName: "AnyTrue", Method: "Any", Converts: toTruth, Doc: "Whether any element over axes is true; false over none.",
		Kind: Composite, Inputs: "x", Attrs: ReduceAttrs{}, Types: Bools,
		Infer: reduceInfer, Cost: reduceCost, Cases: reduceCases(Arg{}, true), NoGrad: noGradBool,
		Ref: func(attrs any, in, out []Host) {
			reduceRef(attrs, in[0], out[0], 0, nil, 0, func(a, v int64) int64 { return a | v })
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			count := Sum.With(b, attrs, Casted(b, in[0], dtype.I64))
			return []Value{Gt.Of(b, count, scalarLike(b, count, 0))}
		},
	})
	AllTrue = Declare(Op{Name: "all", GoName: "AllTrue", Method: "All", Converts: toTruth, Doc: "Whether all elements over axes are true; true over none.",
		Kind: Composite, Inputs: "x", Attrs: ReduceAttrs{}, Types: Bools,
		Infer: reduceInfer, Cost: reduceCost, Cases: reduceCases(Arg{}, true), NoGrad: noGradBool,
		Ref: func(attrs any, in, out []Host) {
			reduceRef(attrs, in[0], out[0], 0, nil, 1, func(a, v int64) int64 { return a & v })
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			count := Sum.With(b, attrs, Casted(b, Not.Of(b, in[0]), dtype.I64))
			return []Value{Eq.Of(b, count, scalarLike(b, count, 0))}
		},
	})
}

// toTruth makes truth values of numbers: all are true but 0.
func toTruth(dtype.Type) dtype.Type { return dtype.Bool }

// dividedBy is v/n; n = 0 gives NaN or an infinity as IEEE 754 does.
func dividedBy(b Builder, v Value, n int) Value {
	if n == 0 {
		return Div.Of(b, v, scalarLike(b, v, 0))
	}
	return Scaled(b, v, 1/float64(n), 0)
}

func meanRef(attrs any, in, out []Host) {
	for r, m := range means(in[0], attrs.(ReduceAttrs).Axes, out[0].Elements()) {
		out[0].Set(r, m)
	}
}

// means is the mean of every result in float64.
func means(x Host, axes []int, results int) []float64 {
	sums := make([]float64, results)
	eachReduced(x.Shape, axes, func(i, r int, _ bool) { sums[r] += x.At(i) })
	n := float64(reducedCount(axes, x.Shape))
	for r := range sums {
		sums[r] /= n
	}
	return sums
}

func meanLower(b Builder, attrs any, in []Value) []Value {
	sum := Sum.With(b, attrs, widened(b, in[0]))
	n := reducedCount(attrs.(ReduceAttrs).Axes, in[0].Spec().Shape)
	return []Value{Casted(b, dividedBy(b, sum, n), in[0].Spec().DType)}
}

func varInfer(attrs any, in []Spec) ([]Spec, error) {
	a := attrs.(VarAttrs)
	if a.Correction < 0 {
		return nil, attrErr("correction %d is negative", a.Correction)
	}
	return reduceInfer(a.reduceAttrs(a.Keep), in)
}

func varCost(_ any, in, out []Spec) Cost {
	return Cost{Flops: 4 * float64(in[0].Elements()), Bytes: traffic(in, out)}
}

// freedom is the divisor of a variance.
func (a VarAttrs) freedom(dims []int) int { return max(reducedCount(a.Axes, dims)-a.Correction, 0) }

func varRef(attrs any, in, out []Host) {
	a, x, y := attrs.(VarAttrs), in[0], out[0]
	mean := means(x, a.Axes, y.Elements())
	squares := make([]float64, y.Elements())
	eachReduced(x.Shape, a.Axes, func(i, r int, _ bool) {
		deviation := x.At(i) - mean[r]
		squares[r] += deviation * deviation
	})
	for r, s := range squares {
		y.Set(r, s/float64(a.freedom(x.Shape)))
	}
}

func varLower(b Builder, attrs any, in []Value) []Value {
	a, x := attrs.(VarAttrs), widened(b, in[0])
	deviation := Sub.Of(b, x, Mean.With(b, a.reduceAttrs(true), x))
	squares := Sum.With(b, a.reduceAttrs(a.Keep), Mul.Of(b, deviation, deviation))
	return []Value{Casted(b, dividedBy(b, squares, a.freedom(in[0].Spec().Shape)), in[0].Spec().DType)}
}

func varGrad(g *GradCall) []Value {
	b, a, x := g.B, g.Attrs.(VarAttrs), widened(g.B, g.In[0])
	if x.Spec().Elements() == 0 {
		return []Value{Zeros(b, g.In[0].Spec())}
	}
	deviation := Sub.Of(b, x, Mean.With(b, a.reduceAttrs(true), x))
	d := dividedBy(b, Scaled(b, widened(b, g.D[0]), 2, 0), a.freedom(x.Spec().Shape))
	dx := Mul.Of(b, deviation, KeepShape(b, d, x.Spec().Shape, a.Axes))
	return []Value{Casted(b, dx, g.In[0].Spec().DType)}
}

func varCases() []Case {
	var cases []Case
	for _, c := range reduceCases(Arg{}, true) {
		r := c.Attrs.(ReduceAttrs)
		c.Attrs = VarAttrs{Axes: r.Axes, Keep: r.Keep}
		cases = append(cases, c)
		if reducedCount(r.Axes, c.In[0].Shape) > 1 {
			c.Name += "-sample"
			c.Attrs = VarAttrs{Axes: r.Axes, Keep: r.Keep, Correction: 1}
			cases = append(cases, c)
		}
	}
	return cases
}

func logSumExpRef(attrs any, in, out []Host) {
	x, y, axes := in[0], out[0], attrs.(ReduceAttrs).Axes
	peak := make([]float64, y.Elements())
	eachReduced(x.Shape, axes, func(i, r int, first bool) {
		if v := x.At(i); first {
			peak[r] = v
		} else {
			peak[r] = max(peak[r], v)
		}
	})
	sums := make([]float64, y.Elements())
	eachReduced(x.Shape, axes, func(i, r int, _ bool) { sums[r] += math.Exp(x.At(i) - finite(peak[r])) })
	for r := range sums {
		y.Set(r, math.Log(sums[r])+finite(peak[r]))
	}
}

// finite replaces an infinite peak by 0: subtracting it from itself is NaN.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return 0
	}
	return v
}

// notBelow replaces -Inf, the logarithm of a sum of exponentials that are all 0, by 0: exp of
// -Inf less that is 0, less -Inf it would be NaN.
func notBelow(b Builder, lse Value) Value {
	return Where.Of(b, Eq.Of(b, lse, scalarLike(b, lse, math.Inf(-1))), scalarLike(b, lse, 0), lse)
}

func logSumExpLower(b Builder, attrs any, in []Value) []Value {
	a, x := attrs.(ReduceAttrs), widened(b, in[0])
	peak := Amax.With(b, ReduceAttrs{Axes: a.Axes, Keep: true}, x)
	peak = Where.Of(b, IsInf.Of(b, peak), scalarLike(b, x, 0), peak)
	sum := Sum.With(b, a, Exp.Of(b, Sub.Of(b, x, peak)))
	y := Add.Of(b, Log.Of(b, sum), Reshaped(b, peak, sum.Spec().Shape...))
	return []Value{Casted(b, y, in[0].Spec().DType)}
}
