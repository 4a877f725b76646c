package crease_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Set writes in place: views see it, and what it writes is what Slice then reads.
func TestSetWritesInPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	values := make([]float32, 24)
	for i := range values {
		values[i] = r.Float32()
	}
	idx := crease.From([]int64{2, -4, 0}, nil)
	mask := crease.From([]bool{true, false, true, true}, nil)
	for name, index := range map[string][]crease.Range{
		"span": {crease.All(), crease.Span(1, 3)},
		"at":   {crease.At(-1)},
		"pick": {crease.All(), crease.Pick(idx)},
		"mask": {crease.Rest(), crease.Mask(mask)},
		"both": {crease.Span(crease.Omit, crease.Omit, -1), crease.NewAxis(), crease.Pick(idx)},
	} {
		x := crease.From(values, []int{6, 4})
		view := x.T()
		dims := x.Slice(index...).Shape()
		v := crease.Rand(dims)
		x.Set(v, index...)
		if got, want := x.Slice(index...).Floats(), v.Floats(); name != "pick" && name != "both" && !slices.Equal(got, want) {
			t.Errorf("%s: %v was written, %v is read", name, want, got)
		}
		if !slices.Equal(view.T().Floats(), x.Floats()) {
			t.Errorf("%s: a view does not see the change", name)
		}
		if y := crease.From(values, []int{6, 4}).With(v, index...); !slices.Equal(y.Floats(), x.Floats()) {
			t.Errorf("%s: With gives %v, Set %v", name, y.Floats(), x.Floats())
		}
	}
}

// Of repeated positions the last value stays, and only it has a gradient.
func TestRepeatedPositions(t *testing.T) {
	x := crease.Zeros([]int{3})
	v := crease.From([]float32{1, 2, 3, 4}, nil).RequireGrad()
	y := x.With(v, crease.Pick(crease.From([]int32{1, 0, 1, -1}, nil)))
	if got := y.Floats(); !slices.Equal(got, []float64{2, 3, 4}) {
		t.Errorf("%v", got)
	}
	y.Sum().Backward()
	if got := v.Grad().Floats(); !slices.Equal(got, []float64{0, 1, 1, 1}) {
		t.Errorf("gradient %v", got)
	}
}

func TestIndexMisuse(t *testing.T) {
	x := crease.Zeros([]int{3, 4})
	pick := func(v ...int64) crease.Range { return crease.Pick(crease.From(v, nil)) }
	for says, f := range map[string]func(){
		"outside the axis":               func() { x.Slice(pick(0, 3)) },
		"outside the axis, which has 12": func() { x.Slice(pick(0, 0), pick(0, -5)) },
		"outside the axis, which has 4":  func() { x.Slice(crease.All(), pick(-5)) },
		"must be i64 or i32":             func() { x.Slice(crease.Pick(crease.Zeros([]int{2}))) },
		"made of truth values":           func() { x.Slice(crease.Mask(crease.Zeros([]int{3}))) },
		"the mask has shape [4]":         func() { x.Slice(crease.Mask(crease.From(make([]bool, 4), nil))) },
		"for 3 axes":                     func() { x.Slice(crease.All(), pick(0), pick(0)) },
		"nil tensor":                     func() { x.Slice(crease.Pick(nil)) },
		"two Rests":                      func() { x.Slice(crease.Rest(), crease.Rest(), pick(0)) },
		"takes two vectors":              func() { x.Dot(x) },
		"scalar has no matrix product":   func() { crease.Scalar(1).MatMul(x) },
		"do not add up":                  func() { x.SplitSizes([]int{1, 1}, 0) },
		"want a number from 0 on":        func() { x.Repeat(2) },
		"beyond any buffer":              func() { x.Repeat(1<<62, 1) },
		"names 2 axes":                   func() { crease.Einsum("ij->i", crease.Zeros([]int{2, 3, 4})) },
		"which no operand has":           func() { crease.Einsum("ij->k", x) },
		"of the same letter has 3":       func() { crease.Einsum("ij,ij->ij", x, crease.Zeros([]int{4, 4})) },
		"operands are named":             func() { crease.Einsum("ij,jk", x) },
		"k is 5":                         func() { x.TopK(5, 1, true) },
		"Cast it to a float":             func() { crease.From([]int64{1}, nil).Norm(2) },
	} {
		var s *ops.ShapeError
		var d *ops.DTypeError
		var a *ops.AttrError
		err := crease.Try(f)
		if err == nil || !strings.Contains(err.Error(), says) || !errors.As(err, &s) && !errors.As(err, &d) && !errors.As(err, &a) {
			t.Errorf("want an error that says %q: %v", says, err)
		}
	}
}
