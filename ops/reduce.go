package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Reductions over any axes.
var Sum, Prod, Amax, Amin *Op

// ReduceAttrs are the axes that a reduction removes, negative ones counting from
// the end; none means all. Keep leaves them with size 1.
type ReduceAttrs struct {
	Axes []int `json:"axes"`
	Keep bool  `json:"keep"`
}

func init() {
	Sum = Declare(Op{Name: "sum", Doc: "The sum over axes, 0 over none. Integers keep their type and wrap.", ONNX: "ReduceSum", Converts: countTruth,
		Kind: Core, Family: Reduce, Inputs: "x", Attrs: ReduceAttrs{}, Types: Numbers, Probe: true,
		Infer: reduceInfer, Cost: reduceCost, Tol: Tolerance{ULP: 4, Depth: reduceDepth}, Cases: reduceCases(Arg{}, true),
		Ref: func(attrs any, in, out []Host) {
			reduceRef(attrs, in[0], out[0], 0, func(a, v float64) float64 { return a + v },
				0, func(a, v int64) int64 { return a + v })
		},
		Grad: func(g *GradCall) []Value {
			x := g.In[0].Spec()
			return []Value{Expanded(g.B, KeepShape(g.B, g.D[0], x.Shape, g.Attrs.(ReduceAttrs).Axes), x.Shape)}
		},
	})
	Prod = Declare(Op{Name: "prod", Doc: "The product over axes, 1 over none. Integers keep their type and wrap.", ONNX: "ReduceProd", Converts: countTruth,
		Kind: Core, Family: Reduce, Inputs: "x", Attrs: ReduceAttrs{}, Types: Numbers,
		Infer: reduceInfer, Cost: reduceCost, Tol: Tolerance{ULP: 4, Depth: reduceDepth}, Saves: In(0),
		Cases: reduceCases(Arg{Lo: 0.5, Hi: 1.5}, true),
		Ref: func(attrs any, in, out []Host) {
			reduceRef(attrs, in[0], out[0], 1, func(a, v float64) float64 { return a * v },
				1, func(a, v int64) int64 { return a * v })
		},
		Grad: prodGrad,
	})
	// The built-in max and min return NaN for any NaN; math.Max prefers +Inf to it.
	extremum := func(name, doc, onnx string, pick func(a, v float64) float64, better func(a, v int64, unsigned bool) bool) *Op {
		return Declare(Op{Name: name, Doc: doc, ONNX: onnx,
			Kind: Core, Family: Reduce, Inputs: "x", Attrs: ReduceAttrs{}, Types: Numbers,
			Infer: extremumInfer, Cost: reduceCost, Tol: exact, Saves: In(0) | Out(0), Cases: extremumCases(),
			Ref: func(attrs any, in, out []Host) {
				unsigned := in[0].DType.IsUnsigned()
				reduceRef(attrs, in[0], out[0], math.NaN(), pick, 0, func(a, v int64) int64 {
					if better(a, v, unsigned) {
						return v
					}
					return a
				})
			},
			Grad: extremumGrad,
		})
	}
	Amax = extremum("amax", "The largest element over axes, NaN if there is one. Equal largest elements share the gradient.",
		"ReduceMax", func(a, v float64) float64 { return max(a, v) }, func(a, v int64, unsigned bool) bool { return lessInt(a, v, unsigned) })
	Amin = extremum("amin", "The smallest element over axes, NaN if there is one. Equal smallest elements share the gradient.",
		"ReduceMin", func(a, v float64) float64 { return min(a, v) }, func(a, v int64, unsigned bool) bool { return lessInt(v, a, unsigned) })
}

func lessInt(a, b int64, unsigned bool) bool {
	if unsigned {
		return uint64(a) < uint64(b)
	}
	return a < b
}

