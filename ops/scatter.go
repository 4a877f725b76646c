package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Single elements written or added at indices along one axis.
var Scatter, ScatterAdd *Op

// ScatterAttrs is the axis that is indexed.
type ScatterAttrs struct {
	Axis int `json:"axis"`
}

func init() {
	Scatter = Declare(Op{Name: "scatter", Method: "-", Doc: "x with each update written at its index along an axis and at its own position on the others, as torch.scatter; of several updates for one element the last one stays. Indices are as for scatter_add.",
		ONNX: "ScatterElements",
		Kind: Core, Family: ScatterFamily, Inputs: "x idx updates", Attrs: ScatterAttrs{}, Types: Any, Saves: In(1), Tol: exact,
		Infer: scatterInfer,
		Ref: func(attrs any, in, out []Host) {
			copy(out[0].Data, in[0].Data)
			eachPicked(Scatter, in[0].Shape, mustAxis(attrs.(ScatterAttrs).Axis, in[0].Spec), in[1], func(at, i int) {
				moveElement(out[0], at, in[2], i)
			})
		},
		Grad: scatterGrad,
		Bench: func(s Size) Case {
			return Case{Attrs: ScatterAttrs{Axis: 1}, In: []Arg{s.Square(), s.Indices(s.N, s.N), s.Square()}}
		},
		Cases: scatterCases(),
	})
	ScatterAdd = Declare(Op{Name: "scatter_add", Doc: "x with each update added at its index along an axis and at its own position on the others, as torch.scatter_add; repeated indices add up. Negative indices count from the end, others out of range are an error.",
		ONNX: "ScatterElements",
		Kind: Core, Family: ScatterFamily, Inputs: "x idx updates", Attrs: ScatterAttrs{}, Types: Numbers, Saves: In(1),
		Tol:   Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[1].Elements() + 1 }},
		Infer: scatterInfer,
		Ref: func(attrs any, in, out []Host) {
			acc := accumulate(in[0])
			eachPicked(ScatterAdd, in[0].Shape, mustAxis(attrs.(ScatterAttrs).Axis, in[0].Spec), in[1], func(at, i int) {
				acc.add(at, in[2], i)
			})
			acc.store(out[0])
		},
		Grad: func(g *GradCall) []Value {
			out := []Value{g.D[0], nil, nil}
			if g.Needs[2] {
				out[2] = Gather.With(g.B, GatherAttrs(g.Attrs.(ScatterAttrs)), g.D[0], g.In[1])
			}
			return out
		},
		Bench: func(s Size) Case {
			return Case{Attrs: ScatterAttrs{Axis: 1}, In: []Arg{s.Square(), s.Indices(s.N, s.N), s.Square()}}
		},
		Cases: scatterCases(),
	})
}

func scatterInfer(attrs any, in []Spec) ([]Spec, error) {
	if _, err := gatherInfer(GatherAttrs(attrs.(ScatterAttrs)), in); err != nil {
		return nil, err
	}
	if in[2].DType != in[0].DType {
		return nil, typeErr("element types of x and updates differ: Cast one of them")
	}
	if !shape.Equal(in[2].Shape, in[1].Shape) {
		return nil, shapeErr("updates must have the shape of idx, %s", shape.String(in[1].Shape))
	}
	return []Spec{in[0]}, nil
}

// scatterGrad gives the elements that were written over a gradient of zero, and only the
// update that stayed the gradient of its element. Which one did is found by scattering the
// numbers of the updates in the same way.
func scatterGrad(g *GradCall) []Value {
	b, a, idx, out := g.B, g.Attrs.(ScatterAttrs), g.In[1], make([]Value, 3)
	if g.Needs[0] {
		out[0] = Scatter.With(b, a, g.D[0], idx, Zeros(b, Spec{g.D[0].Spec().DType, idx.Spec().Shape}))
	}
	if g.Needs[2] {
		dims := idx.Spec().Shape
		number := Reshaped(b, Iota.With(b, IotaAttrs{DType: dtype.I64, Shape: []int{idx.Spec().Elements()}}), dims...)
		last := Scatter.With(b, a, Zeros(b, Spec{dtype.I64, g.In[0].Spec().Shape}), idx, number)
		stayed := Eq.Of(b, Gather.With(b, GatherAttrs(a), last, idx), number)
		d := Gather.With(b, GatherAttrs(a), g.D[0], idx)
		out[2] = Where.Of(b, stayed, d, scalarLike(b, d, 0))
	}
	return out
}

func scatterCases() []Case {
	return []Case{
		{Name: "row", Attrs: ScatterAttrs{}, In: []Arg{{Shape: []int{5}}, {Shape: []int{8}, DType: dtype.I64, Lo: -5, Hi: 5}, {Shape: []int{8}}}},
		{Name: "columns", Attrs: ScatterAttrs{Axis: 1}, In: []Arg{{Shape: []int{3, 6}}, {Shape: []int{3, 2}, DType: dtype.I64, Hi: 6}, {Shape: []int{3, 2}}}},
		{Name: "rows", Attrs: ScatterAttrs{}, In: []Arg{{Shape: []int{4, 5}}, {Shape: []int{6, 3}, DType: dtype.I32, Hi: 4}, {Shape: []int{6, 3}}}},
		{Name: "none", Attrs: ScatterAttrs{Axis: 1}, In: []Arg{{Shape: []int{3, 6}}, {Shape: []int{3, 0}, DType: dtype.I64, Hi: 6}, {Shape: []int{3, 0}}}},
	}
}
