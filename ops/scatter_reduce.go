package ops

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
)

// ScatterReduce combines single elements with those at indices along one axis.
var ScatterReduce *Op

// ScatterReduceAttrs are the axis that is indexed and what becomes of an element that is
// there: it is multiplied ("mul"), or kept if it is larger ("max") or smaller ("min") than
// the update.
type ScatterReduceAttrs struct {
	Axis int    `json:"axis"`
	Mode string `json:"mode"`
}

var scatterModes = []string{"mul", "max", "min"}

// Derived returns what kernels read besides the axis: the place of the mode in the list
// mul, max, min.
func (a ScatterReduceAttrs) Derived(name string) (float64, bool) {
	return float64(slices.Index(scatterModes, a.Mode)), name == "which"
}

func init() {
	ScatterReduce = Declare(Op{Name: "scatter_reduce",
		Doc:  "x where each update meets the element at its index along an axis and at its own position on the others: their product (mode mul), or the larger (max) or smaller (min) of both, NaN if either is.",
		ONNX: "ScatterElements",
		Kind: Core, Family: ScatterFamily, Inputs: "x idx updates", Attrs: ScatterReduceAttrs{}, Types: Numbers,
		Tol:    Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[1].Elements() + 1 }},
		NoGrad: "several updates may meet at one element, and the row does not say which one counted",
		Method: "-",
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(ScatterReduceAttrs)
			if !slices.Contains(scatterModes, a.Mode) {
				return nil, attrErr("mode %q is none of %v", a.Mode, scatterModes)
			}
			return scatterInfer(ScatterAttrs{Axis: a.Axis}, in)
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(ScatterReduceAttrs)
			copy(out[0].Data, in[0].Data)
			eachPicked(ScatterReduce, in[0].Shape, mustAxis(a.Axis, in[0].Spec), in[1], func(at, i int) {
				meet(a.Mode, out[0], at, in[2], i)
			})
		},
		Bench: func(s Size) Case {
			return Case{Attrs: ScatterReduceAttrs{Axis: 1, Mode: "max"}, In: []Arg{s.Square(), s.Indices(s.N, s.N), s.Square()}}
		},
		Cases: scatterReduceCases(),
	})
}

// meet puts update i where element at of the result is.
func meet(mode string, out Host, at int, updates Host, i int) {
	switch {
	case out.DType.IsFloat():
		have, v := out.At(at), updates.At(i)
		switch mode {
		case "mul":
			v *= have
		case "max":
			v = max(v, have)
		case "min":
			v = min(v, have)
		}
		out.Set(at, v)
	default:
		have, v := out.Int(at), updates.Int(i)
		less := lessInt(v, have, out.DType.IsUnsigned())
		switch {
		case mode == "mul":
			v *= have
		case (mode == "max") == less:
			v = have
		}
		out.SetInt(at, v)
	}
}

func scatterReduceCases() []Case {
	var cases []Case
	for _, mode := range scatterModes {
		// Values near 1 keep products of several in range.
		x := func(dims ...int) Arg { return Arg{Shape: dims, Lo: 0.5, Hi: 2} }
		cases = append(cases,
			Case{Name: mode + "-row", Attrs: ScatterReduceAttrs{Mode: mode}, In: []Arg{x(5), {Shape: []int{8}, DType: dtype.I64, Hi: 5}, x(8)}},
			Case{Name: mode + "-columns", Attrs: ScatterReduceAttrs{Axis: -1, Mode: mode}, In: []Arg{x(3, 6), {Shape: []int{3, 2}, DType: dtype.I32, Hi: 6}, x(3, 2)}},
			Case{Name: mode + "-none", Attrs: ScatterReduceAttrs{Axis: 1, Mode: mode}, In: []Arg{x(3, 6), {Shape: []int{3, 0}, DType: dtype.I64, Hi: 6}, x(3, 0)}},
		)
	}
	return cases
}
