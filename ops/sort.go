package ops

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
)

// Order along one axis.
var Argsort, Sort, TopK *Op

// SortAttrs are the axis that is sorted and the direction: from the smallest to the
// largest element, or descending. Equal elements keep their order in both.
type SortAttrs struct {
	Axis       int  `json:"axis"`
	Descending bool `json:"descending"`
}

// TopKAttrs are how many elements of each line along an axis are wanted: the largest or
// the smallest ones. Sorted gives them from the best on, otherwise they come in the order
// in which they are in the line.
type TopKAttrs struct {
	K       int  `json:"k"`
	Axis    int  `json:"axis"`
	Largest bool `json:"largest"`
	Sorted  bool `json:"sorted"`
}

const sortedDoc = " NaN counts as larger than all numbers, equal elements keep their order."

func init() {
	Argsort = Declare(Op{Name: "argsort", Method: "-", Doc: "The i64 positions of the elements along an axis in ascending or descending order." + sortedDoc,
		Kind: Core, Family: Ordering, Inputs: "x", Attrs: SortAttrs{}, Types: Any, Infer: argsortInfer, Tol: exact, NoGrad: noGradIndex,
		Ref: func(attrs any, in, out []Host) {
			eachSorted(in[0], attrs.(SortAttrs), func(at, order []int) {
				for k, p := range order {
					out[0].SetInt(at[k], int64(p))
				}
			})
		},
		Bench: func(s Size) Case { return Case{Attrs: SortAttrs{Axis: 1}, In: []Arg{s.Square()}} },
		Cases: sortCases(),
	})
	Sort = Declare(Op{Name: "sort", Method: "-", Doc: "The elements along an axis in ascending or descending order, and their i64 positions before." + sortedDoc,
		Kind: Composite, Inputs: "x", Attrs: SortAttrs{}, Types: Any, Tol: exact, Saves: Out(1),
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			at, err := argsortInfer(attrs, in)
			return append([]Spec{in[0]}, at...), err
		},
		Ref: func(attrs any, in, out []Host) {
			eachSorted(in[0], attrs.(SortAttrs), func(at, order []int) {
				for k, p := range order {
					moveElement(out[0], at[k], in[0], at[p])
					out[1].SetInt(at[k], int64(p))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			order := Argsort.With(b, attrs, in[0])
			return []Value{Gather.With(b, GatherAttrs{Axis: attrs.(SortAttrs).Axis}, in[0], order), order}
		},
		Grad:  func(g *GradCall) []Value { return pickedGrad(g, g.Attrs.(SortAttrs).Axis) },
		Bench: func(s Size) Case { return Case{Attrs: SortAttrs{Axis: 1}, In: []Arg{s.Square()}} },
		Cases: sortCases(),
	})
	TopK = Declare(Op{Name: "top_k", GoName: "TopK", Method: "-", ONNX: "TopK", Doc: "The k largest or smallest elements along an axis and their i64 positions, from the best on or in the order of their positions." + sortedDoc,
		Kind: Composite, Inputs: "x", Attrs: TopKAttrs{}, Types: Any, Tol: exact, Saves: Out(1),
		Infer: topKInfer,
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(TopKAttrs)
			var to [][]int
			eachLine(out[0].Shape, a.Axis, func(at []int) { to = append(to, slices.Clone(at)) })
			eachSorted(in[0], SortAttrs{a.Axis, a.Largest}, func(at, order []int) {
				best := order[:a.K]
				if !a.Sorted {
					slices.Sort(best)
				}
				for k, p := range best {
					moveElement(out[0], to[0][k], in[0], at[p])
					out[1].SetInt(to[0][k], int64(p))
				}
				to = to[1:]
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(TopKAttrs)
			axis := mustAxis(a.Axis, in[0].Spec())
			best := sliced(b, Argsort.With(b, SortAttrs{axis, a.Largest}, in[0]), axis, 0, a.K)
			if !a.Sorted {
				best = Sort.Apply(b, SortAttrs{Axis: axis}, best)[0]
			}
			return []Value{Gather.With(b, GatherAttrs{axis}, in[0], best), Copy.Of(b, best)}
		},
		Grad: func(g *GradCall) []Value { return pickedGrad(g, g.Attrs.(TopKAttrs).Axis) },
		Bench: func(s Size) Case {
			return Case{Attrs: TopKAttrs{K: max(1, s.N/64), Axis: 1, Largest: true, Sorted: true}, In: []Arg{s.Square()}}
		},
		Cases: topKCases(),
	})
}

func argsortInfer(attrs any, in []Spec) ([]Spec, error) {
	_, err := axisOf(attrs.(SortAttrs).Axis, in[0])
	return []Spec{{dtype.I64, in[0].Shape}}, err
}

func topKInfer(attrs any, in []Spec) ([]Spec, error) {
	a := attrs.(TopKAttrs)
	axis, err := axisOf(a.Axis, in[0])
	if err != nil {
		return nil, err
	}
	if n := in[0].Shape[axis]; a.K < 0 || a.K > n {
		return nil, attrErr("k is %d, axis %d has %d elements", a.K, axis, n)
	}
	dims := slices.Clone(in[0].Shape)
	dims[axis] = a.K
	return []Spec{{in[0].DType, dims}, {dtype.I64, dims}}, nil
}

// pickedGrad adds the gradients of elements at the positions where the second result says
// that they were.
func pickedGrad(g *GradCall, axis int) []Value {
	if g.D[0] == nil {
		return []Value{nil}
	}
	return []Value{ScatterAdd.With(g.B, ScatterAttrs{Axis: axis}, Zeros(g.B, g.In[0].Spec()), g.Out[1], g.D[0])}
}

// eachSorted visits every line along the axis: where its elements lie, and their
// positions in the line in sorted order.
func eachSorted(x Host, a SortAttrs, visit func(at, order []int)) {
	before := func(i, k int) bool { return lessFloat(x.At(i), x.At(k)) }
	if !x.DType.IsFloat() {
		unsigned := x.DType.IsUnsigned()
		before = func(i, k int) bool { return lessInt(x.Int(i), x.Int(k), unsigned) }
	}
	eachLine(x.Shape, a.Axis, func(at []int) {
		order := make([]int, len(at))
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(p, q int) int {
			i, k := at[p], at[q]
			if a.Descending {
				i, k = k, i
			}
			switch {
			case before(i, k):
				return -1
			case before(k, i):
				return 1
			}
			return 0
		})
		visit(at, order)
	})
}

// sortCases have distinct elements where gradients are compared with differences, and
// many equal ones where the order among these matters.
func sortCases() []Case {
	d, few := Arg{Distinct: true}, Arg{Lo: 0, Hi: 3}
	ties := []dtype.Type{dtype.I32, dtype.U8, dtype.U64, dtype.Bool}
	return []Case{
		{Name: "row", Attrs: SortAttrs{}, In: args(d, []int{37})},
		{Name: "last-descending", Attrs: SortAttrs{Axis: -1, Descending: true}, In: args(d, []int{3, 17})},
		{Name: "first", Attrs: SortAttrs{}, In: args(d, []int{9, 4})},
		{Name: "middle", Attrs: SortAttrs{Axis: 1, Descending: true}, In: args(d, []int{2, 6, 3})},
		{Name: "long", Attrs: SortAttrs{Axis: 1}, In: args(d, []int{2, 700}), NoGradCheck: true},
		{Name: "ties", Attrs: SortAttrs{Axis: 1}, In: args(few, []int{3, 41}), Types: ties},
		{Name: "ties-descending", Attrs: SortAttrs{Axis: 1, Descending: true}, In: args(few, []int{3, 41}), Types: ties},
		{Name: "special", Attrs: SortAttrs{}, In: args(Arg{Special: true}, []int{64}), NoGradCheck: true},
		{Name: "special-descending", Attrs: SortAttrs{Descending: true}, In: args(Arg{Special: true}, []int{64}), NoGradCheck: true},
		{Name: "one", Attrs: SortAttrs{Axis: 1}, In: args(d, []int{4, 1})},
		{Name: "no-lines", Attrs: SortAttrs{Axis: 1}, In: args(d, []int{0, 3})},
		{Name: "empty-axis", Attrs: SortAttrs{Axis: 1}, In: args(d, []int{3, 0})},
	}
}

func topKCases() []Case {
	d, few := Arg{Distinct: true}, Arg{Lo: 0, Hi: 3}
	return []Case{
		{Name: "row", Attrs: TopKAttrs{K: 5, Largest: true, Sorted: true}, In: args(d, []int{37})},
		{Name: "smallest", Attrs: TopKAttrs{K: 3, Axis: -1, Sorted: true}, In: args(d, []int{3, 17})},
		{Name: "unsorted", Attrs: TopKAttrs{K: 4, Axis: 1, Largest: true}, In: args(d, []int{3, 9})},
		{Name: "first", Attrs: TopKAttrs{K: 2, Largest: true, Sorted: true}, In: args(d, []int{9, 4})},
		{Name: "middle", Attrs: TopKAttrs{K: 6, Axis: 1, Sorted: true}, In: args(d, []int{2, 6, 3})},
		{Name: "long", Attrs: TopKAttrs{K: 8, Axis: 1, Largest: true, Sorted: true}, In: args(d, []int{2, 700}), NoGradCheck: true},
		{Name: "ties", Attrs: TopKAttrs{K: 9, Axis: 1, Largest: true, Sorted: true}, In: args(few, []int{3, 41}), Types: []dtype.Type{dtype.I32, dtype.U8, dtype.Bool}},
		{Name: "special", Attrs: TopKAttrs{K: 20, Largest: true, Sorted: true}, In: args(Arg{Special: true}, []int{64}), NoGradCheck: true},
		{Name: "special-smallest", Attrs: TopKAttrs{K: 20, Sorted: true}, In: args(Arg{Special: true}, []int{64}), NoGradCheck: true},
		{Name: "none", Attrs: TopKAttrs{Axis: 1, Largest: true, Sorted: true}, In: args(d, []int{3, 5})},
		{Name: "no-lines", Attrs: TopKAttrs{K: 1, Axis: 1, Largest: true, Sorted: true}, In: args(d, []int{0, 3})},
	}
}
