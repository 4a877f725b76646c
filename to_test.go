package crease_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/ops"
)

// Gradients flow through To, to leaves and from results, over as many devices as it takes.
func TestToIsDifferentiable(t *testing.T) {
	here, err := crease.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu/generic", "opencl"} {
		t.Run(name, func(t *testing.T) {
			there, err := crease.Wrap(conform.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			f := func(x, w *crease.Tensor, d *crease.Device) *crease.Tensor {
				y := x.Mul(w).Tanh().To(d).Square() // a result
				y = y.Add(w.To(d))                  // a leaf, used on both devices
				return y.To(x.Device()).Mul(x).Sum()
			}
			leaf := func(v ...float32) *crease.Tensor { return crease.From(v, nil, crease.On(here)).RequireGrad() }
			x, w := leaf(0.5, -1, 2), leaf(1, 0.25, -0.5)
			f(x, w, here).Backward()
			a, b := leaf(0.5, -1, 2), leaf(1, 0.25, -0.5)
			for range 2 { // the second pass adds to the first one's gradients
				f(a, b, there).Backward()
			}
			near(t, "x", a.Grad().Floats(), x.Grad().MulScalar(2).Floats())
			near(t, "w", b.Grad().Floats(), w.Grad().MulScalar(2).Floats())
			if a.Grad().Device() != here {
				t.Errorf("the gradient is on %s", a.Grad().Device().Name())
			}
			// A leaf elsewhere, by Grad, and a second derivative.
			second := func(d *crease.Device) string {
				p := crease.From([]float32{0.3, -0.2}, nil, crease.On(d)).RequireGrad()
				g := crease.Grad([]*crease.Tensor{p.To(here).Exp().Sum()}, []*crease.Tensor{p}, crease.CreateGraph())[0]
				if g.Device() != d {
					t.Errorf("the gradient is on %s, its leaf on %s", g.Device().Name(), d.Name())
				}
				h := crease.Grad([]*crease.Tensor{g.Square().Sum()}, []*crease.Tensor{p})[0]
				return fmt.Sprintf("%.4f", h.Floats())
			}
			if got, want := second(there), second(here); got != want {
				t.Errorf("the second derivative is %s, want %s", got, want)
			}
			crease.NoGrad(func() {
				if a.To(there).RequiresGrad() {
					t.Error("NoGrad records a move")
				}
			})
			var bad *ops.GradError
			if err := crease.Try(func() { a.Mul(b).Move(there) }); !errors.As(err, &bad) {
				t.Errorf("moving a result gives %v", err)
			}
		})
	}
}
