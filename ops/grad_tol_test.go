package ops

import (
	"math"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

func specsOf(dims ...[]int) []Spec {
	out := make([]Spec, len(dims))
	for i, d := range dims {
		out[i] = Spec{dtype.F32, d}
	}
	return out
}

// The depth of a gradient is the number of terms that meet in one of its elements, or
// that of the op's own sums where those are longer.
func TestGradDepth(t *testing.T) {
	for _, c := range []struct {
		op    *Op
		attrs any
		in    []Spec
		want  []int
	}{
		{Exp, nil, specsOf([]int{5, 7}), []int{1}},
		{Add, nil, specsOf([]int{4, 17}, []int{4, 1}), []int{1, 17}},
		{Mul, nil, specsOf([]int{3, 1, 5}, []int{7, 1}), []int{7, 15}},
		{MatMul, nil, specsOf([]int{50, 3}, []int{3, 20}), []int{20, 50}},
		{MatMul, nil, specsOf([]int{6, 5, 3}, []int{3, 2}), []int{3, 30}},
		{Sum, ReduceAttrs{Axes: []int{1}}, specsOf([]int{4, 9}), []int{9}},
		{Conv2d, sameConv, specsOf([]int{2, 3, 4, 4}, []int{5, 3, 3, 3}), []int{45, 32}},
		{Expand, ExpandAttrs{Shape: []int{6, 4}}, specsOf([]int{4}), []int{6}},
		{Max, nil, specsOf([]int{0, 3}, []int{3}), []int{1, 1}},
	} {
		for i, want := range c.want {
			if got := c.op.gradDepth(c.attrs, c.in, i); got != want {
				t.Errorf("%s %v, input %d: depth %d, want %d", c.op.Name, c.in, i, got, want)
			}
		}
	}
}

func TestEveryGradientHasATolerance(t *testing.T) {
	for _, op := range All() {
		if op.GradTol.ULP < op.Tol.ULP {
			t.Errorf("%s: gradients may be off by %g units, the op itself by %g", op.Name, op.GradTol.ULP, op.Tol.ULP)
		}
	}
}

func TestCheckGrad(t *testing.T) {
	in := specsOf([]int{2, 4}, []int{4})
	want := NewHost(Spec{dtype.F64, []int{4}})
	got := NewHost(in[1])
	for i := range 4 {
		want.Set(i, 8)
		got.Set(i, 8)
	}
	if err := Add.CheckGrad(hal.Info{}, nil, in, 1, got, want); err != nil {
		t.Error(err)
	}
	// 10 units for each root of the two rows, of the largest element.
	bound := Add.GradBound(hal.Info{}, dtype.F32, nil, in, 1, 8, 8)
	if share := bound / (10 * math.Sqrt2 * 8 * 0x1p-23); math.Abs(share-1) > 1e-9 {
		t.Errorf("the bound is %g times what it should be", share)
	}
	got.Set(2, 8+0.9*bound)
	if err := Add.CheckGrad(hal.Info{}, nil, in, 1, got, want); err != nil {
		t.Error(err)
	}
	got.Set(2, 8+1.2*bound)
	if err := Add.CheckGrad(hal.Info{}, nil, in, 1, got, want); err == nil || !strings.Contains(err.Error(), "gradient for input 1 of add: element 2") {
		t.Errorf("beyond the bound: %v", err)
	}
	if err := Add.CheckGrad(hal.Info{}, nil, in, 1, NewHost(in[0]), want); err == nil || !strings.Contains(err.Error(), "is f32[2 4], want f64[4]") {
		t.Errorf("another shape: %v", err)
	}
}
