package ops

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// numbers is an f64 array.
func numbers(t *testing.T, dims []int, values ...float64) Host {
	t.Helper()
	h, err := HostOf(dims, values)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func indices(t *testing.T, dims []int, values ...int64) Host {
	t.Helper()
	h, err := HostOf(dims, values)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// run applies a row of one output.
func run(op *Op, attrs any, in ...Host) Host {
	return (Interpreter{}).Apply(op, attrs, valuesOf(in)...)[0].(*HostValue).Host
}

// TestReferencesAgainstHandComputedValues pins the references themselves: the
// results were worked out by hand from the rows' documentation.
func TestReferencesAgainstHandComputedValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	m := numbers(t, []int{2, 3}, 1, 2, 3, 4, 5, 6)
	row := numbers(t, []int{5}, 0, 1, 2, 3, 4)
	for _, c := range []struct {
		name  string
		op    *Op
		attrs any
		in    []Host
		dims  []int
		want  []float64
	}{
		{"sub row", Sub, nil, []Host{m, numbers(t, []int{3}, 1, 1, 2)}, []int{2, 3}, []float64{0, 1, 1, 3, 4, 4}},
		{"mod sign", Mod, nil, []Host{numbers(t, []int{3}, 5, -5, 5), numbers(t, []int{3}, 3, 3, -3)}, []int{3}, []float64{2, 1, -1}},
		{"round half to even", Round, nil, []Host{numbers(t, []int{4}, 0.5, 1.5, 2.5, -0.5)}, []int{4}, []float64{0, 2, 2, 0}},
		{"max keeps NaN", Max, nil, []Host{numbers(t, []int{2}, nan, inf), numbers(t, []int{2}, inf, nan)}, []int{2}, []float64{nan, nan}},
		{"relu", Relu, nil, []Host{numbers(t, []int{3}, -1, 0, 2)}, []int{3}, []float64{0, 0, 2}},
		{"affine", Affine, AffineAttrs{Scale: 2, Shift: -1}, []Host{numbers(t, []int{2}, 3, 0)}, []int{2}, []float64{5, -1}},
		{"sum axis", Sum, ReduceAttrs{Axes: []int{0}}, []Host{m}, []int{3}, []float64{5, 7, 9}},
		{"sum keep", Sum, ReduceAttrs{Axes: []int{-1}, Keep: true}, []Host{m}, []int{2, 1}, []float64{6, 15}},
		{"sum of nothing", Sum, ReduceAttrs{}, []Host{numbers(t, []int{0})}, nil, []float64{0}},
		{"prod", Prod, ReduceAttrs{Axes: []int{1}}, []Host{m}, []int{2}, []float64{6, 120}},
		{"prod of nothing", Prod, ReduceAttrs{}, []Host{numbers(t, []int{0})}, nil, []float64{1}},
		{"amax NaN beats infinity", Amax, ReduceAttrs{}, []Host{numbers(t, []int{3}, 1, nan, inf)}, nil, []float64{nan}},
		{"amin", Amin, ReduceAttrs{Axes: []int{0}}, []Host{m}, []int{3}, []float64{1, 2, 3}},
		{"argmax first", Argmax, ArgAttrs{}, []Host{numbers(t, []int{4}, 1, 3, 3, 2)}, nil, []float64{1}},
		{"argmax NaN", Argmax, ArgAttrs{}, []Host{numbers(t, []int{4}, 1, nan, inf, nan)}, nil, []float64{1}},
		{"argmin", Argmin, ArgAttrs{Axis: 1, Keep: true}, []Host{m}, []int{2, 1}, []float64{0, 0}},
		{"mean", Mean, ReduceAttrs{Axes: []int{1}}, []Host{m}, []int{2}, []float64{2, 5}},
		{"var sample", Var, VarAttrs{Axes: []int{1}, Correction: 1}, []Host{m}, []int{2}, []float64{1, 1}},
		{"log_sum_exp", LogSumExp, ReduceAttrs{}, []Host{numbers(t, []int{2}, 1000, 1000)}, nil, []float64{1000 + math.Ln2}},
		{"log_sum_exp of -Inf", LogSumExp, ReduceAttrs{}, []Host{numbers(t, []int{2}, -inf, -inf)}, nil, []float64{-inf}},
		{"iota", Iota, IotaAttrs{DType: dtype.I32, Shape: []int{2, 3}, Axis: 1}, nil, []int{2, 3}, []float64{0, 1, 2, 0, 1, 2}},
		{"pad", Pad, PadAttrs{Lo: []int{1}, Hi: []int{-1}, Interior: []int{1}, Value: 9}, []Host{numbers(t, []int{3}, 1, 2, 3)}, []int{5}, []float64{9, 1, 9, 2, 9}},
		{"concat", Concat, ConcatAttrs{Axis: 1}, []Host{m, numbers(t, []int{2, 1}, 7, 8)}, []int{2, 4}, []float64{1, 2, 3, 7, 4, 5, 6, 8}},
		{"permute", Permute, PermuteAttrs{Axes: []int{1, 0}}, []Host{m}, []int{3, 2}, []float64{1, 4, 2, 5, 3, 6}},
		{"slice back", Slice, SliceAttrs{Start: []int{4}, Count: []int{2}, Step: []int{-3}}, []Host{row}, []int{2}, []float64{4, 1}},
		{"window", Window, WindowAttrs{Axes: []int{0}, Size: []int{2}, Stride: []int{2}, Dilation: []int{2}}, []Host{row}, []int{2, 2}, []float64{0, 2, 2, 4}},
		{"take", Take, TakeAttrs{Axis: 1}, []Host{m, indices(t, []int{2}, 2, 0)}, []int{2, 2}, []float64{3, 1, 6, 4}},
		{"index_add", IndexAdd, IndexAddAttrs{}, []Host{numbers(t, []int{2}, 1, 1), indices(t, []int{3}, 0, 1, 0), numbers(t, []int{3}, 1, 2, 3)}, []int{2}, []float64{5, 3}},
		{"gather", Gather, GatherAttrs{Axis: 1}, []Host{m, indices(t, []int{2, 1}, 2, 1)}, []int{2, 1}, []float64{3, 5}},
		{"scatter_add", ScatterAdd, ScatterAttrs{}, []Host{m, indices(t, []int{2, 2}, 1, 0, 1, 0), numbers(t, []int{2, 2}, 1, 2, 3, 4)}, []int{2, 3}, []float64{1, 8, 3, 8, 5, 6}},
		{"one_hot", OneHot, OneHotAttrs{Classes: 3, DType: dtype.F32}, []Host{indices(t, []int{3}, 2, 1, 0)}, []int{3, 3}, []float64{0, 0, 1, 0, 1, 0, 1, 0, 0}},
		{"matmul", MatMul, nil, []Host{m, numbers(t, []int{3, 2}, 1, 0, 0, 1, 1, 1)}, []int{2, 2}, []float64{4, 5, 10, 11}},
		{"linear", Linear, LinearAttrs{Act: "relu"}, []Host{m, numbers(t, []int{2, 3}, 1, 0, 0, 0, 0, -1), numbers(t, []int{2}, 0.5, 4)}, []int{2, 2}, []float64{1.5, 1, 4.5, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := run(c.op, c.attrs, c.in...)
			if !shape.Equal(got.Shape, c.dims) {
				t.Fatalf("shape %v, want %v", got.Shape, c.dims)
			}
			for i, w := range c.want {
				if g := got.At(i); g != w && !(math.IsNaN(g) && math.IsNaN(w)) && math.Abs(g-w) > 1e-12 {
					t.Errorf("element %d is %v, want %v", i, g, w)
				}
			}
		})
	}
}

func TestReshapeViewOfStridedInput(t *testing.T) {
	v := hal.View{DType: dtype.F32, Shape: []int{2, 6}, Strides: []int{12, 2}, Offset: 3}
	got, ok := Reshape.View(ReshapeAttrs{Shape: []int{2, 2, -1}}, v)
	if !ok || !slices.Equal(got.Shape, []int{2, 2, 3}) || !slices.Equal(got.Strides, []int{12, 6, 2}) || got.Offset != 3 {
		t.Errorf("got %+v, %v", got, ok)
	}
	transposed := hal.View{DType: dtype.F32, Shape: []int{2, 3}, Strides: []int{1, 2}}
	if _, ok := Reshape.View(ReshapeAttrs{Shape: []int{6}}, transposed); ok {
		t.Error("merging the axes of a transposed view needs a copy")
	}
}

func TestIntegersWrap(t *testing.T) {
	x, err := HostOf([]int{2}, []int8{100, 100})
	if err != nil {
		t.Fatal(err)
	}
	if got := run(Sum, ReduceAttrs{}, x).Int(0); got != -56 {
		t.Errorf("the i8 sum of 100 and 100 is %d, want -56", got)
	}
}

// gradOf is the gradient for input 0 when a row's single output has gradient d.
func gradOf(op *Op, attrs any, d Host, in ...Host) Host {
	b, values := Interpreter{}, valuesOf(in)
	g := &GradCall{B: b, Op: op, Attrs: attrs, In: values, Out: b.Apply(op, attrs, values...), D: []Value{&HostValue{d}}, Needs: make([]bool, len(in))}
	g.Needs[0] = true
	return op.Grad(g)[0].(*HostValue).Host
}

func TestGradientsAtKinksAndTies(t *testing.T) {
	one := numbers(t, []int{}, 1)
	zero := numbers(t, []int{1}, 0)
	d := numbers(t, []int{1}, 1)
	for _, c := range []struct {
		name string
		got  Host
		want []float64
	}{
		{"abs at 0", gradOf(Abs, nil, d, zero), []float64{0}},
		{"relu at 0", gradOf(Relu, nil, d, zero), []float64{0}},
		{"max of equals", gradOf(Max, nil, d, zero, zero), []float64{0.5}},
		{"amax of equals", gradOf(Amax, ReduceAttrs{}, one, numbers(t, []int{4}, 2, 1, 2, 0)), []float64{0.5, 0, 0.5, 0}},
		{"prod with one zero", gradOf(Prod, ReduceAttrs{}, one, numbers(t, []int{3}, 2, 0, 3)), []float64{0, 6, 0}},
		{"prod with two zeros", gradOf(Prod, ReduceAttrs{}, one, numbers(t, []int{3}, 2, 0, 0)), []float64{0, 0, 0}},
		{"pow of 0", gradOf(Pow, nil, d, zero, numbers(t, []int{1}, 2)), []float64{0}},
		{"0 to the power 0", gradOf(Pow, nil, d, zero, zero), []float64{0}},
		{"pow of a negative", gradOf(Pow, nil, d, numbers(t, []int{1}, -2), numbers(t, []int{1}, 3)), []float64{12}},
		{"clamp at the bound", gradOf(Clamp, ClampAttrs{Lo: 0, Hi: 1}, d, zero), []float64{1}},
	} {
		if got := c.got.Float64s(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// thrown is the error that applying a row panics with.
func thrown(op *Op, attrs any, in ...Host) (err error) {
	defer func() { err, _ = recover().(error) }()
	run(op, attrs, in...)
	return nil
}

func TestMisuseIsAnErrorThatNamesTheRule(t *testing.T) {
	m := numbers(t, []int{2, 3}, 1, 2, 3, 4, 5, 6)
	none := numbers(t, []int{0})
	whole := indices(t, []int{1}, 0)
	far := indices(t, []int{1}, 7)
	for _, c := range []struct {
		err  error
		want string
	}{
		{thrown(Add, nil, m, whole), "element types differ"},
		{thrown(Amax, ReduceAttrs{}, none), "axis 0 is empty"},
		{thrown(Argmax, ArgAttrs{Axis: 3}, m), "argmax"},
		{thrown(Sum, ReduceAttrs{Axes: []int{0, 0}}, m), "sum"},
		{thrown(Var, VarAttrs{Correction: -1}, m), "correction -1"},
		{thrown(Full, FullAttrs{DType: dtype.F32, Shape: []int{math.MaxInt, 4}}), "full"},
		{thrown(Full, FullAttrs{Shape: []int{2}}), "cannot make"},
		{thrown(Cast, CastAttrs{}, m), "no element type"},
		{thrown(Pad, PadAttrs{Lo: []int{1}}, m), "want one for each of 2 axes"},
		{thrown(Pad, PadAttrs{Lo: []int{-2, 0}, Hi: []int{-1, 0}}, m), "cannot lose"},
		{thrown(Pad, PadAttrs{Lo: []int{math.MinInt, 0}}, m), "beyond any buffer"},
		{thrown(Pad, PadAttrs{Interior: []int{math.MaxInt, 0}}, m), "beyond any buffer"},
		{thrown(Concat, ConcatAttrs{}, m, none), "rank"},
		{thrown(Reshape, ReshapeAttrs{Shape: []int{4, -1}}, m), "reshape"},
		{thrown(Permute, PermuteAttrs{Axes: []int{0, 0}}, m), "permute"},
		{thrown(Expand, ExpandAttrs{Shape: []int{2, 4}}, m), "expand"},
		{thrown(Slice, SliceAttrs{Start: []int{0, 0}, Count: []int{1, 1}, Step: []int{1, 0}}, m), "step of axis 1 is 0"},
		{thrown(Slice, SliceAttrs{Start: []int{0, 0}, Count: []int{1, 2}, Step: []int{1, math.MinInt}}, m), "leave axis 1"},
		{thrown(Slice, SliceAttrs{Start: []int{0, 1}, Count: []int{1, math.MaxInt}}, m), "leave axis 1"},
		{thrown(Window, WindowAttrs{Axes: []int{1}, Size: []int{4}}, m), "window"},
		{thrown(Window, WindowAttrs{Axes: []int{1, -1}, Size: []int{1, 1}}, m), "named twice"},
		{thrown(Take, TakeAttrs{}, m, m), "index of type"},
		{thrown(Take, TakeAttrs{}, m, far), "index 7 at position 0"},
		{thrown(Take, TakeAttrs{}, m, indices(t, []int{1}, -3)), "index -3"},
		{thrown(IndexAdd, IndexAddAttrs{}, m, whole, m), "updates must have shape"},
		{thrown(Gather, GatherAttrs{Axis: 1}, m, whole), "rank"},
		{thrown(ScatterAdd, ScatterAttrs{}, m, indices(t, []int{1, 1}, 2), numbers(t, []int{1, 1}, 1)), "index 2"},
		{thrown(OneHot, OneHotAttrs{DType: dtype.F32}, whole), "classes is 0"},
		{thrown(MatMul, nil, m, m), "3 columns"},
		{thrown(MatMul, nil, m, none), "rank 1"},
		{thrown(Linear, LinearAttrs{Act: "softplus"}, m, m), "softplus"},
		{thrown(Clamp, ClampAttrs{Lo: 2, Hi: 1}, m), "above hi"},
		{thrown(Uniform, RandAttrs{DType: dtype.F32, Shape: []int{2}}, m), "is not defined on f64"},
		{thrown(Sum, nil, m), "attributes"},
	} {
		var s *ShapeError
		var d *DTypeError
		var a *AttrError
		if !errors.As(c.err, &s) && !errors.As(c.err, &d) && !errors.As(c.err, &a) {
			t.Errorf("want a misuse error about %q, got %v", c.want, c.err)
		} else if !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%q does not mention %q", c.err, c.want)
		}
	}
}
