package newop

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
)

// The guide shows this very file.
func TestTheGuideShowsTheFile(t *testing.T) {
	guide, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("softsign.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(guide), string(file)) {
		t.Error("CONTRIBUTING.md does not show examples/newop/softsign.go as it is")
	}
}

func TestSoftsign(t *testing.T) {
	old := exec.SetFallback(exec.KernelsOnly) // the row alone gives the kernel
	defer exec.SetFallback(old)
	x := crease.From([]float32{-3, 0.5, 4}, nil).RequireGrad()
	y := crease.Apply(Softsign, nil, x)[0]
	y.Sum().Backward()
	for i, v := range x.Floats() {
		want, slope := v/(1+math.Abs(v)), 1/((1+math.Abs(v))*(1+math.Abs(v)))
		if got := y.Floats()[i]; math.Abs(got-want) > 1e-6 {
			t.Errorf("softsign(%v) is %v, want %v", v, got, want)
		}
		if got := x.Grad().Floats()[i]; math.Abs(got-slope) > 1e-6 {
			t.Errorf("the slope at %v is %v, want %v", v, got, slope)
		}
	}
}

// The row has its benchmark and its place in the table without saying more.
func TestSoftsignIsMeasured(t *testing.T) {
	d, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := bench.Measure(t.Context(), d.Engine(), Softsign, 16, dtype.F32, bench.Options{Samples: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Three operations for each of 16×16 elements, of which one array is read and one written.
	if flops := r.GFlops * r.Median * 1e9; r.Op != "softsign" || math.Abs(flops-3*256) > 1e-6 {
		t.Errorf("measured %s with %v operations", r.Op, flops)
	}
	if bytes := r.GBytes * r.Median * 1e9; math.Abs(bytes-2*256*4) > 1e-6 {
		t.Errorf("measured %v bytes", bytes)
	}
}
