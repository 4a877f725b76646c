package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
)

// Running sums and products along one axis.
var Cumsum, Cumprod *Op

// ScanAttrs are the axis of a running sum or product. Exclusive leaves the element itself
// out of its result, so that the first one is that of no elements. Reverse runs from the
// last element to the first.
type ScanAttrs struct {
	Axis      int  `json:"axis"`
	Exclusive bool `json:"exclusive"`
	Reverse   bool `json:"reverse"`
}

func init() {
	scan := func(op Op, by *Op, start float64, fold func(a, v float64) float64, foldInt func(a, v int64) int64) *Op {
		op.Kind, op.Inputs, op.Attrs, op.Types = Composite, "x", ScanAttrs{}, Numbers
		op.Converts, op.Infer, op.Cost = countTruth, scanInfer, flopsPer(1)
		op.Tol = Tolerance{ULP: 4, Depth: scanDepth}
		op.Bench = func(s Size) Case { return Case{Attrs: ScanAttrs{Axis: 1}, In: []Arg{s.Square()}} }
		op.Ref = func(attrs any, in, out []Host) { scanRef(attrs, in[0], out[0], start, fold, foldInt) }
		op.Lower = func(b Builder, attrs any, in []Value) []Value { return scanLower(b, attrs, in[0], by, start) }
		return Declare(op)
	}
	Cumsum = scan(Op{Name: "cumsum", Method: "-", ONNX: "CumSum", Cases: scanCases(Arg{}),
		Doc: "The running sum along an axis: of the elements up to and with each, or without it; reverse runs from the end. Integers keep their type and wrap.",
		Grad: func(g *GradCall) []Value {
			a := g.Attrs.(ScanAttrs)
			a.Reverse = !a.Reverse
			return []Value{Cumsum.With(g.B, a, g.D[0])}
		},
	}, Add, 0, func(a, v float64) float64 { return a + v }, func(a, v int64) int64 { return a + v })
	// The gradient is that of the lowering, in which a zero among the elements is no special case.
	Cumprod = scan(Op{Name: "cumprod", Method: "-", Cases: scanCases(Arg{Lo: 0.5, Hi: 1.5}),
		Doc: "The running product along an axis: of the elements up to and with each, or without it; reverse runs from the end. Integers keep their type and wrap.",
	}, Mul, 1, func(a, v float64) float64 { return a * v }, func(a, v int64) int64 { return a * v })
}

// countTruth makes numbers of truth values, so that adding them counts.
func countTruth(t dtype.Type) dtype.Type {
	if t == dtype.Bool {
		return dtype.I64
	}
	return t
}

func scanInfer(attrs any, in []Spec) ([]Spec, error) {
	_, err := axisOf(attrs.(ScanAttrs).Axis, in[0])
	return []Spec{in[0]}, err
}

func scanDepth(attrs any, in []Spec) int {
	return in[0].Shape[mustAxis(attrs.(ScanAttrs).Axis, in[0])]
}

func scanRef(attrs any, x, y Host, start float64, fold func(a, v float64) float64, foldInt func(a, v int64) int64) {
	a := attrs.(ScanAttrs)
	eachLine(x.Shape, a.Axis, func(at []int) {
		acc, whole := start, int64(start)
		put := func(i int) {
			if y.DType.IsFloat() {
				y.Set(i, acc)
			} else {
				y.SetInt(i, whole)
			}
		}
		for k := range at {
			i := at[k]
			if a.Reverse {
				i = at[len(at)-1-k]
			}
			if a.Exclusive {
				put(i)
			}
			if x.DType.IsFloat() {
				acc = fold(acc, x.At(i))
			} else {
				whole = foldInt(whole, x.Int(i))
			}
			if !a.Exclusive {
				put(i)
			}
		}
	})
}

// scanLower combines every element with the result so far at a distance of 1, 2, 4 and so
// on before it, which takes log2(n) steps (Hillis, Steele 1986).
func scanLower(b Builder, attrs any, x Value, by *Op, start float64) []Value {
	a, spec := attrs.(ScanAttrs), x.Spec()
	axis := mustAxis(a.Axis, spec)
	n := spec.Shape[axis]
	if spec.Elements() == 0 {
		return []Value{Zeros(b, spec)}
	}
	shift := func(v Value, by int) Value {
		lo, hi := make([]int, len(spec.Shape)), make([]int, len(spec.Shape))
		if a.Reverse {
			by = -by
		}
		lo[axis], hi[axis] = by, -by
		return Pad.With(b, PadAttrs{Lo: lo, Hi: hi, Value: start}, v)
	}
	p := widened(b, x)
	if a.Exclusive {
		p = shift(p, 1)
	}
	for step := 1; step < n; step *= 2 {
		p = by.Of(b, p, shift(p, step))
	}
	return []Value{Casted(b, p, spec.DType)}
}

func scanCases(t Arg) []Case {
	return []Case{
		{Name: "row", Attrs: ScanAttrs{}, In: args(t, []int{37})},
		{Name: "last", Attrs: ScanAttrs{Axis: -1}, In: args(t, []int{3, 9})},
		{Name: "first-exclusive", Attrs: ScanAttrs{Exclusive: true}, In: args(t, []int{5, 4})},
		{Name: "middle-reverse", Attrs: ScanAttrs{Axis: 1, Reverse: true}, In: args(t, []int{2, 6, 3})},
		{Name: "reverse-exclusive", Attrs: ScanAttrs{Axis: 1, Reverse: true, Exclusive: true}, In: args(t, []int{2, 5})},
		{Name: "long", Attrs: ScanAttrs{}, In: args(t, []int{300}), NoGradCheck: true},
		{Name: "one", Attrs: ScanAttrs{Axis: 1}, In: args(t, []int{4, 1})},
		{Name: "no-lines", Attrs: ScanAttrs{Axis: 1}, In: args(t, []int{0, 3})},
		{Name: "empty-axis", Attrs: ScanAttrs{Axis: 1}, In: args(t, []int{3, 0})},
		{Name: "special", Attrs: ScanAttrs{Axis: 1}, In: args(Arg{Special: true}, []int{36, 2}), NoGradCheck: true},
	}
}

// lessFloat orders floats with NaN above all others.
func lessFloat(a, b float64) bool { return a < b || math.IsNaN(b) && !math.IsNaN(a) }
