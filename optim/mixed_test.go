package optim_test

import (
	"math"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/optim"
)

func sgd(lr float64) func([]*crease.Tensor) optim.Optimizer {
	return func(p []*crease.Tensor) optim.Optimizer { return optim.NewSGD(p, optim.SGDConfig{LR: lr}) }
}

// Moves too small for 16 bits add up in the copies, eager and compiled.
func TestMastersKeepSmallMoves(t *testing.T) {
	for _, compiled := range []bool{false, true} {
		w := crease.Ones([]int{3}, crease.As(dtype.BF16)).RequireGrad()
		plain := crease.Ones([]int{3}, crease.As(dtype.BF16)).RequireGrad()
		mixed, alone := optim.NewMixed([]*crease.Tensor{w}, optim.MixedConfig{}, sgd(1e-4)), sgd(1e-4)([]*crease.Tensor{plain})
		step := func(...*crease.Tensor) []*crease.Tensor {
			w.Sum().Add(plain.Sum()).Backward()
			for _, o := range []optim.Optimizer{mixed, alone} {
				o.Step()
				o.ZeroGrad()
			}
			return nil
		}
		if compiled {
			step = crease.Compile(step).Call
		}
		for range 200 {
			step()
		}
		if got := w.Floats()[0]; math.Abs(got-0.98) > 0.004 {
			t.Errorf("compiled %v: 200 moves of 1e-4 come to %v", compiled, got)
		}
		if plain.Floats()[0] != 1 {
			t.Error("bf16 holds the moves by itself: this tests nothing")
		}
	}
}

// Of f32, Mixed is its optimiser.
func TestMixedOfWideParameters(t *testing.T) {
	run := func(of func(p []*crease.Tensor) optim.Optimizer) []float64 {
		w := crease.From([]float32{3, -1}, nil).RequireGrad()
		o := of([]*crease.Tensor{w})
		for range 5 {
			bowl(w).Backward()
			o.Step()
			o.ZeroGrad()
		}
		return w.Floats()
	}
	adam := func(p []*crease.Tensor) optim.Optimizer { return optim.NewAdamW(p, optim.AdamConfig{LR: 0.1}) }
	mixed := func(p []*crease.Tensor) optim.Optimizer { return optim.NewMixed(p, optim.MixedConfig{}, adam) }
	if a, b := run(adam), run(mixed); !slices.Equal(a, b) {
		t.Errorf("%v by itself, %v mixed", a, b)
	}
}

// Losses are scaled so that small gradients survive f16; steps that overflow are left
// out, and the scale finds its place.
func TestLossScale(t *testing.T) {
	w := crease.Ones([]int{2}, crease.As(dtype.F16)).RequireGrad()
	o := optim.NewMixed([]*crease.Tensor{w}, optim.MixedConfig{Scale: 1 << 18, Growth: 3}, sgd(1e5))
	x := crease.From([]float32{1e-8, 1}, nil, crease.As(dtype.F32))
	step := func(lr float64) {
		o.SetLR(lr)
		// The product is in f32; its gradient is rounded to f16 on the way to w.
		o.Scaled(w.Cast(dtype.F32).Mul(x).Sum()).Backward()
		o.Step()
		o.ZeroGrad()
	}
	var scales []float64
	for range 3 {
		step(0)
		scales = append(scales, o.Scale())
	}
	if w.Floats()[0] != 1 || !slices.Equal(scales, []float64{1 << 17, 1 << 16, 1 << 15}) {
		t.Fatalf("scales %v, parameters %v", scales, w.Floats())
	}
	step(1e5) // the gradient of 1e-8 is below what f16 has, times the scale it is not
	if got := w.Floats()[0]; math.Abs(got-(1-1e-3)) > 2e-4 {
		t.Errorf("after a step it is %v", got)
	}
	step(0)
	step(0)
	if o.Scale() != 1<<16 {
		t.Errorf("three good steps leave a scale of %v", o.Scale())
	}
	names := map[string]bool{}
	for _, s := range o.State() {
		names[s.Name] = true
	}
	for _, n := range []string{"momentum.0", "lr", "master.0", "loss_scale", "loss_scale_steps"} {
		if !names[n] {
			t.Errorf("the state has no %s", n)
		}
	}
}
