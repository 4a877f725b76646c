package ops

import (
	"slices"

	"github.com/crease-ml/crease/shape"
)

// Concat joins arrays along an axis.
var Concat *Op

// ConcatAttrs is the axis along which arrays are joined.
type ConcatAttrs struct {
	Axis int `json:"axis"`
}

func init() {
	Concat = Declare(Op{Name: "concat", Doc: "The inputs joined along an axis; their other axes agree.", ONNX: "Concat",
		Kind: Core, Family: CopyFamily, Inputs: "x...", Attrs: ConcatAttrs{}, Types: Any, Promotes: PromoteFrom(0), Tol: exact,
		Infer: concatInfer, Ref: concatRef, Grad: concatGrad,
		Bench: func(s Size) Case { return Case{Attrs: ConcatAttrs{Axis: 1}, In: []Arg{s.Square(), s.Square()}} },
		Cases: []Case{
			{Name: "rows", Attrs: ConcatAttrs{}, In: args(Arg{}, []int{2, 3}, []int{1, 3}, []int{4, 3})},
			{Name: "columns", Attrs: ConcatAttrs{Axis: -1}, In: args(Arg{}, []int{3, 2}, []int{3, 5})},
			{Name: "middle", Attrs: ConcatAttrs{Axis: 1}, In: args(Arg{}, []int{2, 1, 3}, []int{2, 4, 3})},
			{Name: "one", Attrs: ConcatAttrs{}, In: args(Arg{}, []int{5})},
			{Name: "with-empty", Attrs: ConcatAttrs{}, In: args(Arg{}, []int{3}, []int{0}, []int{2})},
		},
	})
}

func concatInfer(attrs any, in []Spec) ([]Spec, error) {
	if err := sameTypes(in); err != nil {
		return nil, err
	}
	axis, err := shape.Axis(attrs.(ConcatAttrs).Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	dims := shape.Clone(in[0].Shape)
	for i, s := range in[1:] {
		if len(s.Shape) != len(dims) {
			return nil, shapeErr("input %d has rank %d, input 0 has %d", i+1, len(s.Shape), len(dims))
		}
		for a, n := range s.Shape {
			if a != axis && n != dims[a] {
				return nil, shapeErr("input %d has size %d on axis %d, input 0 has %d; only axis %d may differ", i+1, n, a, dims[a], axis)
			}
		}
		if dims[axis] += s.Shape[axis]; dims[axis] > shape.MaxBytes {
			return nil, shapeErr("axis %d of the result is beyond any buffer", axis)
		}
	}
	return []Spec{{in[0].DType, dims}}, nil
}

func concatRef(attrs any, in, out []Host) {
	axis := mustAxis(attrs.(ConcatAttrs).Axis, out[0].Spec)
	to := 0
	for row := range shape.MustElements(out[0].Shape[:axis]) {
		for _, x := range in {
			n := shape.MustElements(x.Shape[axis:]) * x.DType.Size()
			to += copy(out[0].Data[to:], x.Data[row*n:(row+1)*n])
		}
	}
}

func concatGrad(g *GradCall) []Value {
	axis := mustAxis(g.Attrs.(ConcatAttrs).Axis, g.Out[0].Spec())
	out, at := make([]Value, len(g.In)), 0
	for i, x := range g.In {
		dims := x.Spec().Shape
		if g.Needs[i] {
			out[i] = sliced(g.B, g.D[0], axis, at, dims[axis])
		}
		at += dims[axis]
	}
	return out
}

// sliced is count elements of one axis from start on.
func sliced(b Builder, x Value, axis, start, count int) Value {
	first, counts := make([]int, len(x.Spec().Shape)), slices.Clone(x.Spec().Shape)
	first[axis], counts[axis] = start, count
	return Slice.With(b, SliceAttrs{Start: first, Count: counts}, x)
}
