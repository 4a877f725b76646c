package ops

import (
	"slices"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Window is the view of all positions of a sliding window.
var Window *Op

// WindowAttrs name the axes that a window slides over and give, for each of
// them, its size, its stride and the distance between its elements. A nil
// Stride or Dilation means 1.
type WindowAttrs struct {
	Axes     []int `json:"axes"`
	Size     []int `json:"size"`
	Stride   []int `json:"stride,omitempty"`
	Dilation []int `json:"dilation,omitempty"`
}

func init() {
	Window = Declare(Op{Name: "window", Doc: "All positions of a sliding window: each named axis becomes the positions, and the window's own axes are appended in the order named.",
		Kind: View, Inputs: "x", Attrs: WindowAttrs{}, Types: Stored, Tol: exact,
		Infer: windowInfer, Ref: viewRef(windowView), View: windowView, Grad: windowGrad,
		Cases: []Case{
			{Name: "row", Attrs: WindowAttrs{Axes: []int{0}, Size: []int{3}}, In: args(Arg{}, []int{7})},
			{Name: "apart", Attrs: WindowAttrs{Axes: []int{1}, Size: []int{2}, Stride: []int{3}}, In: args(Arg{}, []int{2, 9})},
			{Name: "dilated", Attrs: WindowAttrs{Axes: []int{-1}, Size: []int{3}, Dilation: []int{2}}, In: args(Arg{}, []int{8})},
			{Name: "plane", Attrs: WindowAttrs{Axes: []int{2, 1}, Size: []int{2, 3}, Stride: []int{2, 1}, Dilation: []int{1, 1}}, In: args(Arg{}, []int{2, 4, 5})},
			{Name: "whole", Attrs: WindowAttrs{Axes: []int{0}, Size: []int{4}}, In: args(Arg{}, []int{4})},
			{Name: "empty", Attrs: WindowAttrs{Axes: []int{1}, Size: []int{2}}, In: args(Arg{}, []int{0, 3})},
		},
	})
}

// slide is one axis that a window slides over.
type slide struct{ axis, size, stride, dilation, positions int }

func (a WindowAttrs) slides(dims []int) ([]slide, error) {
	n := len(a.Axes)
	if a.Size == nil && n > 0 {
		return nil, attrErr("size is absent, want one for each of %d named axes", n)
	}
	for _, l := range []struct {
		name string
		list []int
	}{{"size", a.Size}, {"stride", a.Stride}, {"dilation", a.Dilation}} {
		if err := wantPerAxis(l.name, l.list, n); err != nil {
			return nil, err
		}
	}
	out := make([]slide, n)
	for i, named := range a.Axes {
		axis, err := shape.Axis(named, len(dims))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out[:i], func(s slide) bool { return s.axis == axis }) {
			return nil, attrErr("axis %d is named twice", axis)
		}
		s := slide{axis, a.Size[i], valueAt(a.Stride, i, 1), valueAt(a.Dilation, i, 1), 0}
		if s.positions, err = shape.Conv(dims[axis], s.size, s.stride, 0, 0, s.dilation); err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

func windowInfer(attrs any, in []Spec) ([]Spec, error) {
	slides, err := attrs.(WindowAttrs).slides(in[0].Shape)
	if err != nil {
		return nil, err
	}
	dims := shape.Clone(in[0].Shape)
	for _, s := range slides {
		dims[s.axis] = s.positions
		dims = append(dims, s.size)
	}
	return []Spec{{in[0].DType, dims}}, nil
}

func windowView(attrs any, v hal.View) (hal.View, bool) {
	slides, err := attrs.(WindowAttrs).slides(v.Shape)
	if err != nil {
		return v, false
	}
	dims, strides := shape.Clone(v.Shape), slices.Clone(v.Strides)
	for _, s := range slides {
		dims, strides = append(dims, s.size), append(strides, v.Strides[s.axis]*s.dilation)
		dims[s.axis], strides[s.axis] = s.positions, v.Strides[s.axis]*s.stride
	}
	v.Shape, v.Strides = dims, strides
	return v, true
}

// windowGrad sums, over the places within the window, the gradient of that
// place spread back over the elements it looked at.
func windowGrad(g *GradCall) []Value {
	b, x, d := g.B, g.In[0].Spec(), g.D[0]
	slides, err := g.Attrs.(WindowAttrs).slides(x.Shape)
	if err != nil {
		panic(err) // the shape rule has accepted these attributes
	}
	if d.Spec().Elements() == 0 {
		return []Value{Zeros(b, x)}
	}
	rank := len(x.Shape)
	positions := d.Spec().Shape[:rank]
	var sum Value
	eachIndex(d.Spec().Shape[rank:], func(_ int, place []int) {
		start := append(make([]int, rank), place...)
		count := slices.Clone(positions)
		lo, hi, interior := make([]int, rank), make([]int, rank), make([]int, rank)
		for i, s := range slides {
			count = append(count, 1)
			lo[s.axis], interior[s.axis] = place[i]*s.dilation, s.stride-1
			hi[s.axis] = x.Shape[s.axis] - lo[s.axis] - (s.positions-1)*s.stride - 1
		}
		part := Reshaped(b, Slice.With(b, SliceAttrs{Start: start, Count: count}, d), positions...)
		part = Pad.With(b, PadAttrs{Lo: lo, Hi: hi, Interior: interior}, part)
		if sum == nil {
			sum = part
		} else {
			sum = Add.Of(b, sum, part)
		}
	})
	return []Value{sum}
}
