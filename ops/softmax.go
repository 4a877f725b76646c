package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// AxisAttrs names one axis; negative counts from the end.
type AxisAttrs struct {
	Axis int `json:"axis"`
}

// Rows over one axis. The gradients are rows of their own, so that a backend
// may fuse them; they read the saved result, not the input.
var (
	Softmax        *Op
	LogSoftmax     *Op
	SoftmaxGrad    *Op
	LogSoftmaxGrad *Op
)

func init() {
	length := func(attrs any, in []Spec) int {
		axis, err := axisOf(attrs.(AxisAttrs).Axis, in[0])
		if err != nil {
			return 1
		}
		return in[0].Shape[axis]
	}
	lines := func(t Arg, inputs int) []Case {
		cases := []Case{
			{Name: "vector", Attrs: AxisAttrs{0}, In: []Arg{{Shape: []int{19}}}},
			{Name: "rows", Attrs: AxisAttrs{-1}, In: []Arg{{Shape: []int{3, 7}}}},
			{Name: "middle", Attrs: AxisAttrs{1}, In: []Arg{{Shape: []int{2, 5, 3}}}},
			{Name: "one", Attrs: AxisAttrs{1}, In: []Arg{{Shape: []int{4, 1}}}},
			{Name: "empty-batch", Attrs: AxisAttrs{1}, In: []Arg{{Shape: []int{0, 3}}}},
			{Name: "empty-axis", Attrs: AxisAttrs{1}, In: []Arg{{Shape: []int{2, 0}}}},
		}
		for i := range cases {
			first := cases[i].In[0]
			first.Lo, first.Hi = t.Lo, t.Hi
			cases[i].In = []Arg{first}
			if inputs == 2 {
				cases[i].In = append(cases[i].In, Arg{Shape: first.Shape})
			}
		}
		return cases
	}
	special := Case{Name: "special", Attrs: AxisAttrs{1}, In: []Arg{{Shape: []int{9, 4}, Special: true}}, NoGradCheck: true}
	large := Case{Name: "large", Attrs: AxisAttrs{1}, In: []Arg{{Shape: []int{3, 5}, Lo: 900, Hi: 904}}, Types: []dtype.Type{dtype.F64, dtype.F32}}

	Softmax = Declare(Op{
		Name:   "softmax",
		Doc:    "exp(x) divided by its sum along an axis, computed after subtracting the maximum. A line of only -Inf is NaN.",
		ONNX:   "Softmax",
		Kind:   Composite,
		Probe:  true,
		Inputs: "x",
		Attrs:  AxisAttrs{},
		Types:  Floats,
		Infer:  axisInfer,
		Ref: func(attrs any, in, out []Host) {
			eachLine(in[0].Shape, attrs.(AxisAttrs).Axis, func(at []int) {
				top, sum := lineMaxSum(in[0], at)
				for _, i := range at {
					out[0].Set(i, math.Exp(in[0].At(i)-top)/sum)
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[0].Spec()
			axis := mustAxis(attrs.(AxisAttrs).Axis, spec)
			if spec.Shape[axis] == 0 {
				return []Value{Zeros(b, spec)}
			}
			e := Exp.Of(b, shifted(b, widened(b, in[0]), axis))
			y := Div.Of(b, e, SumOver(b, e, true, axis))
			return []Value{Casted(b, y, spec.DType)}
		},
		Grad: func(g *GradCall) []Value {
			return []Value{SoftmaxGrad.With(g.B, g.Attrs, g.Out[0], g.D[0])}
		},
		Saves: Out(0),
		Cost:  flopsPer(5),
		Tol:   Tolerance{ULP: 4, Depth: length},
		Bench: func(s Size) Case { return Case{Attrs: AxisAttrs{1}, In: []Arg{s.Square()}} },
		Cases: append(lines(Arg{}, 1), special, large),
	})

	LogSoftmax = Declare(Op{
		Name:   "log_softmax",
		Doc:    "x minus the logarithm of the sum of exp(x) along an axis, computed after subtracting the maximum.",
		ONNX:   "LogSoftmax",
		Kind:   Composite,
		Inputs: "x",
		Attrs:  AxisAttrs{},
		Types:  Floats,
		Infer:  axisInfer,
		Ref: func(attrs any, in, out []Host) {
			eachLine(in[0].Shape, attrs.(AxisAttrs).Axis, func(at []int) {
				top, sum := lineMaxSum(in[0], at)
				for _, i := range at {
					out[0].Set(i, in[0].At(i)-top-math.Log(sum))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[0].Spec()
			axis := mustAxis(attrs.(AxisAttrs).Axis, spec)
			if spec.Shape[axis] == 0 {
				return []Value{Zeros(b, spec)}
			}
			s := shifted(b, widened(b, in[0]), axis)
			y := Sub.Of(b, s, Log.Of(b, SumOver(b, Exp.Of(b, s), true, axis)))
			return []Value{Casted(b, y, spec.DType)}
		},
		Grad: func(g *GradCall) []Value {
			return []Value{LogSoftmaxGrad.With(g.B, g.Attrs, g.Out[0], g.D[0])}
		},
		Saves: Out(0),
		Cost:  flopsPer(5),
		Tol:   Tolerance{ULP: 4, Depth: length},
		Bench: func(s Size) Case { return Case{Attrs: AxisAttrs{1}, In: []Arg{s.Square()}} },
		Cases: append(lines(Arg{}, 1), special, large),
	})

	SoftmaxGrad = Declare(Op{
		Name:     "softmax_grad",
		Internal: true,
		Doc:      "Gradient of softmax from its result y and the gradient d of the result: y*(d - sum(y*d)) along the axis.",
		Kind:     Composite,
		Inputs:   "y d",
		Attrs:    AxisAttrs{},
		Types:    Floats,
		Infer:    axisInfer,
		Ref: func(attrs any, in, out []Host) {
			y, d := in[0], in[1]
			eachLine(y.Shape, attrs.(AxisAttrs).Axis, func(at []int) {
				dot := 0.0
				for _, i := range at {
					dot += y.At(i) * d.At(i)
				}
				for _, i := range at {
					out[0].Set(i, y.At(i)*(d.At(i)-dot))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[0].Spec()
			axis := mustAxis(attrs.(AxisAttrs).Axis, spec)
			y, d := widened(b, in[0]), widened(b, in[1])
			dot := SumOver(b, Mul.Of(b, y, d), true, axis)
			dx := Mul.Of(b, y, Sub.Of(b, d, dot))
			return []Value{Casted(b, dx, spec.DType)}
		},
		Cost:  flopsPer(4),
		Tol:   Tolerance{ULP: 4, Depth: length},
		Bench: func(s Size) Case { return Case{Attrs: AxisAttrs{1}, In: []Arg{s.Square(), s.Square()}} },
		Cases: lines(Arg{Lo: 0.05, Hi: 1}, 2),
	})

	LogSoftmaxGrad = Declare(Op{
		Name:     "log_softmax_grad",
		Internal: true,
		Doc:      "Gradient of log_softmax from its result y and the gradient d of the result: d - exp(y)*sum(d) along the axis.",
		Kind:     Composite,
		Inputs:   "y d",
		Attrs:    AxisAttrs{},
		Types:    Floats,
		Infer:    axisInfer,
		Ref: func(attrs any, in, out []Host) {
			y, d := in[0], in[1]
			eachLine(y.Shape, attrs.(AxisAttrs).Axis, func(at []int) {
				sum := 0.0
				for _, i := range at {
					sum += d.At(i)
				}
				for _, i := range at {
					out[0].Set(i, d.At(i)-math.Exp(y.At(i))*sum)
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[0].Spec()
			axis := mustAxis(attrs.(AxisAttrs).Axis, spec)
			y, d := widened(b, in[0]), widened(b, in[1])
			dx := Sub.Of(b, d, Mul.Of(b, Exp.Of(b, y), SumOver(b, d, true, axis)))
			return []Value{Casted(b, dx, spec.DType)}
		},
		Cost:  flopsPer(4),
		Tol:   Tolerance{ULP: 4, Depth: length},
		Bench: func(s Size) Case { return Case{Attrs: AxisAttrs{1}, In: []Arg{s.Square(), s.Square()}} },
		Cases: lines(Arg{Lo: -3, Hi: -0.1}, 2),
	})
}

// axisInfer is the rule of ops along one axis whose inputs all look alike.
func axisInfer(attrs any, in []Spec) ([]Spec, error) {
	if err := sameTypes(in); err != nil {
		return nil, err
	}
	for i, s := range in {
		if !shape.Equal(s.Shape, in[0].Shape) {
			return nil, shapeErr("input %d must have the shape of input 0", i)
		}
	}
	if _, err := axisOf(attrs.(AxisAttrs).Axis, in[0]); err != nil {
		return nil, err
	}
	return []Spec{in[0]}, nil
}

// axisOf resolves an axis that may count from the end.
func axisOf(axis int, s Spec) (int, error) {
	rank := len(s.Shape)
	if axis < -rank || axis >= rank {
		return 0, attrErr("axis %d is out of range for %s, which has rank %d", axis, s, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// mustAxis is axisOf where the shape rule has accepted the axis.
func mustAxis(axis int, s Spec) int {
	a, err := axisOf(axis, s)
	if err != nil {
		panic(err)
	}
	return a
}

// eachLine calls f with the element indices of every line along the axis.
func eachLine(dims []int, axis int, f func(at []int)) {
	if axis < 0 {
		axis += len(dims)
	}
	outer, inner := 1, 1
	for i, n := range dims {
		switch {
		case i < axis:
			outer *= n
		case i > axis:
			inner *= n
		}
	}
	at := make([]int, dims[axis])
	for o := range outer {
		for i := range inner {
			for k := range at {
				at[k] = (o*len(at)+k)*inner + i
			}
			f(at)
		}
	}
}

// lineMaxSum is the maximum of a line and the sum of exp(x - maximum).
func lineMaxSum(x Host, at []int) (top, sum float64) {
	top = math.Inf(-1)
	for _, i := range at {
		top = max(top, x.At(i))
	}
	for _, i := range at {
		sum += math.Exp(x.At(i) - top)
	}
	return top, sum
}

// shifted is x minus its maximum along an axis. The maximum cancels in what
// softmax makes of it, so no gradient is lost whichever way ties share it.
func shifted(b Builder, x Value, axis int) Value {
	return Sub.Of(b, x, Amax.With(b, ReduceAttrs{Axes: []int{axis}, Keep: true}, x))
}

// widened is x in its wide type.
func widened(b Builder, x Value) Value { return Casted(b, x, x.Spec().DType.Wide()) }

// withWide doubles cases for rows some of whose inputs are in the wide type:
// for 16-bit floats these inputs are f32.
func withWide(cases []Case, wide ...int) []Case {
	var out []Case
	for _, c := range cases {
		same, half := c, c
		same.Types = []dtype.Type{dtype.F64, dtype.F32}
		half.Name += "-half"
		half.Types = []dtype.Type{dtype.F16, dtype.BF16}
		half.In = append([]Arg{}, c.In...)
		for _, i := range wide {
			half.In[i].DType = dtype.F32
		}
		out = append(out, same, half)
	}
	return out
}
