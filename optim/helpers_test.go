package optim_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/optim"
)

// leaves are two parameters with random gradients, and the gradients as one list.
func leaves(t *testing.T, r *rand.Rand) (params []*crease.Tensor, grads []float64) {
	t.Helper()
	for _, n := range []int{3, 5} {
		p := crease.Zeros([]int{n}, crease.RequireGrad())
		g := make([]float32, n)
		for i := range g {
			g[i] = float32(r.NormFloat64() * 3)
			grads = append(grads, float64(g[i]))
		}
		p.Mul(crease.From(g, nil)).Sum().Backward()
		params = append(params, p)
	}
	return params, grads
}

func gradsOf(params []*crease.Tensor) (all []float64) {
	for _, p := range params {
		all = append(all, p.Grad().Floats()...)
	}
	return all
}

func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1e-5*math.Max(1, math.Abs(y)) })
}

func TestClipGradNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, limit := range []float64{0.5, 4, 1e6} {
		for _, p := range []float64{1, 2, math.Inf(1)} {
			params, g := leaves(t, r)
			norm := 0.0
			for _, v := range g {
				if math.IsInf(p, 1) {
					norm = math.Max(norm, math.Abs(v))
				} else {
					norm += math.Pow(math.Abs(v), p)
				}
			}
			if !math.IsInf(p, 1) {
				norm = math.Pow(norm, 1/p)
			}
			scale := math.Min(1, limit/(norm+1e-6))
			for i := range g {
				g[i] *= scale
			}
			got := optim.ClipGradNorm(params, limit, p).Item()
			if !near([]float64{got}, []float64{norm}) || !near(gradsOf(params), g) {
				t.Errorf("p %v, limit %v: norm %v, want %v; gradients %v, want %v", p, limit, got, norm, gradsOf(params), g)
			}
		}
	}
	params, g := leaves(t, r)
	optim.ClipGradValue(params, 1.5)
	for i := range g {
		g[i] = math.Min(math.Max(g[i], -1.5), 1.5)
	}
	if !near(gradsOf(params), g) {
		t.Errorf("gradients limited to 1.5: %v, want %v", gradsOf(params), g)
	}
	half := crease.Zeros([]int{2}, crease.As(dtype.F16), crease.RequireGrad())
	half.Mul(crease.From([]float32{3e4, 4e4}, nil, crease.As(dtype.F16))).Sum().Backward()
	if norm := optim.ClipGradNorm([]*crease.Tensor{half}, 1, 2).Item(); math.Abs(norm-5e4) > 50 {
		t.Errorf("the norm of 16-bit gradients is %v, want 50000", norm)
	}
	var none *ops.GradError
	if err := crease.Try(func() { optim.ClipGradNorm([]*crease.Tensor{crease.Zeros([]int{1}, crease.RequireGrad())}, 1, 2) }); !errors.As(err, &none) {
		t.Errorf("without gradients: %v", err)
	}
}

// Clipping and averages inside a compiled step do what they do outside.
func TestHelpersCompiled(t *testing.T) {
	run := func(compiled bool) (out []float64) {
		w := crease.From([]float32{9, 7}, nil).RequireGrad()
		params := []*crease.Tensor{w}
		o, ema := optim.NewSGD(params, optim.SGDConfig{LR: 0.1}), optim.NewEMA(params, 0.9)
		step := func(...*crease.Tensor) []*crease.Tensor {
			bowl(w).Backward()
			norm := optim.ClipGradNorm(params, 2, 2)
			optim.ClipGradValue(params, 1.2)
			o.Step()
			o.ZeroGrad()
			ema.Update()
			return []*crease.Tensor{norm}
		}
		if compiled {
			step = crease.Compile(step).Call
		}
		for range 5 {
			out = append(out, step()[0].Item())
		}
		return append(append(out, w.Floats()...), ema.Averages()[0].Floats()...)
	}
	if a, b := run(false), run(true); !slices.Equal(a, b) {
		t.Errorf("eager %v, compiled %v", a, b)
	}
}

