package ops

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// PoolAttrs is the geometry of 2-D pooling. Pairs are {vertical, horizontal};
// Pad is {top, bottom, left, right}.
type PoolAttrs struct {
	Size   [2]int `json:"size"`
	Stride [2]int `json:"stride"`
	Pad    [4]int `json:"pad"`
}

// PoolGradAttrs adds the shape of the input whose gradient is wanted.
type PoolGradAttrs struct {
	PoolAttrs
	InShape []int `json:"in_shape"`
}

// Maximum over windows, and its gradient.
var (
	MaxPool2d     *Op
	MaxPool2dGrad *Op
)

func init() {
	window := func(attrs any, _ []Spec) int {
		a := attrs.(PoolGradAttrs)
		return a.Size[0] * a.Size[1]
	}

	MaxPool2d = Declare(Op{
		Name: "max_pool2d",
		Doc: "Maximum over windows of each plane of x [N,C,H,W]; padding never wins, NaN always does. " +
			"Results y and the i64 position of the first maximum, as row*W + column in the input plane.",
		ONNX:   "MaxPool",
		Kind:   Composite,
		Inputs: "x",
		Attrs:  PoolAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			dims, err := attrs.(PoolAttrs).outShape(in[0].Shape)
			if err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, dims}, {dtype.I64, dims}}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			x := in[0]
			plane := x.Shape[2] * x.Shape[3]
			attrs.(PoolAttrs).eachWindow(x.Shape, out[0].Shape, func(yi int, at []int) {
				best := at[0]
				for _, i := range at[1:] {
					if v, top := x.At(i), x.At(best); v > top || math.IsNaN(v) && !math.IsNaN(top) {
						best = i
					}
				}
				out[0].Set(yi, x.At(best))
				out[1].SetInt(yi, int64(best%plane))
			})
		},
		Lower: maxPoolLower,
		Grad: func(g *GradCall) []Value {
			if g.D[0] == nil {
				return []Value{nil}
			}
			a := PoolGradAttrs{g.Attrs.(PoolAttrs), g.In[0].Spec().Shape}
			return []Value{MaxPool2dGrad.With(g.B, a, g.D[0], g.Out[1])}
		},
		Saves: Out(1),
		Cost:  poolCost,
		Tol:   Tolerance{},
		Bench: func(s Size) Case { return Case{Attrs: halving, In: []Arg{s.Images()}} },
		Cases: append(poolCases(Arg{Distinct: true}),
			Case{Name: "special", Attrs: PoolAttrs{[2]int{2, 2}, [2]int{1, 1}, [4]int{1, 1, 1, 1}},
				In: []Arg{{Shape: []int{1, 1, 6, 7}, Special: true}}, NoGradCheck: true}),
	})

	MaxPool2dGrad = Declare(Op{
		Name:     "max_pool2d_grad",
		Internal: true,
		Doc:      "Gradient of max_pool2d: every element of d [N,C,OH,OW] is added at its position idx in the plane of in_shape.",
		Kind:     Composite,
		Inputs:   "d idx",
		Attrs:    PoolGradAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(PoolGradAttrs)
			if in[1].DType != dtype.I64 {
				return nil, typeErr("idx must be i64")
			}
			if !shape.Equal(in[0].Shape, in[1].Shape) {
				return nil, shapeErr("d and idx must have one shape")
			}
			return a.gradSpec(in[0])
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(PoolGradAttrs)
			plane, window := a.InShape[2]*a.InShape[3], in[0].Shape[2]*in[0].Shape[3]
			sum := make([]float64, out[0].Elements())
			for i := range in[0].Elements() {
				at := in[1].Int(i)
				if at < 0 || at >= int64(plane) {
					panic(&AttrError{Op: "max_pool2d_grad", Reason: fmt.Sprintf("idx is %d at element %d, outside of the plane of %d elements", at, i, plane)})
				}
				sum[i/window*plane+int(at)] += in[0].At(i)
			}
			setAll(out[0], sum)
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, d := attrs.(PoolGradAttrs), in[0].Spec()
			n, c, at := a.InShape[0], a.InShape[1], d.Shape[2]*d.Shape[3]
			planes := Zeros(b, Spec{d.DType.Wide(), []int{n, c, a.InShape[2] * a.InShape[3]}})
			dx := ScatterAdd.With(b, ScatterAttrs{Axis: 2}, planes,
				Reshaped(b, in[1], n, c, at), Reshaped(b, widened(b, in[0]), n, c, at))
			return []Value{Casted(b, Reshaped(b, dx, a.InShape...), d.DType)}
		},
		Cost: moveCost,
		Tol:  Tolerance{ULP: 2, Depth: window},
		Bench: func(s Size) Case {
			x, d := s.Images().Shape, s.HalfImages()
			idx := Arg{Shape: d.Shape, DType: dtype.I64, Hi: float64(x[2] * x[3])}
			return Case{Attrs: PoolGradAttrs{halving, x}, In: []Arg{d, idx}}
		},
		Cases: poolGradCases(func(x, y []int) []Arg {
			return []Arg{{Shape: y}, {Shape: y, DType: dtype.I64, Lo: 0, Hi: float64(x[2] * x[3])}}
		}),
	})
}

