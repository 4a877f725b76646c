package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Positions of extrema along one axis.
var Argmax, Argmin *Op

// ArgAttrs is the axis that is searched; Keep leaves it with size 1.
type ArgAttrs struct {
	Axis int  `json:"axis"`
	Keep bool `json:"keep"`
}

func init() {
	declare := func(name, doc, onnx string, better func(x Host, i, best int) bool) *Op {
		return Declare(Op{Name: name, Doc: doc, ONNX: onnx,
			Kind: Core, Family: Reduce, Inputs: "x", Attrs: ArgAttrs{}, Types: Numbers,
			Infer: argInfer, Cost: reduceCost, Tol: exact, Cases: argCases(), NoGrad: noGradIndex,
			Ref: func(attrs any, in, out []Host) {
				x, a := in[0], attrs.(ArgAttrs)
				axis := mustAxis(a.Axis, x.Spec)
				inner := shape.MustElements(x.Shape[axis+1:])
				best := make([]int, out[0].Elements())
				eachReduced(x.Shape, []int{axis}, func(i, r int, first bool) {
					if first || better(x, i, best[r]) {
						best[r] = i
					}
				})
				for r, i := range best {
					out[0].SetInt(r, int64(i/inner%x.Shape[axis]))
				}
			},
		})
	}
	Argmax = declare("argmax", "The position of the first largest element along an axis; the first NaN wins.", "ArgMax",
		func(x Host, i, best int) bool {
			if !x.DType.IsFloat() {
				return lessInt(x.Int(best), x.Int(i), x.DType.IsUnsigned())
			}
			return !math.IsNaN(x.At(best)) && !(x.At(i) <= x.At(best))
		})
	Argmin = declare("argmin", "The position of the first smallest element along an axis; the first NaN wins.", "ArgMin",
		func(x Host, i, best int) bool {
			if !x.DType.IsFloat() {
				return lessInt(x.Int(i), x.Int(best), x.DType.IsUnsigned())
			}
			return !math.IsNaN(x.At(best)) && !(x.At(i) >= x.At(best))
		})
}

func argInfer(attrs any, in []Spec) ([]Spec, error) {
	a := attrs.(ArgAttrs)
	axis, err := shape.Axis(a.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	if in[0].Shape[axis] == 0 {
		return nil, shapeErr("axis %d is empty and has no extremum", axis)
	}
	return []Spec{{dtype.I64, shape.Reduce(in[0].Shape, []int{axis}, a.Keep)}}, nil
}

func argCases() []Case {
	return []Case{
		{Name: "row", Attrs: ArgAttrs{}, In: args(Arg{}, []int{37})},
		{Name: "last", Attrs: ArgAttrs{Axis: -1}, In: args(Arg{}, []int{5, 19})},
		{Name: "first-kept", Attrs: ArgAttrs{Keep: true}, In: args(Arg{}, []int{4, 3})},
		{Name: "middle", Attrs: ArgAttrs{Axis: 1}, In: args(Arg{}, []int{3, 4, 5})},
		{Name: "ties", Attrs: ArgAttrs{Axis: 1}, In: args(Arg{Lo: 1, Hi: 1.0000001}, []int{3, 8})},
		{Name: "no-results", Attrs: ArgAttrs{Axis: 1}, In: args(Arg{}, []int{0, 3})},
		{Name: "special", Attrs: ArgAttrs{Axis: 1}, In: args(Arg{Special: true}, []int{12, 3})},
	}
}
