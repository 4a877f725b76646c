package optim_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/optim"
)

// bowl is a loss with its minimum 0 at (1, -2).
func bowl(w *crease.Tensor) *crease.Tensor {
	return w.Sub(crease.From([]float32{1, -2}, nil)).Mul(crease.From([]float32{1, 3}, nil)).Square().Sum()
}

func optimizers(w *crease.Tensor) map[string]optim.Optimizer {
	p := []*crease.Tensor{w}
	return map[string]optim.Optimizer{
		"sgd":      optim.NewSGD(p, optim.SGDConfig{LR: 0.05}),
		"momentum": optim.NewSGD(p, optim.SGDConfig{LR: 0.01, Momentum: 0.9}),
		"nesterov": optim.NewSGD(p, optim.SGDConfig{LR: 0.01, Momentum: 0.9, Nesterov: true}),
		"adam":     optim.NewAdam(p, optim.AdamConfig{LR: 0.1}),
		"adamw":    optim.NewAdamW(p, optim.AdamConfig{LR: 0.1, WeightDecay: 1e-4}),
	}
}

func TestOptimizersReachTheMinimum(t *testing.T) {
	for name := range optimizers(crease.Zeros([]int{2})) {
		w := crease.Zeros([]int{2}, crease.RequireGrad())
		o := optimizers(w)[name]
		rate := optim.Cosine(1, 0.01, 300, 0)
		base := map[string]float64{"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "adam": 0.1, "adamw": 0.1}[name]
		for step := range 300 {
			o.SetLR(base * rate(step))
			bowl(w).Backward()
			o.Step()
			o.ZeroGrad()
		}
		if got := w.Floats(); math.Abs(got[0]-1) > 0.02 || math.Abs(got[1]+2) > 0.02 {
			t.Errorf("%s stopped at %v", name, got)
		}
	}
}

func TestCompiledStepFollowsTheSchedule(t *testing.T) {
	run := func(compiled bool) []float64 {
		w := crease.Zeros([]int{2}, crease.RequireGrad())
		o := optim.NewAdamW([]*crease.Tensor{w}, optim.AdamConfig{LR: optim.Zero, WeightDecay: 0.1})
		step := func(...*crease.Tensor) []*crease.Tensor {
			bowl(w).Backward()
			o.Step()
			o.ZeroGrad()
			return nil
		}
		if compiled {
			step = crease.Compile(step).Call
		}
		rate := optim.OneCycle(0.1, 20, 0.3)
		for i := range 20 {
			o.SetLR(rate(i))
			step()
		}
		out := w.Floats()
		for _, s := range o.State() {
			out = append(out, s.Tensor.Floats()...)
		}
		return out
	}
	if a, b := run(false), run(true); !slices.Equal(a, b) {
		t.Errorf("eager state %v, compiled %v", a, b)
	}
}

func TestStepWithoutGradient(t *testing.T) {
	w := crease.Zeros([]int{2}, crease.RequireGrad())
	o := optim.NewSGD([]*crease.Tensor{w}, optim.SGDConfig{LR: 1})
	var gradErr *ops.GradError
	if err := crease.Try(o.Step); !errors.As(err, &gradErr) {
		t.Errorf("a step without gradients: %v", err)
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"cosine warm-up", optim.Cosine(1, 0, 10, 4)(1), 0.5},
		{"cosine top", optim.Cosine(1, 0, 10, 4)(4), 1},
		{"cosine end", optim.Cosine(1, 0.1, 10, 4)(9), 0.1},
		{"one cycle start", optim.OneCycle(1, 100, 0.3)(0), 0.04},
		{"one cycle top", optim.OneCycle(1, 100, 0.3)(29), 1},
		{"one cycle end", optim.OneCycle(1, 100, 0.3)(99), 1 / 25e4},
		{"one cycle of one step", optim.OneCycle(1, 1, 0.3)(0), 1},
		{"constant", optim.Constant(0.3)(7), 0.3},
	} {
		if math.IsNaN(c.got) || math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// PyTorch's momentum begins as the first gradient, undamped.
func TestFirstStepIsNotDamped(t *testing.T) {
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		dev, err := crease.Wrap(conform.Open(t, name))
		if err != nil {
			t.Fatal(err)
		}
		w := crease.From([]float32{1}, nil, crease.On(dev)).RequireGrad()
		o := optim.NewSGD([]*crease.Tensor{w}, optim.SGDConfig{LR: 1, Momentum: 0.9, Dampening: 0.5})
		for _, want := range []float64{0, -1.4} { // torch.optim.SGD
			w.Sum().Backward()
			o.Step()
			o.ZeroGrad()
			if got := w.Item(); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}

// A rate of 0 is meant or refused, others that are no rates always are.
func TestLearningRates(t *testing.T) {
	w := crease.Ones([]int{2}).RequireGrad()
	p := []*crease.Tensor{w}
	for _, lr := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		for name, f := range map[string]func(){
			"sgd": func() { optim.NewSGD(p, optim.SGDConfig{LR: lr}) }, "adam": func() { optim.NewAdam(p, optim.AdamConfig{LR: lr}) },
			"set": func() { optim.NewAdam(p, optim.AdamConfig{LR: 1}).SetLR(lr) },
		} {
			var bad *ops.AttrError
			if err := crease.Try(f); errors.As(err, &bad) == (name == "set" && lr == 0) {
				t.Errorf("%s with rate %v: %v", name, lr, err)
			}
		}
	}
	o := optim.NewSGD(p, optim.SGDConfig{LR: optim.Zero})
	w.Sum().Backward()
	o.Step()
	if w.Floats()[0] != 1 {
		t.Errorf("a step with rate 0 gives %v", w)
	}
}

// A frozen parameter is an error that says which, or skipped by choice.
func TestFrozenParameters(t *testing.T) {
	w, frozen := crease.Ones([]int{2}).RequireGrad(), crease.Ones([]int{2})
	step := func(skip bool) error {
		o := optim.NewAdamW([]*crease.Tensor{w, frozen}, optim.AdamConfig{LR: 1, WeightDecay: 0.1, SkipFrozen: skip})
		w.Sum().Backward()
		defer o.ZeroGrad()
		return crease.Try(o.Step)
	}
	var bad *ops.GradError
	if err := step(false); !errors.As(err, &bad) {
		t.Errorf("a frozen parameter gives %v", err)
	}
	if err := step(true); err != nil || frozen.Floats()[0] != 1 {
		t.Errorf("skipped: %v, %v", err, frozen)
	}
}

// The first step of Adam goes by the rate along the sign of the gradient, whatever its size.
// Adam adds the decay to the gradient, where it may turn the sign; AdamW shrinks the
// parameter by it and takes the step of the gradient alone (Loshchilov, Hutter 2019).
func TestDecayIsDecoupled(t *testing.T) {
	const rate, decay = 0.1, 0.5
	for _, compiled := range []bool{false, true} {
		for name, c := range map[string]struct {
			made func([]*crease.Tensor, optim.AdamConfig) *optim.Adam
			want func(p, g float64) float64
		}{
			"Adam": {optim.NewAdam, func(p, g float64) float64 {
				return p - rate*math.Copysign(1, g+decay*p)
			}},
			"AdamW": {optim.NewAdamW, func(p, g float64) float64 {
				return p*(1-rate*decay) - rate*math.Copysign(1, g)
			}},
		} {
			start, slope := []float64{2, 2, -3, 4}, []float64{0.25, -0.25, 1, -3}
			w := crease.From(start, nil).RequireGrad()
			o := c.made([]*crease.Tensor{w}, optim.AdamConfig{LR: rate, WeightDecay: decay})
			step := func(g ...*crease.Tensor) []*crease.Tensor {
				w.Mul(g[0]).Sum().Backward()
				o.Step()
				o.ZeroGrad()
				return nil
			}
			if compiled {
				step = crease.Compile(step).Call
			}
			step(crease.From(slope, nil))
			for i, got := range w.Floats() {
				if want := c.want(start[i], slope[i]); math.Abs(got-want) > 1e-5 {
					t.Errorf("%s (compiled %v) made %v of %v, want %v", name, compiled, got, start[i], want)
				}
			}
		}
	}
}

// Values of the schedules worked out by hand, at their ends and beyond.
func TestSchedulesAtTheirEnds(t *testing.T) {
	half := func(int) float64 { return 0.5 }
	for what, c := range map[string]struct {
		s    optim.Schedule
		want map[int]float64
	}{
		"stair":        {optim.Stair(8, 0.5, 2), map[int]float64{0: 8, 1: 8, 2: 4, 3: 4, 4: 2}},
		"milestones":   {optim.Milestones(8, 0.5, 1, 3), map[int]float64{0: 8, 1: 4, 2: 4, 3: 2, 9: 2}},
		"linear":       {optim.Linear(1, 3, 4), map[int]float64{0: 1, 1: 1.5, 4: 3, 5: 3}},
		"no steps":     {optim.Linear(1, 3, 0), map[int]float64{0: 1, 1: 3}},
		"polynomial":   {optim.Polynomial(8, 3, 4), map[int]float64{0: 8, 2: 1, 4: 0, 5: 0}},
		"polynomial 1": {optim.Polynomial(8, 1, 4), map[int]float64{0: 8, 1: 6, 4: 0, 5: 0}},
		"warmup":       {optim.Warmup(half, 4), map[int]float64{0: 0.125, 1: 0.25, 3: 0.5, 4: 0.5, 9: 0.5}},
		"after":        {optim.After(half, 2, optim.Linear(1, 3, 4)), map[int]float64{0: 0.5, 1: 0.5, 2: 1, 3: 1.5}},
		"times":        {optim.Times(half, half, optim.Stair(8, 0.5, 1)), map[int]float64{0: 2, 1: 1}},
	} {
		for step, want := range c.want {
			if got := c.s(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s at step %d is %v, want %v", what, step, got, want)
			}
		}
	}
}

// What is left at zero stands for PyTorch's default, and what is given is used.
func TestDefaults(t *testing.T) {
	run := func(made func([]*crease.Tensor) optim.Optimizer) []float64 {
		w := crease.From([]float64{1, -2, 3}, nil).RequireGrad()
		o := made([]*crease.Tensor{w})
		for range 4 {
			w.Mul(w).Mul(crease.From([]float64{1e-4, 1, 3}, nil)).Sum().Backward()
			o.Step()
			o.ZeroGrad()
		}
		return w.Floats()
	}
	adam := func(b1, b2, eps float64) []float64 {
		return run(func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewAdam(p, optim.AdamConfig{LR: 0.1, Beta1: b1, Beta2: b2, Eps: eps})
		})
	}
	lamb := func(b1, b2, eps float64) []float64 {
		return run(func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewLAMB(p, optim.AdamConfig{LR: 0.1, Beta1: b1, Beta2: b2, Eps: eps})
		})
	}
	rms := func(alpha, eps float64) []float64 {
		return run(func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewRMSprop(p, optim.RMSpropConfig{LR: 0.1, Alpha: alpha, Eps: eps})
		})
	}
	for what, c := range map[string]struct {
		zero, usual []float64
		others      [][]float64
	}{
		"Adam":    {adam(0, 0, 0), adam(0.9, 0.999, 1e-8), [][]float64{adam(0.5, 0, 0), adam(0, 0.5, 0), adam(0, 0, 1e-3)}},
		"LAMB":    {lamb(0, 0, 0), lamb(0.9, 0.999, 1e-6), [][]float64{lamb(0.5, 0, 0), lamb(0, 0.5, 0), lamb(0, 0, 1e-2)}},
		"RMSprop": {rms(0, 0), rms(0.99, 1e-8), [][]float64{rms(0.5, 0), rms(0, 1e-3)}},
	} {
		if !slices.Equal(c.zero, c.usual) {
			t.Errorf("%s by default is at %v, with the usual values at %v", what, c.zero, c.usual)
		}
		for i, other := range c.others {
			if slices.Equal(other, c.usual) {
				t.Errorf("%s does not look at setting %d", what, i)
			}
		}
	}
}

// A parameter without a gradient is passed over, and those after it are not.
func TestParametersWithoutGradient(t *testing.T) {
	a, idle, b := crease.From([]float64{1}, nil).RequireGrad(), crease.From([]float64{1}, nil).RequireGrad(), crease.From([]float64{1}, nil).RequireGrad()
	o := optim.NewSGD([]*crease.Tensor{a, idle, b}, optim.SGDConfig{LR: 0.5, SkipFrozen: true})
	a.Add(b).Sum().Backward()
	o.Step()
	for i, p := range []*crease.Tensor{a, idle, b} {
		if got, want := p.Floats()[0], []float64{0.5, 1, 0.5}[i]; got != want {
			t.Errorf("parameter %d is %v, want %v", i, got, want)
		}
	}
}