// maxPoolLower pads with -Inf. A window whose true maximum is -Inf ties with
// its padding, so the position is searched among real elements only.
func maxPoolLower(b Builder, attrs any, in []Value) []Value {
	a, spec := attrs.(PoolAttrs), in[0].Spec()
	ones := [2]int{1, 1}
	win := windows2d(b, padded2d(b, in[0], a.Pad, math.Inf(-1)), a.Size, a.Stride, ones)
	dims := append(shape.Clone(win.Spec().Shape[:4]), a.Size[0]*a.Size[1])
	win = Reshaped(b, win, dims...)
	y := Amax.With(b, ReduceAttrs{Axes: []int{4}}, win)

	var tap Value // position of the maximum within its window
	if a.Pad == [4]int{} {
		tap = Argmax.With(b, ArgAttrs{Axis: 4}, win)
	} else {
		hit := Or.Of(b, Eq.Of(b, win, Reshaped(b, y, append(shape.Clone(dims[:4]), 1)...)), IsNaN.Of(b, win))
		plane := Ones(b, Spec{dtype.I32, []int{1, 1, spec.Shape[2], spec.Shape[3]}})
		inside := windows2d(b, padded2d(b, plane, a.Pad, 0), a.Size, a.Stride, ones)
		inside = Reshaped(b, inside, 1, 1, dims[2], dims[3], dims[4])
		tap = Argmax.With(b, ArgAttrs{Axis: 4}, Mul.Of(b, Casted(b, hit, dtype.I32), inside))
	}
	number := func(n int) Value { return Filled(b, Spec{dtype.I64, nil}, float64(n)) }
	at := func(count, stride, pad int, dims ...int) Value {
		i := Iota.With(b, IotaAttrs{DType: dtype.I64, Shape: []int{count}, Axis: 0})
		i = Sub.Of(b, Mul.Of(b, i, number(stride)), number(pad))
		return Reshaped(b, i, dims...)
	}
	row := Add.Of(b, Div.Of(b, tap, number(a.Size[1])), at(dims[2], a.Stride[0], a.Pad[0], dims[2], 1))
	col := Add.Of(b, Mod.Of(b, tap, number(a.Size[1])), at(dims[3], a.Stride[1], a.Pad[2], dims[3]))
	return []Value{y, Add.Of(b, Mul.Of(b, row, number(spec.Shape[3])), col)}
}

// outShape is the shape of the pooled [N, C, H, W]. Padding stays below the
// window size, so that every window holds a real element.
func (a PoolAttrs) outShape(x []int) ([]int, error) {
	if len(x) != 4 {
		return nil, shapeErr("the input must have rank 4, [N, C, H, W], not %s", shape.String(x))
	}
	if _, err := shape.Elements(x); err != nil {
		return nil, err
	}
	out := []int{x[0], x[1], 0, 0}
	for i, axis := range [2]string{"vertical", "horizontal"} {
		n, err := windowCount(axis, x[2+i], a.Size[i], a.Stride[i], 1, a.Pad[2*i], a.Pad[2*i+1])
		if err != nil {
			return nil, err
		}
		if before, after := a.Pad[2*i], a.Pad[2*i+1]; max(before, after) >= a.Size[i] {
			return nil, attrErr("the %s padding is %d and %d, it must be smaller than the window, %d", axis, before, after, a.Size[i])
		}
		out[2+i] = n
	}
	return out, nil
}

// gradSpec is the rule of gradients: d has the pooled shape of InShape.
func (a PoolGradAttrs) gradSpec(d Spec) ([]Spec, error) {
	y, err := a.outShape(a.InShape)
	if err != nil {
		return nil, err
	}
	if !shape.Equal(d.Shape, y) {
		return nil, shapeErr("d must have the shape of the pooled input, %s", shape.String(y))
	}
	return []Spec{{d.DType, shape.Clone(a.InShape)}}, nil
}

// eachWindow calls f for every result with the real elements of its window.
func (a PoolAttrs) eachWindow(x, y []int, f func(yi int, at []int)) {
	var at []int
	for yi := range shape.MustElements(y) {
		plane, oh, ow := yi/(y[2]*y[3]), yi/y[3]%y[2], yi%y[3]
		at = at[:0]
		for h := oh*a.Stride[0] - a.Pad[0]; h < oh*a.Stride[0]-a.Pad[0]+a.Size[0]; h++ {
			for w := ow*a.Stride[1] - a.Pad[2]; w < ow*a.Stride[1]-a.Pad[2]+a.Size[1]; w++ {
				if h >= 0 && h < x[2] && w >= 0 && w < x[3] {
					at = append(at, (plane*x[2]+h)*x[3]+w)
				}
			}
		}
		f(yi, at)
	}
}
