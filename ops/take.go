package ops

import (
	"fmt"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Whole slices picked by index, and the reverse.
var Take, IndexAdd, OneHot *Op

// TakeAttrs is the axis that is indexed.
type TakeAttrs struct {
	Axis int `json:"axis"`
}

// IndexAddAttrs is the axis that is indexed.
type IndexAddAttrs struct {
	Axis int `json:"axis"`
}

// OneHotAttrs are the number of classes and the element type of the result.
type OneHotAttrs struct {
	Classes int        `json:"classes"`
	DType   dtype.Type `json:"dtype"`
}

func init() {
	index := func(size int, dims ...int) Arg {
		return Arg{Shape: dims, DType: dtype.I64, Lo: -float64(size), Hi: float64(size)}
	}
	short := func(size int, dims ...int) Arg { return Arg{Shape: dims, DType: dtype.I32, Hi: float64(size)} }

	Take = Declare(Op{Name: "take", Doc: "The slices of x at whole-number indices along an axis; idx of any rank takes the place of the axis. Negative indices count from the end, others out of range are an error.", ONNX: "Gather",
		Kind: Core, Family: GatherFamily, Inputs: "x idx", Attrs: TakeAttrs{}, Types: Any, Tol: exact, Saves: In(1),
		GradTol: Tolerance{ULP: gradULP, Depth: indexDepth},
		Infer:   takeInfer, Ref: takeRef,
		Grad: func(g *GradCall) []Value {
			zeros := Zeros(g.B, g.In[0].Spec())
			return []Value{IndexAdd.With(g.B, IndexAddAttrs(g.Attrs.(TakeAttrs)), zeros, g.In[1], g.D[0]), nil}
		},
		Bench: func(s Size) Case { return Case{Attrs: TakeAttrs{}, In: []Arg{s.Square(), s.Indices(s.N)}} },
		Cases: []Case{
			{Name: "rows", Attrs: TakeAttrs{}, In: []Arg{{Shape: []int{5, 3}}, index(5, 7)}},
			{Name: "columns", Attrs: TakeAttrs{Axis: -1}, In: []Arg{{Shape: []int{3, 4}}, short(4, 2, 3)}},
			{Name: "middle", Attrs: TakeAttrs{Axis: 1}, In: []Arg{{Shape: []int{2, 4, 3}}, index(4, 5)}},
			{Name: "scalar-index", Attrs: TakeAttrs{}, In: []Arg{{Shape: []int{4, 2}}, index(4)}},
			{Name: "none", Attrs: TakeAttrs{}, In: []Arg{{Shape: []int{4, 2}}, index(4, 0)}},
		},
	})
	IndexAdd = Declare(Op{Name: "index_add", Doc: "x with the slices of updates added at indices along an axis; repeated indices add up.",
		Kind: Core, Family: ScatterFamily, Inputs: "x idx updates", Attrs: IndexAddAttrs{}, Types: Numbers, Saves: In(1),
		Tol:   Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[1].Elements() + 1 }},
		Infer: indexAddInfer, Ref: indexAddRef,
		Grad: func(g *GradCall) []Value {
			out := []Value{g.D[0], nil, nil}
			if g.Needs[2] {
				out[2] = Take.With(g.B, TakeAttrs(g.Attrs.(IndexAddAttrs)), g.D[0], g.In[1])
			}
			return out
		},
		Bench: func(s Size) Case {
			return Case{Attrs: IndexAddAttrs{}, In: []Arg{s.Square(), s.Indices(s.N), s.Square()}}
		},
		Cases: []Case{
			{Name: "rows", Attrs: IndexAddAttrs{}, In: []Arg{{Shape: []int{4, 3}}, index(4, 7), {Shape: []int{7, 3}}}},
			{Name: "columns", Attrs: IndexAddAttrs{Axis: -1}, In: []Arg{{Shape: []int{3, 4}}, short(4, 2, 3), {Shape: []int{3, 2, 3}}}},
			{Name: "scalar-index", Attrs: IndexAddAttrs{}, In: []Arg{{Shape: []int{4, 2}}, index(4), {Shape: []int{2}}}},
			{Name: "none", Attrs: IndexAddAttrs{}, In: []Arg{{Shape: []int{4, 2}}, index(4, 0), {Shape: []int{0, 2}}}},
		},
	})
	OneHot = Declare(Op{Name: "one_hot", Doc: "A new last axis that is 1 at the index and 0 elsewhere. An index outside the classes, or negative, is an error.", ONNX: "OneHot",
		Kind: Composite, Inputs: "idx", Attrs: OneHotAttrs{}, Types: Indices, Tol: exact, NoGrad: "its input is a whole number",
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(OneHotAttrs)
			if a.Classes < 1 {
				return nil, attrErr("classes is %d, want at least 1", a.Classes)
			}
			return arrayInfer(a.DType, append(shape.Clone(in[0].Shape), a.Classes), Any)
		},
		Ref: func(attrs any, in, out []Host) {
			classes := attrs.(OneHotAttrs).Classes
			for i := range in[0].Elements() {
				out[0].Set(i*classes+classAt(OneHot, in[0], i, classes), 1)
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			// Written at the index, so that one out of range is found.
			a, s := attrs.(OneHotAttrs), in[0].Spec()
			column := Reshaped(b, classes(b, in[0], a.Classes), append(shape.Clone(s.Shape), 1)...)
			zeros := Zeros(b, Spec{dtype.I32, append(shape.Clone(s.Shape), a.Classes)})
			ones := Ones(b, Spec{dtype.I32, column.Spec().Shape})
			hot := ScatterAdd.With(b, ScatterAttrs{Axis: len(s.Shape)}, zeros, column, ones)
			return []Value{Casted(b, hot, a.DType)}
		},
		Bench: func(s Size) Case {
			return Case{Attrs: OneHotAttrs{Classes: s.N, DType: s.DType}, In: []Arg{s.Indices(s.N)}}
		},
		Cases: []Case{
			{Name: "scalar", Attrs: OneHotAttrs{Classes: 3, DType: dtype.F32}, In: []Arg{{Shape: []int{}, Hi: 3}}},
			{Name: "batch", Attrs: OneHotAttrs{Classes: 5, DType: dtype.F64}, In: []Arg{{Shape: []int{2, 4}, Hi: 5}}},
			{Name: "truth", Attrs: OneHotAttrs{Classes: 3, DType: dtype.Bool}, In: []Arg{{Shape: []int{9}, Hi: 3}}},
			{Name: "empty", Attrs: OneHotAttrs{Classes: 3, DType: dtype.I32}, In: []Arg{{Shape: []int{0}, Hi: 3}}},
		},
	})
}

