package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Single elements picked by index along one axis.
var Gather *Op

// GatherAttrs is the axis that is indexed.
type GatherAttrs struct {
	Axis int `json:"axis"`
}

func init() {
	Gather = Declare(Op{Name: "gather", Doc: "The elements of x at idx along an axis and at their own position on the others, as torch.gather. Negative indices count from the end, others out of range are an error.", ONNX: "GatherElements",
		Kind: Core, Family: GatherFamily, Inputs: "x idx", Attrs: GatherAttrs{}, Types: Any, Tol: exact, Saves: In(1),
		GradTol: Tolerance{ULP: gradULP, Depth: indexDepth},
		Infer:   gatherInfer,
		Ref: func(attrs any, in, out []Host) {
			eachPicked(Gather, in[0].Shape, mustAxis(attrs.(GatherAttrs).Axis, in[0].Spec), in[1], func(at, i int) {
				moveElement(out[0], i, in[0], at)
			})
		},
		Grad: func(g *GradCall) []Value {
			zeros := Zeros(g.B, g.In[0].Spec())
			return []Value{ScatterAdd.With(g.B, ScatterAttrs(g.Attrs.(GatherAttrs)), zeros, g.In[1], g.D[0]), nil}
		},
		Bench: func(s Size) Case {
			return Case{Attrs: GatherAttrs{Axis: 1}, In: []Arg{s.Square(), s.Indices(s.N, s.N)}}
		},
		Cases: []Case{
			{Name: "row", Attrs: GatherAttrs{}, In: []Arg{{Shape: []int{5}}, {Shape: []int{8}, DType: dtype.I64, Lo: -5, Hi: 5}}},
			{Name: "columns", Attrs: GatherAttrs{Axis: 1}, In: []Arg{{Shape: []int{3, 6}}, {Shape: []int{3, 2}, DType: dtype.I64, Hi: 6}}},
			{Name: "rows", Attrs: GatherAttrs{}, In: []Arg{{Shape: []int{4, 5}}, {Shape: []int{6, 3}, DType: dtype.I32, Hi: 4}}},
			{Name: "middle", Attrs: GatherAttrs{Axis: -2}, In: []Arg{{Shape: []int{2, 4, 3}}, {Shape: []int{2, 5, 2}, DType: dtype.I64, Hi: 4}}},
			{Name: "none", Attrs: GatherAttrs{Axis: 1}, In: []Arg{{Shape: []int{3, 6}}, {Shape: []int{3, 0}, DType: dtype.I64, Hi: 6}}},
		},
	})
}

func gatherInfer(attrs any, in []Spec) ([]Spec, error) {
	if err := wantIndices(in, 1); err != nil {
		return nil, err
	}
	axis, err := shape.Axis(attrs.(GatherAttrs).Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	if len(in[1].Shape) != len(in[0].Shape) {
		return nil, shapeErr("idx has rank %d, want %d, that of x", len(in[1].Shape), len(in[0].Shape))
	}
	for a, n := range in[1].Shape {
		if a != axis && n > in[0].Shape[a] {
			return nil, shapeErr("idx has size %d on axis %d, x has only %d", n, a, in[0].Shape[a])
		}
	}
	return []Spec{{in[0].DType, in[1].Shape}}, nil
}

// eachPicked visits the elements i of idx with the position at that each picks
// from an array with dims.
func eachPicked(op *Op, dims []int, axis int, idx Host, visit func(at, i int)) {
	strides := shape.Strides(dims)
	walk := shape.Strides(dims)
	walk[axis] = 0
	it := shape.NewIterator(idx.Shape, walk)
	for i := 0; it.Next(); i++ {
		visit(it.Offsets()[0]+indexAt(op, idx, i, dims[axis])*strides[axis], i)
	}
}
