package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// ScatterAdd adds single elements at indices along one axis.
var ScatterAdd *Op

// ScatterAttrs is the axis that is indexed.
type ScatterAttrs struct {
	Axis int `json:"axis"`
}

func init() {
	ScatterAdd = Declare(Op{Name: "scatter_add", Doc: "x with each update added at its index along an axis and at its own position on the others, as torch.scatter_add; repeated indices add up.",
		ONNX: "ScatterElements",
		Kind: Core, Family: Scatter, Inputs: "x idx updates", Attrs: ScatterAttrs{}, Types: Numbers, Saves: In(1),
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
		Cases: []Case{
			{Name: "row", Attrs: ScatterAttrs{}, In: []Arg{{Shape: []int{5}}, {Shape: []int{8}, DType: dtype.I64, Hi: 5}, {Shape: []int{8}}}},
			{Name: "columns", Attrs: ScatterAttrs{Axis: 1}, In: []Arg{{Shape: []int{3, 6}}, {Shape: []int{3, 2}, DType: dtype.I64, Hi: 6}, {Shape: []int{3, 2}}}},
			{Name: "rows", Attrs: ScatterAttrs{}, In: []Arg{{Shape: []int{4, 5}}, {Shape: []int{6, 3}, DType: dtype.I32, Hi: 4}, {Shape: []int{6, 3}}}},
			{Name: "none", Attrs: ScatterAttrs{Axis: 1}, In: []Arg{{Shape: []int{3, 6}}, {Shape: []int{3, 0}, DType: dtype.I64, Hi: 6}, {Shape: []int{3, 0}}}},
		},
	})
}

func scatterInfer(attrs any, in []Spec) ([]Spec, error) {
	if _, err := gatherInfer(GatherAttrs(attrs.(ScatterAttrs)), in); err != nil {
		return nil, err
	}
	if in[2].DType != in[0].DType {
		return nil, typeErr("element types of x and updates differ; cast one of them")
	}
	if !shape.Equal(in[2].Shape, in[1].Shape) {
		return nil, shapeErr("updates must have the shape of idx, %s", shape.String(in[1].Shape))
	}
	return []Spec{in[0]}, nil
}