// indexDepth counts as if all indices picked one element, whose gradient then is the
// sum of all.
func indexDepth(_ any, in []Spec) int { return in[1].Elements() }

// takeShape is the shape with an axis replaced by the axes of the index.
func takeShape(dims, idx []int, axis int) []int {
	return slices.Concat(dims[:axis], idx, dims[axis+1:])
}

// wantIndices refuses an input that cannot index.
func wantIndices(in []Spec, i int) error {
	if !slices.Contains(Indices, in[i].DType) {
		return typeErr("input %d must be an index of type i64 or i32: Cast it", i)
	}
	return nil
}

func takeInfer(attrs any, in []Spec) ([]Spec, error) {
	if err := wantIndices(in, 1); err != nil {
		return nil, err
	}
	axis, err := shape.Axis(attrs.(TakeAttrs).Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	return []Spec{{in[0].DType, takeShape(in[0].Shape, in[1].Shape, axis)}}, nil
}

func indexAddInfer(attrs any, in []Spec) ([]Spec, error) {
	want, err := takeInfer(TakeAttrs(attrs.(IndexAddAttrs)), in)
	if err != nil {
		return nil, err
	}
	if in[2].DType != in[0].DType {
		return nil, typeErr("element types of x and updates differ: Cast one of them")
	}
	if !shape.Equal(in[2].Shape, want[0].Shape) {
		return nil, shapeErr("updates must have shape %s: that of x with axis %d replaced by that of idx", shape.String(want[0].Shape), attrs.(IndexAddAttrs).Axis)
	}
	return []Spec{in[0]}, nil
}

// indexAt reads index i, which counts from the end where it is negative, and panics with an
// *AttrError when it is outside an axis of n elements.
func indexAt(op *Op, idx Host, i, n int) int {
	k := idx.Int(i)
	if k < 0 && k >= -int64(n) {
		return int(k) + n
	}
	if k < 0 || k >= int64(n) {
		panic(OutsideAxis(op.Name, k, i, n))
	}
	return int(k)
}

// classAt reads class i and panics with an *AttrError when there is none of that number.
func classAt(op *Op, idx Host, i, n int) int {
	k := idx.Int(i)
	if k < 0 || k >= int64(n) {
		panic(NoClass(op.Name, k, i, n))
	}
	return int(k)
}

// OutsideAxis returns the error for index k at position i, where the axis has n elements.
func OutsideAxis(op string, k int64, i, n int) error {
	return &AttrError{Op: op, Reason: fmt.Sprintf("index %d at position %d of idx is outside the axis, which has %d elements", k, i, n)}
}

// NoClass returns the error for class number k at position i, where there are n classes.
func NoClass(op string, k int64, i, n int) error {
	return &AttrError{Op: op, Reason: fmt.Sprintf("index %d at position %d is none of the %d classes", k, i, n)}
}

// classes is class numbers as an index of an axis of n: negative ones, which would count
// from the end, become n, which is out of range.
func classes(b Builder, idx Value, n int) Value {
	long := Casted(b, idx, dtype.I64) // n may not fit the type of the index
	return Where.Of(b, Lt.Of(b, long, scalarLike(b, long, 0)), scalarLike(b, long, float64(n)), long)
}

// eachTaken visits the slices that an index picks: position at in an array with
// dims, position k in the taken one, both in elements, with their length.
func eachTaken(op *Op, dims []int, axis int, idx Host, visit func(at, k, length int)) {
	length := shape.MustElements(dims[axis+1:])
	count := idx.Elements()
	rows := make([]int, count)
	for i := range rows {
		rows[i] = indexAt(op, idx, i, dims[axis])
	}
	for outer := range shape.MustElements(dims[:axis]) {
		for i, row := range rows {
			visit((outer*dims[axis]+row)*length, (outer*count+i)*length, length)
		}
	}
}

func takeRef(attrs any, in, out []Host) {
	x, axis := in[0], mustAxis(attrs.(TakeAttrs).Axis, in[0].Spec)
	size := x.DType.Size()
	eachTaken(Take, x.Shape, axis, in[1], func(at, k, n int) {
		copy(out[0].Data[k*size:(k+n)*size], x.Data[at*size:(at+n)*size])
	})
}

func indexAddRef(attrs any, in, out []Host) {
	x, updates, axis := in[0], in[2], mustAxis(attrs.(IndexAddAttrs).Axis, in[0].Spec)
	acc := accumulate(x)
	eachTaken(IndexAdd, x.Shape, axis, in[1], func(at, k, n int) {
		for i := range n {
			acc.add(at+i, updates, k+i)
		}
	})
	acc.store(out[0])
}

// accumulator sums into an array, in float64 or exactly in integers.
type accumulator struct {
	floats []float64
	ints   []int64
}

// accumulate starts from the elements of x.
func accumulate(x Host) *accumulator {
	if x.DType.IsFloat() {
		return &accumulator{floats: x.Float64s()}
	}
	a := &accumulator{ints: make([]int64, x.Elements())}
	for i := range a.ints {
		a.ints[i] = x.Int(i)
	}
	return a
}

func (a *accumulator) add(i int, from Host, k int) {
	if a.ints != nil {
		a.ints[i] += from.Int(k)
	} else {
		a.floats[i] += from.At(k)
	}
}

func (a *accumulator) store(to Host) {
	for i, v := range a.floats {
		to.Set(i, v)
	}
	for i, v := range a.ints {
		to.SetInt(i, v)
	}
}
