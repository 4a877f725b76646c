package ops

import (
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Views that keep every element.
var Reshape, Permute, Expand *Op

// ReshapeAttrs is the new shape; one size may be -1 and is then worked out.
type ReshapeAttrs struct {
	Shape []int `json:"shape"`
}

// PermuteAttrs are the input's axes in the order of the result.
type PermuteAttrs struct {
	Axes []int `json:"axes"`
}

// ExpandAttrs is the shape to broadcast to.
type ExpandAttrs struct {
	Shape []int `json:"shape"`
}

func init() {
	Reshape = Declare(Op{Name: "reshape", Doc: "The elements of x in row-major order under another shape.", ONNX: "Reshape",
		Kind: View, Inputs: "x", Attrs: ReshapeAttrs{}, Types: Stored, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			dims, err := shape.Reshape(in[0].Elements(), attrs.(ReshapeAttrs).Shape)
			if err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, dims}}, nil
		},
		Ref: func(_ any, in, out []Host) { copy(out[0].Data, in[0].Data) },
		View: func(attrs any, v hal.View) (hal.View, bool) {
			dims, err := shape.Reshape(v.Elements(), attrs.(ReshapeAttrs).Shape)
			if err != nil {
				return v, false
			}
			strides, ok := shape.ReshapeStrides(v.Shape, v.Strides, dims)
			v.Shape, v.Strides = dims, strides
			return v, ok
		},
		Grad: func(g *GradCall) []Value { return []Value{Reshaped(g.B, g.D[0], g.In[0].Spec().Shape...)} },
		Cases: []Case{
			{Name: "split", Attrs: ReshapeAttrs{Shape: []int{2, 3, 4}}, In: args(Arg{}, []int{6, 4})},
			{Name: "merge", Attrs: ReshapeAttrs{Shape: []int{-1}}, In: args(Arg{}, []int{3, 5})},
			{Name: "scalar", Attrs: ReshapeAttrs{Shape: []int{}}, In: args(Arg{}, []int{1, 1})},
			{Name: "empty", Attrs: ReshapeAttrs{Shape: []int{3, 0}}, In: args(Arg{}, []int{0, 7})},
		},
	})
	Permute = Declare(Op{Name: "permute", Doc: "x with its axes reordered.", ONNX: "Transpose",
		Kind: View, Inputs: "x", Attrs: PermuteAttrs{}, Types: Stored, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			dims, err := shape.Permute(in[0].Shape, attrs.(PermuteAttrs).Axes)
			if err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, dims}}, nil
		},
		Ref: viewRef(permuteView), View: permuteView,
		Grad: func(g *GradCall) []Value {
			return []Value{Permuted(g.B, g.D[0], inversePermutation(g.Attrs.(PermuteAttrs).Axes)...)}
		},
		Cases: []Case{
			{Name: "transpose", Attrs: PermuteAttrs{Axes: []int{1, 0}}, In: args(Arg{}, []int{3, 5})},
			{Name: "rotate", Attrs: PermuteAttrs{Axes: []int{2, 0, 1}}, In: args(Arg{}, []int{2, 3, 4})},
			{Name: "scalar", Attrs: PermuteAttrs{}, In: args(Arg{}, []int{})},
			{Name: "empty", Attrs: PermuteAttrs{Axes: []int{1, 0}}, In: args(Arg{}, []int{0, 3})},
		},
	})
	Expand = Declare(Op{Name: "expand", Doc: "x broadcast to a shape: axes of size 1 repeat, and new axes come first.", ONNX: "Expand",
		Kind: View, Inputs: "x", Attrs: ExpandAttrs{}, Types: Stored, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			to := attrs.(ExpandAttrs).Shape
			if _, err := shape.Elements(to); err != nil {
				return nil, err
			}
			if _, err := shape.BroadcastStrides(in[0].Shape, shape.Strides(in[0].Shape), to); err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, shape.Clone(to)}}, nil
		},
		Ref: viewRef(expandView), View: expandView,
		Grad: func(g *GradCall) []Value { return []Value{Unbroadcast(g.B, g.D[0], g.In[0].Spec().Shape)} },
		Cases: []Case{
			{Name: "rows", Attrs: ExpandAttrs{Shape: []int{4, 3}}, In: args(Arg{}, []int{3})},
			{Name: "columns", Attrs: ExpandAttrs{Shape: []int{2, 3, 4}}, In: args(Arg{}, []int{3, 1})},
			{Name: "scalar", Attrs: ExpandAttrs{Shape: []int{2, 2}}, In: args(Arg{}, []int{})},
			{Name: "same", Attrs: ExpandAttrs{Shape: []int{5}}, In: args(Arg{}, []int{5})},
			{Name: "to-empty", Attrs: ExpandAttrs{Shape: []int{0, 3}}, In: args(Arg{}, []int{1, 3})},
		},
	})
}

func permuteView(attrs any, v hal.View) (hal.View, bool) {
	axes := attrs.(PermuteAttrs).Axes
	dims, err := shape.Permute(v.Shape, axes)
	if err != nil {
		return v, false
	}
	strides, err := shape.Permute(v.Strides, axes)
	v.Shape, v.Strides = dims, strides
	return v, err == nil
}

func expandView(attrs any, v hal.View) (hal.View, bool) {
	to := attrs.(ExpandAttrs).Shape
	strides, err := shape.BroadcastStrides(v.Shape, v.Strides, to)
	v.Shape, v.Strides = shape.Clone(to), strides
	return v, err == nil
}

// inversePermutation undoes a permutation of axes.
func inversePermutation(axes []int) []int {
	inverse := make([]int, len(axes))
	for i, a := range axes {
		inverse[a] = i
	}
	return inverse
}

// viewRef is the reference of a view that is always possible: it gathers the
// elements that the view rule points at.
func viewRef(view func(any, hal.View) (hal.View, bool)) func(any, []Host, []Host) {
	return func(attrs any, in, out []Host) {
		x := in[0]
		v, ok := view(attrs, hal.View{DType: x.DType, Shape: x.Shape, Strides: shape.Strides(x.Shape)})
		if !ok {
			panic(&AttrError{Reason: "the shape rule accepted attributes that the view rule refuses"})
		}
		it := shape.NewIterator(v.Shape, v.Strides)
		for i := 0; it.Next(); i++ {
			moveElement(out[0], i, x, v.Offset+it.Offsets()[0])
		}
	}
}
