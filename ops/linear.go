package ops

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/shape"
)

// Linear is a fully connected layer in one op.
var Linear *Op

// LinearAttrs name the activation applied to the result: "relu", "tanh",
// "sigmoid", or "" for none.
type LinearAttrs struct {
	Act string `json:"act,omitempty"`
}

// activation is what Linear can apply to its result: its value, its row, and its
// gradient from the result y.
type activation struct {
	value    func(float64) float64
	apply    func(b Builder, x Value) Value
	gradient func(b Builder, d, y Value) Value
}

// activations by name. The rows are looked up when used: they are assigned at
// init.
var activations = map[string]activation{
	"": {
		func(v float64) float64 { return v },
		func(_ Builder, x Value) Value { return x },
		func(_ Builder, d, _ Value) Value { return d },
	},
	"relu": {
		func(v float64) float64 { return math.Max(v, 0) },
		func(b Builder, x Value) Value { return Relu.Of(b, x) },
		func(b Builder, d, y Value) Value { return ReluGrad.Of(b, d, y) },
	},
	"tanh": {
		math.Tanh,
		func(b Builder, x Value) Value { return Tanh.Of(b, x) },
		tanhGradient,
	},
	"sigmoid": {
		func(v float64) float64 { return 1 / (1 + math.Exp(-v)) },
		func(b Builder, x Value) Value { return Sigmoid.Of(b, x) },
		sigmoidGradient,
	},
}

// activationOf is the name of what a row computes, or "".
func activationOf(op *Op) string {
	switch op {
	case Relu:
		return "relu"
	case Tanh:
		return "tanh"
	case Sigmoid:
		return "sigmoid"
	}
	return ""
}

func init() {
	Linear = Declare(Op{Name: "linear", Doc: "act(x·wᵀ + bias) for x [..., K], w [N, K] and bias [N].", ONNX: "Gemm",
		Kind: Composite, Inputs: "x w bias?", Attrs: LinearAttrs{}, Types: Floats, Saves: In(0, 1) | Out(0),
		Infer: linearInfer, Ref: linearRef, Lower: linearLower, Grad: linearGrad, Absorb: linearAbsorb,
		Tol: Tolerance{ULP: 4, Products: true, Depth: func(_ any, in []Spec) int { return lastAxis(in[0].Shape) + 1 }},
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: 2 * float64(out[0].Elements()) * float64(lastAxis(in[0].Shape)+1), Bytes: traffic(in, out)}
		},
		Bench: func(s Size) Case { return Case{Attrs: LinearAttrs{}, In: []Arg{s.Square(), s.Square(), s.Vector()}} },
		Cases: []Case{
			{Name: "plain", Attrs: LinearAttrs{}, In: args(Arg{}, []int{4, 5}, []int{3, 5})},
			{Name: "bias", Attrs: LinearAttrs{}, In: args(Arg{}, []int{4, 5}, []int{3, 5}, []int{3})},
			{Name: "vector", Attrs: LinearAttrs{}, In: args(Arg{}, []int{5}, []int{3, 5}, []int{3})},
			{Name: "batch-tanh", Attrs: LinearAttrs{Act: "tanh"}, In: args(Arg{Lo: -1, Hi: 1}, []int{2, 3, 4}, []int{5, 4}, []int{5})},
			{Name: "sigmoid", Attrs: LinearAttrs{Act: "sigmoid"}, In: args(Arg{Lo: -1, Hi: 1}, []int{3, 4}, []int{2, 4}, []int{2})},
			// Positive operands for one sign of the sum keep clear of the kink.
			{Name: "relu-open", Attrs: LinearAttrs{Act: "relu"}, In: args(Arg{Lo: 0.1, Hi: 1}, []int{3, 4}, []int{2, 4}, []int{2})},
			{Name: "relu", Attrs: LinearAttrs{Act: "relu"}, In: args(Arg{}, []int{7, 9}, []int{6, 9}, []int{6}), NoGradCheck: true},
			{Name: "one", Attrs: LinearAttrs{}, In: args(Arg{}, []int{1, 1}, []int{1, 1}, []int{1})},
			{Name: "empty", Attrs: LinearAttrs{}, In: args(Arg{}, []int{0, 4}, []int{3, 4}, []int{3})},
		},
	})
}

// checkActivation returns an error for a name that is none.
func checkActivation(act string) error {
	if activations[act].value == nil {
		return attrErr("activation %q is unknown; use \"relu\", \"tanh\", \"sigmoid\" or none", act)
	}
	return nil
}

func linearInfer(attrs any, in []Spec) ([]Spec, error) {
	if err := checkActivation(attrs.(LinearAttrs).Act); err != nil {
		return nil, err
	}
	if err := sameTypes(in); err != nil {
		return nil, err
	}
	if len(in[0].Shape) == 0 {
		return nil, shapeErr("x must have at least one axis, the features")
	}
	if err := wantRank(in, 1, 2, "[N, K]"); err != nil {
		return nil, err
	}
	n, k := in[1].Shape[0], in[1].Shape[1]
	if have := lastAxis(in[0].Shape); have != k {
		return nil, shapeErr("x has %d features and w takes %d", have, k)
	}
	if len(in) == 3 && !shape.Equal(in[2].Shape, []int{n}) {
		return nil, shapeErr("bias must have shape [%d], one value per row of w", n)
	}
	return []Spec{{in[0].DType, withLast(in[0].Shape, n)}}, nil
}

func linearRef(attrs any, in, out []Host) {
	x, w, y := in[0], in[1], out[0]
	n, k := w.Shape[0], w.Shape[1]
	act := activations[attrs.(LinearAttrs).Act].value
	for i := range y.Elements() {
		row, column := i/n, i%n
		var sum float64
		if len(in) == 3 {
			sum = in[2].At(column)
		}
		for p := range k {
			sum += x.At(row*k+p) * w.At(column*k+p)
		}
		y.Set(i, act(sum))
	}
}

func linearLower(b Builder, attrs any, in []Value) []Value {
	x, w := in[0], in[1]
	y := MatMul.Of(b, asMatrix(b, x), Transposed(b, w))
	if len(in) == 3 {
		y = Add.Of(b, y, in[2])
	}
	y = activations[attrs.(LinearAttrs).Act].apply(b, y)
	return []Value{Reshaped(b, y, withLast(x.Spec().Shape, w.Spec().Shape[0])...)}
}

func linearGrad(g *GradCall) []Value {
	b, x, w := g.B, g.In[0], g.In[1]
	d := asMatrix(b, activations[g.Attrs.(LinearAttrs).Act].gradient(b, g.D[0], g.Out[0]))
	out := make([]Value, len(g.In))
	if g.Needs[0] {
		out[0] = Reshaped(b, MatMul.Of(b, d, w), slices.Clone(x.Spec().Shape)...)
	}
	if g.Needs[1] {
		out[1] = MatMul.Of(b, Transposed(b, d), asMatrix(b, x))
	}
	if len(g.In) == 3 && g.Needs[2] {
		out[2] = SumOver(b, d, false, 0)
	}
	return out
}