func TestGroups(t *testing.T) {
	a, b := crease.Zeros([]int{2}, crease.RequireGrad()), crease.Zeros([]int{2}, crease.RequireGrad())
	first, second := optim.NewSGD([]*crease.Tensor{a}, optim.SGDConfig{LR: 1}), optim.NewAdam([]*crease.Tensor{b}, optim.AdamConfig{LR: 1})
	g := optim.NewGroups(optim.Group{Optimizer: first}, optim.Group{Optimizer: second, Scale: 10})
	g.SetLR(0.01)
	a.Sum().Add(b.Sum()).Backward()
	g.Step()
	g.ZeroGrad()
	if a.Grad() != nil || b.Grad() != nil {
		t.Error("gradients are left")
	}
	if !near(a.Floats(), []float64{-0.01, -0.01}) || !near(b.Floats(), []float64{-0.1, -0.1}) {
		t.Errorf("after a step: %v and %v", a.Floats(), b.Floats())
	}
	names := map[string]bool{}
	for _, s := range g.State() {
		names[s.Name] = true
	}
	if !names["0.lr"] || !names["1.m.0"] || len(names) != len(first.State())+len(second.State()) {
		t.Errorf("state %v", names)
	}
	err := crease.Try(func() {
		optim.NewGroups(optim.Group{Optimizer: first}, optim.Group{Optimizer: optim.NewSGD([]*crease.Tensor{b, a}, optim.SGDConfig{LR: 1})})
	})
	if err == nil || !strings.Contains(err.Error(), "group 0 and in group 1") {
		t.Errorf("a parameter in two groups: %v", err)
	}
}

// Several small batches make the step that one large batch makes.
func TestAccumulator(t *testing.T) {
	x := crease.Randn([]int{12, 2})
	train := func(batches int) []float64 {
		w := crease.Zeros([]int{2}, crease.RequireGrad())
		params := []*crease.Tensor{w}
		acc := optim.NewAccumulator(optim.NewSGD(params, optim.SGDConfig{LR: 0.1}), params, batches)
		for _, part := range x.Chunk(batches, 0) {
			part.MatMul(w).AddScalar(-1).Square().Mean().Backward()
			stepped := acc.Step()
			if stepped != (w.Grad() == nil) {
				t.Errorf("stepped %v, gradient %v", stepped, w.Grad())
			}
		}
		return w.Floats()
	}
	whole := train(1)
	for _, n := range []int{2, 3, 6} {
		if got := train(n); !near(got, whole) {
			t.Errorf("%d batches: %v, one: %v", n, got, whole)
		}
	}
	w := crease.Zeros([]int{2}, crease.RequireGrad())
	params := []*crease.Tensor{w}
	acc := optim.NewAccumulator(optim.NewSGD(params, optim.SGDConfig{LR: 0.1}), params, 5)
	for range 2 {
		w.Sum().Backward()
		acc.Step()
	}
	acc.Flush()
	if !near(w.Floats(), []float64{-0.1, -0.1}) {
		t.Errorf("a step cut short: %v", w.Floats())
	}
}

func TestEMA(t *testing.T) {
	w := crease.From([]float32{1, 2}, nil).RequireGrad()
	e := optim.NewEMA([]*crease.Tensor{w}, 0.75)
	w.Assign(crease.From([]float32{5, -2}, nil))
	e.Update()
	e.With(func() {
		if !near(w.Floats(), []float64{2, 1}) {
			t.Errorf("inside With the parameter is %v", w.Floats())
		}
	})
	if !near(w.Floats(), []float64{5, -2}) || !near(e.Averages()[0].Floats(), []float64{2, 1}) || len(e.State()) != 1 {
		t.Errorf("after With: %v, averages %v", w.Floats(), e.Averages()[0].Floats())
	}
}
