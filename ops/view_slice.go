package ops

import (
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Slice is every step-th element of a range on each axis.
var Slice *Op

// SliceAttrs give for each axis the first index, the number of elements and the
// distance between them, which may be negative but not 0. A nil Step means 1.
type SliceAttrs struct {
	Start []int `json:"start"`
	Count []int `json:"count"`
	Step  []int `json:"step,omitempty"`
}

func init() {
	Slice = Declare(Op{Name: "slice", Doc: "Count elements from start at a distance of step, on each axis.", ONNX: "Slice",
		Kind: View, Inputs: "x", Attrs: SliceAttrs{}, Types: Stored, Tol: exact,
		Infer: sliceInfer, Ref: viewRef(sliceView), View: sliceView, Grad: sliceGrad, Window: true,
		Cases: []Case{
			{Name: "range", Attrs: SliceAttrs{Start: []int{1, 2}, Count: []int{2, 3}}, In: args(Arg{}, []int{4, 6})},
			{Name: "step", Attrs: SliceAttrs{Start: []int{1}, Count: []int{3}, Step: []int{2}}, In: args(Arg{}, []int{8})},
			{Name: "reverse", Attrs: SliceAttrs{Start: []int{4}, Count: []int{5}, Step: []int{-1}}, In: args(Arg{}, []int{5})},
			{Name: "back", Attrs: SliceAttrs{Start: []int{0, 6}, Count: []int{2, 3}, Step: []int{1, -2}}, In: args(Arg{}, []int{2, 8})},
			{Name: "none", Attrs: SliceAttrs{Start: []int{2}, Count: []int{0}}, In: args(Arg{}, []int{4})},
			{Name: "scalar", Attrs: SliceAttrs{}, In: args(Arg{}, []int{})},
		},
	})
}

func sliceInfer(attrs any, in []Spec) ([]Spec, error) {
	a, dims := attrs.(SliceAttrs), in[0].Shape
	if len(a.Start) != len(dims) || len(a.Count) != len(dims) || a.Step != nil && len(a.Step) != len(dims) {
		return nil, attrErr("start, count and step have %d, %d and %d values, want one for each of %d axes",
			len(a.Start), len(a.Count), len(a.Step), len(dims))
	}
	for i, n := range dims {
		start, count, step := a.Start[i], a.Count[i], valueAt(a.Step, i, 1)
		switch {
		case step == 0:
			return nil, attrErr("step of axis %d is 0; use a positive or a negative step", i)
		case count < 0:
			return nil, attrErr("count %d of axis %d is negative", count, i)
		case count == 0:
			continue
		case start < 0 || start >= n:
			return nil, attrErr("start %d of axis %d is outside its %d elements", start, i, n)
		}
		room := n - 1 - start
		if step < 0 {
			room = start
		}
		// Dividing the room, not multiplying the step, cannot overflow; the lowest
		// int has no magnitude and leaves no room for a second element.
		if size := max(step, -step); count > 1 && (size < 0 || count-1 > room/size) {
			return nil, attrErr("%d elements from %d at step %d leave axis %d, which has %d", count, start, step, i, n)
		}
	}
	return []Spec{{in[0].DType, shape.Clone(a.Count)}}, nil
}

func sliceView(attrs any, v hal.View) (hal.View, bool) {
	a := attrs.(SliceAttrs)
	strides := make([]int, len(v.Strides))
	empty := false
	for i, s := range v.Strides {
		strides[i] = s * valueAt(a.Step, i, 1)
		empty = empty || a.Count[i] == 0
	}
	if !empty {
		for i, s := range v.Strides {
			v.Offset += a.Start[i] * s
		}
	}
	v.Shape, v.Strides = shape.Clone(a.Count), strides
	return v, true
}

// sliceGrad spreads the gradient by the step, after turning axes that were
// walked backwards, and puts zeros where the slice did not look.
func sliceGrad(g *GradCall) []Value {
	a, b, x := g.Attrs.(SliceAttrs), g.B, g.In[0].Spec()
	d, rank := g.D[0], len(x.Shape)
	if d.Spec().Elements() == 0 {
		return []Value{Zeros(b, x)}
	}
	lo, hi, interior := make([]int, rank), make([]int, rank), make([]int, rank)
	flip := SliceAttrs{Start: make([]int, rank), Count: a.Count, Step: make([]int, rank)}
	backwards := false
	for i, n := range x.Shape {
		first, step := a.Start[i], valueAt(a.Step, i, 1)
		if a.Count[i] == 1 {
			step = 1
		}
		flip.Step[i] = 1
		if step < 0 {
			first, step = first+(a.Count[i]-1)*step, -step
			flip.Start[i], flip.Step[i], backwards = a.Count[i]-1, -1, true
		}
		lo[i], interior[i] = first, step-1
		hi[i] = n - first - (a.Count[i]-1)*step - 1
	}
	if backwards {
		d = Slice.With(b, flip, d)
	}
	return []Value{Pad.With(b, PadAttrs{Lo: lo, Hi: hi, Interior: interior}, d)}
}