func reduceInfer(attrs any, in []Spec) ([]Spec, error) {
	a := attrs.(ReduceAttrs)
	axes, err := shape.Axes(a.Axes, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	return []Spec{{in[0].DType, shape.Reduce(in[0].Shape, axes, a.Keep)}}, nil
}

// extremumInfer refuses to choose from no elements.
func extremumInfer(attrs any, in []Spec) ([]Spec, error) {
	axes, err := shape.Axes(attrs.(ReduceAttrs).Axes, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	for _, a := range axes {
		if in[0].Shape[a] == 0 {
			return nil, shapeErr("axis %d is empty and has no extremum", a)
		}
	}
	return reduceInfer(attrs, in)
}

// reducedCount is the number of elements behind each result.
func reducedCount(axes []int, dims []int) int {
	all, err := shape.Axes(axes, len(dims))
	if err != nil {
		panic(err) // the shape rule has accepted these axes
	}
	return elements(dims, all)
}

func reduceDepth(attrs any, in []Spec) int {
	return reducedCount(attrs.(ReduceAttrs).Axes, in[0].Shape)
}

func reduceCost(_ any, in, out []Spec) Cost {
	return Cost{Flops: float64(in[0].Elements()), Bytes: traffic(in, out)}
}

// eachReduced visits the elements of dims in row-major order, with the index of
// the result that each belongs to and whether it is the first of that result.
func eachReduced(dims, axes []int, visit func(i, result int, first bool)) {
	all, err := shape.Axes(axes, len(dims))
	if err != nil {
		panic(err) // the shape rule has accepted these axes
	}
	kept := shape.Reduce(dims, all, true)
	strides := shape.Strides(kept)
	for _, a := range all {
		strides[a] = 0
	}
	seen := make([]bool, shape.MustElements(kept))
	it := shape.NewIterator(dims, strides)
	for i := 0; it.Next(); i++ {
		r := it.Offsets()[0]
		visit(i, r, !seen[r])
		seen[r] = true
	}
}

// reduceRef folds floats in float64 and integers in int64. A NaN start stands
// for the first element.
func reduceRef(attrs any, x, y Host, start float64, fold func(a, v float64) float64, startInt int64, foldInt func(a, v int64) int64) {
	fromFirst := math.IsNaN(start)
	axes := attrs.(ReduceAttrs).Axes
	if !x.DType.IsFloat() {
		acc := fill(make([]int64, y.Elements()), startInt)
		eachReduced(x.Shape, axes, func(i, r int, first bool) {
			if v := x.Int(i); first && fromFirst {
				acc[r] = v
			} else {
				acc[r] = foldInt(acc[r], v)
			}
		})
		for r, v := range acc {
			y.SetInt(r, v)
		}
		return
	}
	acc := fill(make([]float64, y.Elements()), start)
	eachReduced(x.Shape, axes, func(i, r int, first bool) {
		if v := x.At(i); first && fromFirst {
			acc[r] = v
		} else {
			acc[r] = fold(acc[r], v)
		}
	})
	for r, v := range acc {
		y.Set(r, v)
	}
}

func fill[T any](s []T, v T) []T {
	for i := range s {
		s[i] = v
	}
	return s
}

// extremumGrad shares the gradient among the elements equal to the extremum, NaN if that is
// NaN. Others get 0 whatever the gradient is.
func extremumGrad(g *GradCall) []Value {
	b, x, axes := g.B, g.In[0], g.Attrs.(ReduceAttrs).Axes
	dims := x.Spec().Shape
	t := x.Spec().DType
	won := Or.Of(b, Eq.Of(b, x, KeepShape(b, g.Out[0], dims, axes)), IsNaN.Of(b, x))
	count := SumOver(b, Casted(b, won, t.Wide()), true, axes...)
	share := Casted(b, Div.Of(b, widened(b, KeepShape(b, g.D[0], dims, axes)), count), t)
	return []Value{Where.Of(b, won, share, scalarLike(b, x, 0))}
}

// prodGrad multiplies each element's predecessors and successors, so that zeros
// among the elements are no special case at any order of derivative. The
// running products take log2(n) steps of shift and multiply.
func prodGrad(g *GradCall) []Value {
	b, x := g.B, g.In[0]
	dims := x.Spec().Shape
	if x.Spec().Elements() == 0 {
		return []Value{Zeros(b, x.Spec())}
	}
	reduced, err := shape.Axes(g.Attrs.(ReduceAttrs).Axes, len(dims))
	if err != nil {
		panic(err) // the shape rule has accepted these axes
	}
	perm, inverse := axesLast(reduced, len(dims))
	n := elements(dims, reduced)
	moved := Permuted(b, x, perm...)
	rows := Reshaped(b, moved, x.Spec().Elements()/n, n)
	others := Mul.Of(b, runningProduct(b, rows, n, 1), runningProduct(b, rows, n, -1))
	back := Permuted(b, Reshaped(b, others, moved.Spec().Shape...), inverse...)
	return []Value{Mul.Of(b, KeepShape(b, g.D[0], dims, reduced), back)}
}

// runningProduct is, for each element of a row, the product of those before it
// (direction 1) or after it (-1).
func runningProduct(b Builder, rows Value, n, direction int) Value {
	shift := func(v Value, by int) Value {
		by *= direction
		return Pad.With(b, PadAttrs{Lo: []int{0, by}, Hi: []int{0, -by}, Value: 1}, v)
	}
	p := shift(rows, 1)
	for by := 1; by < n; by *= 2 {
		p = Mul.Of(b, p, shift(p, by))
	}
	return p
}

// axesLast is the permutation that moves the (sorted) axes to the end, and its
// inverse.
func axesLast(axes []int, rank int) (perm, inverse []int) {
	last := make([]bool, rank)
	for _, a := range axes {
		last[a] = true
	}
	for a := range rank {
		if !last[a] {
			perm = append(perm, a)
		}
	}
	return append(perm, axes...), inversePermutation(append(perm, axes...))
}

func reduceCases(t Arg, empty bool) []Case {
	cases := []Case{
		{Name: "scalar", Attrs: ReduceAttrs{}, In: args(t, []int{})},
		{Name: "all", Attrs: ReduceAttrs{}, In: args(t, []int{4, 9})},
		{Name: "last", Attrs: ReduceAttrs{Axes: []int{-1}}, In: args(t, []int{3, 37})},
		{Name: "first-kept", Attrs: ReduceAttrs{Axes: []int{0}, Keep: true}, In: args(t, []int{5, 11})},
		{Name: "middle", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(t, []int{3, 4, 5})},
		{Name: "outer", Attrs: ReduceAttrs{Axes: []int{0, 2}}, In: args(t, []int{3, 4, 5})},
		{Name: "size-one", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(t, []int{4, 1})},
		{Name: "no-results", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(t, []int{0, 3})},
	}
	if empty {
		cases = append(cases, Case{Name: "empty-axis", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(t, []int{3, 0})})
	}
	return cases
}

func extremumCases() []Case {
	special := Case{Name: "special", Attrs: ReduceAttrs{Axes: []int{1}}, In: args(Arg{Special: true}, []int{12, 3}), NoGradCheck: true}
	ties := Case{Name: "ties", Attrs: ReduceAttrs{Axes: []int{1}}, In: []Arg{{Shape: []int{4, 6}, Lo: 1, Hi: 2, DType: dtype.I32}}, Types: []dtype.Type{dtype.I32}}
	return append(reduceCases(Arg{Distinct: true}, false), special, ties)
}
