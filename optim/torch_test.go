package optim_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/optim"
)

func fixture(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/torch/" + name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The optimisers make of the same parameters and gradients what PyTorch makes of
// them, and Lion and LAMB what their papers say (testdata/torch/make.py); eager
// and compiled, in f32 and f64.
func TestOptimizersAgreeWithPyTorch(t *testing.T) {
	var f struct {
		Shapes  map[string][]int
		Start   map[string][]float64
		Grads   []map[string][]float64
		Rates   []float64
		Results map[string]map[string][]float64
	}
	fixture(t, "optimizers.json", &f)
	made := map[string]func(p []*crease.Tensor) optim.Optimizer{
		"rmsprop": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewRMSprop(p, optim.RMSpropConfig{LR: optim.Zero, Alpha: 0.9})
		},
		"rmsprop_all": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewRMSprop(p, optim.RMSpropConfig{LR: optim.Zero, Alpha: 0.95, Momentum: 0.8, Centered: true, WeightDecay: 0.1})
		},
		"adagrad": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewAdagrad(p, optim.AdagradConfig{LR: optim.Zero})
		},
		"adagrad_all": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewAdagrad(p, optim.AdagradConfig{LR: optim.Zero, LRDecay: 0.1, WeightDecay: 0.1, Initial: 0.3})
		},
		"adadelta": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewAdadelta(p, optim.AdadeltaConfig{LR: optim.Zero})
		},
		"adadelta_all": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewAdadelta(p, optim.AdadeltaConfig{LR: optim.Zero, Rho: 0.8, Eps: 1e-4, WeightDecay: 0.1})
		},
		"muon": func(p []*crease.Tensor) optim.Optimizer { return optim.NewMuon(p, optim.MuonConfig{LR: optim.Zero}) },
		"muon_all": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewMuon(p, optim.MuonConfig{LR: optim.Zero, Momentum: 0.9, Plain: true, WeightDecay: 0.2})
		},
		"lion": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewLion(p, optim.LionConfig{LR: optim.Zero, WeightDecay: 0.2})
		},
		"lamb": func(p []*crease.Tensor) optim.Optimizer {
			return optim.NewLAMB(p, optim.AdamConfig{LR: optim.Zero, WeightDecay: 0.1})
		},
	}
	for name, want := range f.Results {
		for _, wide := range []dtype.Type{dtype.F32, dtype.F64} {
			for _, compiled := range []bool{false, true} {
				var names []string
				var params []*crease.Tensor
				for n := range want {
					names = append(names, n)
					params = append(params, crease.From(f.Start[n], f.Shapes[n], crease.As(wide)).RequireGrad())
				}
				o := made[name](params)
				step := func(grads ...*crease.Tensor) []*crease.Tensor {
					loss := crease.Scalar(0, crease.As(wide))
					for i, p := range params {
						loss = loss.Add(p.Mul(grads[i]).Sum())
					}
					loss.Backward()
					o.Step()
					o.ZeroGrad()
					return nil
				}
				if compiled {
					step = crease.Compile(step).Call
				}
				for k, g := range f.Grads {
					var grads []*crease.Tensor
					for _, n := range names {
						grads = append(grads, crease.From(g[n], f.Shapes[n], crease.As(wide)))
					}
					o.SetLR(f.Rates[k])
					step(grads...)
				}
				for i, n := range names {
					for k, got := range params[i].Floats() {
						if math.Abs(got-want[n][k]) > 2e-5 {
							t.Errorf("%s in %s, compiled %v: element %d of %s is %v, want %v", name, wide, compiled, k, n, got, want[n][k])
							break
						}
					}
				}
			}
		}
	}
}

func TestSchedulesAgreeWithPyTorch(t *testing.T) {
	var f struct {
		Rates           map[string][]float64
		Metric, Plateau []float64
	}
	fixture(t, "schedules.json", &f)
	made := map[string]optim.Schedule{
		"stair": optim.Stair(0.4, 0.3, 7), "milestones": optim.Milestones(0.4, 0.5, 4, 11, 12), "exponential": optim.Exponential(0.4, 0.9),
		"linear": optim.Linear(0.1, 0.3, 20), "polynomial": optim.Polynomial(0.4, 2, 25), "cosine": optim.Cosine(0.4, 0.04, 30, 0),
		"one_cycle": optim.OneCycle(0.4, 30, 0.3), "after": optim.After(optim.Linear(0.2, 0.4, 8), 8, optim.Exponential(0.4, 0.8)),
		"times": optim.Times(optim.Stair(0.4, 0.5, 5), optim.Exponential(1, 0.95)),
	}
	for name, want := range f.Rates {
		for k, w := range want {
			if got := made[name](k); math.Abs(got-w) > 1e-7 {
				t.Errorf("%s: the rate of step %d is %v, want %v", name, k, got, w)
				break
			}
		}
	}
	p := optim.NewPlateau(0.4, 0.5, 2)
	p.Cooldown, p.Least = 1, 0.06
	for k, m := range f.Metric {
		p.Report(m)
		if got := p.Rate(0); math.Abs(got-f.Plateau[k]) > 1e-12 {
			t.Errorf("after report %d of a plateau the rate is %v, want %v", k, got, f.Plateau[k])
		}
	}
	w := optim.Warmup(optim.Constant(2), 4)
	for k, want := range []float64{0.5, 1, 1.5, 2, 2} {
		if w(k) != want {
			t.Errorf("step %d of a warm-up has rate %v, want %v", k, w(k), want)
		}
	}
}

func TestMuonIsForMatrices(t *testing.T) {
	var bad *ops.ShapeError
	if err := crease.Try(func() { optim.NewMuon([]*crease.Tensor{crease.Ones([]int{2})}, optim.MuonConfig{LR: 1}) }); !errors.As(err, &bad) {
		t.Errorf("Muon took a vector: %v", err)
	}
}
