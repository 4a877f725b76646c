package crease_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func Example() {
	x := crease.From([]float32{1, 2, 3, 4, 5, 6}, []int{2, 3})
	w := crease.From([]float32{1, -1, 2}, []int{3, 1}).RequireGrad()
	loss := x.MatMul(w).Square().Mean()
	loss.Backward()
	fmt.Println(loss)
	fmt.Println(w.Grad())
	// Output:
	// 73.0
	// [[49.]
	//  [65.]
	//  [81.]]
}

func TestPrint(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ got, want string }{
		{crease.From([]float32{1, 2, 3, 4}, []int{2, 2}).String(), "[[1. 2.]\n [3. 4.]]"},
		{crease.From([]float32{1.5, 2.25, -3}, nil).String(), "[ 1.5   2.25 -3.  ]"},
		{crease.From([]float64{0.1, 1.0 / 3}, nil).String(), "[0.1        0.33333333]"},
		{crease.From([]float32{1e-5, 1}, nil).String(), "[1.e-05 1.e+00]"},
		{crease.From([]float32{1.5e9, 1}, nil).String(), "[1.5e+09 1.0e+00]"},
		{crease.From([]float32{1, inf, -inf, float32(math.NaN())}, nil).String(), "[  1.  inf -inf  nan]"},
		{crease.From([]int64{1, -20, 300}, nil).String(), "[  1 -20 300]"},
		{crease.From([]bool{true, false}, nil).String(), "[ True False]"},
		{crease.Scalar(3).String(), "3.0"},
		{crease.Scalar(0.1).String(), "0.1"},
		{crease.Scalar(1e-7).String(), "1e-07"},
		{crease.From([]uint64{math.MaxUint64}, []int{}).String(), "18446744073709551615"},
		{crease.Zeros([]int{0, 3}).String(), "[]"},
		{crease.Zeros([]int{2, 1, 2}).String(), "[[[0. 0.]]\n\n [[0. 0.]]]"},
		{crease.Arange(0, 1001, 1, crease.As(dtype.I64)).String(), "[   0    1    2 ...  998  999 1000]"},
		{crease.From([]float64{0.1, 0.2}, nil, crease.As(dtype.F16)).String(), "[0.1 0.2]"},
		{crease.Arange(0, 30, 1, crease.As(dtype.I64)).String(), "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27 28 29]"},
	} {
		if c.got != c.want {
			t.Errorf("printed\n%s\nwant\n%s", c.got, c.want)
		}
	}
}

