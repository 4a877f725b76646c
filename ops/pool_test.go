package ops

import (
	"math"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

func TestMaxPool2dByHand(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	x, err := HostOf([]int{1, 1, 3, 4}, []float64{
		1, 5, 5, -inf,
		7, 2, nan, -inf,
		-inf, -inf, 3, 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	out := refOf(t, MaxPool2d, PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{1, 1}}, x)
	wantIndex := []int64{4, 6, 6, 4, 6, 6}
	for i, at := range wantIndex {
		if got := out[1].Int(i); got != at {
			t.Errorf("index[%d] = %d, want %d", i, got, at)
		}
		if got, want := out[0].At(i), x.At(int(at)); got != want && !math.IsNaN(want) {
			t.Errorf("y[%d] = %g, want %g", i, got, want)
		}
	}

	// Padding never wins, even against -Inf; of equals the first wins.
	low, err := HostOf([]int{1, 1, 2, 2}, []float64{-inf, -inf, -inf, -inf})
	if err != nil {
		t.Fatal(err)
	}
	out = refOf(t, MaxPool2d, PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}, low)
	for i := range 4 {
		if got := out[1].Int(i); got != int64(i) {
			t.Errorf("padded index[%d] = %d, want %d", i, got, i)
		}
	}
}

func TestMaxPool2dGradRefusesIndex(t *testing.T) {
	d := ramp(t, 1, 1, 1, 1, 1, 1)
	idx := NewHost(Spec{dtype.I64, []int{1, 1, 1, 1}})
	idx.SetInt(0, 4)
	defer func() {
		err, ok := recover().(*AttrError)
		if !ok || !strings.Contains(err.Error(), "4 at element 0") {
			t.Errorf("index outside of the plane: %v", err)
		}
	}()
	attrs := PoolGradAttrs{PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{1, 1}}, []int{1, 1, 2, 2}}
	refOf(t, MaxPool2dGrad, attrs, d, idx)
}

func TestAvgPool2dByHand(t *testing.T) {
	x := ramp(t, 1, 1, 1, 1, 2, 3)
	a := PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{1, 2}, Pad: [4]int{1, 0, 0, 1}}
	wantValues(t, "y", refOf(t, AvgPool2d, a, x)[0], 3./4, 3./4, 12./4, 9./4)
	d := ramp(t, 4, 4, 1, 1, 2, 2)
	wantValues(t, "dx", refOf(t, AvgPool2dGrad, PoolGradAttrs{a, []int{1, 1, 2, 3}}, d)[0],
		1+3, 1+3, 2+4, 3, 3, 4)
	wantValues(t, "global", refOf(t, GlobalAvgPool2d, nil, x)[0], 3.5)
}

func TestPoolRefuses(t *testing.T) {
	x := []Spec{{dtype.F32, []int{1, 1, 3, 3}}}
	for rule, a := range map[string]PoolAttrs{
		"smaller than the window": {Size: [2]int{2, 2}, Stride: [2]int{1, 1}, Pad: [4]int{2, 0, 0, 0}},
		"stride is 0":             {Size: [2]int{2, 2}},
		"spans 4 elements":        {Size: [2]int{4, 1}, Stride: [2]int{1, 1}},
		"at least 1":              {Size: [2]int{0, 1}, Stride: [2]int{1, 1}},
	} {
		if _, err := MaxPool2d.Specs(a, x); err == nil || !strings.Contains(err.Error(), rule) {
			t.Errorf("error %v does not say %q", err, rule)
		}
	}
}
