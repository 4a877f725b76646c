package newop

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
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