func TestCreation(t *testing.T) {
	for _, c := range []struct {
		name string
		got  *crease.Tensor
		want []float64
	}{
		{"arange", crease.Arange(1, 2, 0.25), []float64{1, 1.25, 1.5, 1.75}},
		{"arange down", crease.Arange(3, 0, -1), []float64{3, 2, 1}},
		{"arange empty", crease.Arange(3, 0, 1), nil},
		{"linspace", crease.Linspace(0, 1, 5), []float64{0, 0.25, 0.5, 0.75, 1}},
		{"eye", crease.Eye(2), []float64{1, 0, 0, 1}},
		{"full", crease.Full([]int{2}, 7, crease.As(dtype.I32)), []float64{7, 7}},
		{"stack", crease.Stack(1, crease.Zeros([]int{2}), crease.Ones([]int{2})), []float64{0, 1, 0, 1}},
		{"where", crease.Where(crease.From([]bool{true, false}, nil), crease.Scalar(1), crease.Scalar(2)), []float64{1, 2}},
	} {
		if got := c.got.Floats(); !slices.Equal(got, c.want) && len(got)+len(c.want) > 0 {
			t.Errorf("%s is %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSlices(t *testing.T) {
	x := crease.Arange(0, 24, 1).Reshape(2, 3, 4)
	for _, c := range []struct {
		name string
		got  *crease.Tensor
		dims []int
		want []float64
	}{
		{"x[1]", x.Index(1), []int{3, 4}, []float64{12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
		{"x[0,-1,1]", x.Index(0, -1, 1), []int{}, []float64{9}},
		{"x[:,1,::2]", x.Slice(crease.All(), crease.At(1), crease.Span(crease.Omit, crease.Omit, 2)), []int{2, 2}, []float64{4, 6, 16, 18}},
		{"x[...,::-1]", x.Slice(crease.At(0), crease.At(0), crease.Span(crease.Omit, crease.Omit, -1)), []int{4}, []float64{3, 2, 1, 0}},
		{"x[...,0]", x.Slice(crease.Rest(), crease.At(0)), []int{2, 3}, []float64{0, 4, 8, 12, 16, 20}},
		{"x[1:,None,0,-2:]", x.Slice(crease.Span(1, crease.Omit), crease.NewAxis(), crease.At(0), crease.Span(-2, crease.Omit)), []int{1, 1, 2}, []float64{14, 15}},
		{"T", x.Index(0).T().Index(1), []int{3}, []float64{1, 5, 9}},
		{"narrow", x.Index(0).Narrow(1, 1, 2), []int{3, 2}, []float64{1, 2, 5, 6, 9, 10}},
	} {
		if !slices.Equal(c.got.Shape(), c.dims) || !slices.Equal(c.got.Floats(), c.want) {
			t.Errorf("%s is %v %v, want %v %v", c.name, c.got.Shape(), c.got.Floats(), c.dims, c.want)
		}
	}
}

func TestPromotion(t *testing.T) {
	a := crease.From([]int32{1, 2}, nil)
	b := crease.From([]float32{0.5, 0.25}, nil)
	if sum := a.Add(b); sum.DType() != dtype.F32 || !slices.Equal(sum.Floats(), []float64{1.5, 2.25}) {
		t.Errorf("i32 + f32 is %s %v", sum.Spec(), sum)
	}
	if c := a.AddScalar(3); c.DType() != dtype.I32 || !slices.Equal(c.Floats(), []float64{4, 5}) {
		t.Errorf("i32 + number is %s %v", c.Spec(), c)
	}
}

// Rows that promote give the bits of operands cast by hand; others refuse operands that
// differ.
func TestPromotionOfEveryRow(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	promoting, refusing := 0, 0
	for _, op := range ops.All() {
		if op.Bench == nil || !slices.Contains(op.BenchTypes(), dtype.F32) {
			continue
		}
		c := op.Bench(ops.Size{N: 2, DType: dtype.F32})
		in := make([]*crease.Tensor, len(c.In))
		var alike []int // the inputs that could differ
		for i, a := range c.In {
			in[i] = crease.FromHost(a.Make(dtype.F32, r))
			if a.DType == dtype.Invalid {
				alike = append(alike, i)
			}
		}
		if len(alike) < 2 {
			continue
		}
		first, promotes := op.Promotes.First()
		for _, i := range alike {
			mixed := slices.Clone(in)
			mixed[i] = in[i].Cast(dtype.F16)
			var got []*crease.Tensor
			err := crease.Try(func() { got = crease.Apply(op, c.Attrs, mixed...) })
			if !promotes || i < first {
				var bad *ops.DTypeError
				if !errors.As(err, &bad) {
					t.Errorf("%s with input %d in f16: %v, want a DTypeError", op.Name, i, err)
				}
				refusing++
				continue
			}
			if err != nil {
				t.Errorf("%s with input %d in f16: %v", op.Name, i, err)
				continue
			}
			mixed[i] = mixed[i].Cast(dtype.F32)
			for k, want := range crease.Apply(op, c.Attrs, mixed...) {
				if w, g := want.Host(), got[k].Host(); !g.Spec.Equal(w.Spec) || !bytes.Equal(g.Data, w.Data) {
					t.Errorf("%s with input %d in f16 is %s, want %s and its bits", op.Name, i, g.Spec, w.Spec)
				}
			}
			promoting++
		}
	}
	if promoting < 30 || refusing < 50 {
		t.Errorf("%d operands were promoted and %d refused: the walk is broken", promoting, refusing)
	}
}

func TestMisuseIsATypedError(t *testing.T) {
	x := crease.Zeros([]int{2, 3})
	var shapeErr *ops.ShapeError
	err := crease.Try(func() { x.Add(crease.Zeros([]int{4})) })
	if !errors.As(err, &shapeErr) || shapeErr.Op != "add" || !strings.Contains(err.Error(), "[2 3]") {
		t.Errorf("adding shapes that do not broadcast: %v", err)
	}
	var typeErr *ops.DTypeError
	if err := crease.Try(func() { crease.Data[int64](x) }); !errors.As(err, &typeErr) {
		t.Errorf("reading f32 as int64: %v", err)
	}
	var usageErr *ops.UsageError
	y := crease.Ones([]int{2})
	y.Free()
	y.Free()
	if err := crease.Try(func() { y.Exp() }); !errors.As(err, &usageErr) || !strings.Contains(err.Error(), "freed") {
		t.Errorf("using a freed tensor: %v", err)
	}
	if err := crease.Try(func() { crease.Apply(ops.Add, nil, x, nil) }); !errors.As(err, &usageErr) {
		t.Errorf("a nil operand: %v", err)
	}
	defer func() {
		if r := recover(); r != "other" {
			t.Errorf("Try swallowed a panic that is not its own: %v", r)
		}
	}()
	_ = crease.Try(func() { panic("other") })
}

func TestRandomIsSeeded(t *testing.T) {
	draw := func(seed uint64) []float64 {
		g := crease.NewGenerator(seed)
		a := crease.Rand([]int{3}, crease.By(g)).Floats()
		b := crease.Randn([]int{5}, crease.By(g)).Floats()
		c := crease.RandInt([]int{4}, 2, 9, crease.By(g)).Floats()
		return slices.Concat(a, b, c)
	}
	if a, b := draw(7), draw(7); !slices.Equal(a, b) {
		t.Errorf("one seed gave %v and %v", a, b)
	}
	if slices.Equal(draw(7), draw(8)) {
		t.Error("two seeds gave the same numbers")
	}
	n := 20000
	x := crease.Randn([]int{n}, crease.By(crease.NewGenerator(1)))
	if m, s := x.Mean().Item(), x.Std(0).Item(); math.Abs(m) > 5/math.Sqrt(float64(n)) || math.Abs(s-1) > 0.03 {
		t.Errorf("normal numbers have mean %v and deviation %v", m, s)
	}
}

func TestTidyFreesWhatItMade(t *testing.T) {
	d, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	before := d.Memory().InUse
	var kept *crease.Tensor
	out := crease.Tidy1(func() *crease.Tensor {
		x := crease.Ones([]int{100}, crease.On(d))
		kept = x.Exp().Keep()
		return crease.Tidy1(func() *crease.Tensor { return x.Add(kept) }).MulScalar(2)
	})
	if got, want := out.Floats()[0], 2*(1+math.E); math.Abs(got-want) > 1e-5 {
		t.Errorf("the result is %v, want %v", got, want)
	}
	if math.Abs(kept.Floats()[99]-math.E) > 1e-6 {
		t.Error("a kept tensor lost its elements")
	}
	out.Free()
	kept.Free()
	if after := d.Memory().InUse; after != before {
		t.Errorf("%d bytes in use after, %d before", after, before)
	}
}
