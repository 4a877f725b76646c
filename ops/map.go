package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// Elementwise declares an elementwise op: the expression gives the reference, the
// cost and, on every backend that renders or interprets expressions, the
// kernel. Inputs broadcast as in NumPy and share one element type.
func Elementwise(op Op, expression string) *Op {
	op.Expr = expr.MustParse(expression)
	if op.Kind == Core {
		op.Family = Map
	}
	if op.Infer == nil {
		op.Infer = mapInfer
	}
	op.Ref = mapRef(op.Expr, op.Params)
	if op.Cost == nil {
		flops := 0.0
		op.Expr.Walk(func(n *expr.Node) {
			if len(n.Args) > 0 {
				flops++
			}
		})
		op.Cost = flopsPer(flops)
	}
	return Declare(op)
}

// mapInfer broadcasts the inputs; the result has their element type.
func mapInfer(_ any, in []Spec) ([]Spec, error) {
	if err := sameTypes(in); err != nil {
		return nil, err
	}
	dims, err := broadcastSpecs(in)
	if err != nil {
		return nil, err
	}
	return []Spec{{in[0].DType, dims}}, nil
}

// predicateInfer is mapInfer with a bool result.
func predicateInfer(attrs any, in []Spec) ([]Spec, error) {
	out, err := mapInfer(attrs, in)
	if err != nil {
		return nil, err
	}
	out[0].DType = dtype.Bool
	return out, nil
}

func broadcastSpecs(in []Spec) ([]int, error) {
	shapes := make([][]int, len(in))
	for i, s := range in {
		shapes[i] = s.Shape
	}
	return shape.Broadcast(shapes...)
}

// mapRef evaluates an expression for every element: in float64 where an
// operand is a float, else exactly in the operand's integer width.
func mapRef(e *expr.Node, params func(any) []float64) func(any, []Host, []Host) {
	return func(attrs any, in, out []Host) {
		var p []float64
		if params != nil {
			p = params(attrs)
		}
		dims := make([][]int, len(in))
		operand := in[0].DType
		for i, h := range in {
			dims[i] = h.Shape
			if operand == dtype.Bool {
				operand = h.DType
			}
		}
		it := indexer(out[0].Shape, dims...)
		if operand.IsFloat() {
			x := make([]float64, len(in))
			for i := 0; it.Next(); i++ {
				for k, off := range it.Offsets() {
					x[k] = in[k].At(off)
				}
				out[0].Set(i, expr.Eval(e, x, p))
			}
			return
		}
		x := make([]int64, len(in))
		for i := 0; it.Next(); i++ {
			for k, off := range it.Offsets() {
				x[k] = in[k].Int(off)
			}
			v := expr.EvalInt(e, 8*operand.Size(), operand.IsSigned(), x, p)
			if out[0].DType == dtype.Bool && v != 0 {
				v = 1
			}
			out[0].SetInt(i, v)
		}
	}
}

// args makes one Arg per input name with the given shapes.
func args(template Arg, shapes ...[]int) []Arg {
	out := make([]Arg, len(shapes))
	for i, s := range shapes {
		out[i] = template
		out[i].Shape = s
	}
	return out
}

// unaryCases are the shapes every unary map is tried on: scalar, empty, rows
// around the vector widths, three axes, and special values.
func unaryCases(t Arg) []Case {
	special := t
	special.Special = true
	return []Case{
		{Name: "scalar", In: args(t, []int{})},
		{Name: "empty", In: args(t, []int{0, 3})},
		{Name: "row", In: args(t, []int{67})},
		{Name: "cube", In: args(t, []int{3, 5, 9})},
		{Name: "special", In: args(special, []int{41}), NoGradCheck: true},
	}
}

// binaryCases adds the broadcasts.
func binaryCases(t Arg) []Case {
	special := t
	special.Special = true
	return []Case{
		{Name: "scalar", In: args(t, []int{}, []int{})},
		{Name: "empty", In: args(t, []int{2, 0}, []int{1})},
		{Name: "same", In: args(t, []int{5, 13}, []int{5, 13})},
		{Name: "row", In: args(t, []int{4, 17}, []int{17})},
		{Name: "column", In: args(t, []int{4, 17}, []int{4, 1})},
		{Name: "outer", In: args(t, []int{3, 1, 5}, []int{7, 1})},
		{Name: "with-scalar", In: args(t, []int{33}, []int{})},
		{Name: "special", In: args(special, []int{36}, []int{12, 1}), NoGradCheck: true},
	}
}
