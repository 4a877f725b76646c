package train_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
	"github.com/crease-ml/crease/train"
)

// fit is a run that fits a small network with dropout to numbers.
func fit(t testing.TB, losses *[]float64) *train.Loop {
	t.Helper()
	g := crease.NewGenerator(7)
	m := nn.NewSequential(nn.NewLinear(3, 8, crease.By(g)), nn.Tanh(), nn.NewDropout(0.1, g), nn.NewLinear(8, 1, crease.By(g)))
	return &train.Loop{
		Model: m, Optimizer: optim.NewAdamW(nn.Tensors(nn.Parameters(m)), optim.AdamConfig{LR: optim.Zero}), Rate: optim.OneCycle(0.1, 40, 0.3), Steps: 40, Every: 10,
		Batches: train.Each(func(step int) []*crease.Tensor {
			x := crease.Randn([]int{16, 3}, crease.By(crease.NewGenerator(uint64(step))))
			return []*crease.Tensor{x, x.Sum(1).Sin().Unsqueeze(1)}
		}),
		Loss:       func(in ...*crease.Tensor) *crease.Tensor { return m.Forward(in[0]).Mse(in[1]) },
		Generators: []*crease.Generator{g},
		OnStep:     func(_ int, loss float64) { *losses = append(*losses, loss) },
	}
}

func total(losses []float64) (sum float64) {
	for _, l := range losses {
		sum += l
	}
	return sum
}

// A run that stops and goes on has the losses and the evaluations of one that does
// not, eager and compiled.
func TestResumedRunsAreUnbroken(t *testing.T) {
	var whole []float64
	l := fit(t, &whole)
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(whole) != 40 || !(total(whole[30:]) < 0.6*total(whole[:10])) {
		t.Fatalf("nothing was learned: %v", whole)
	}
	for _, stop := range []int{3, 10, 39} {
		var losses []float64
		path := filepath.Join(t.TempDir(), "x.safetensors")
		a := fit(t, &losses)
		a.StopAt, a.Interrupt, a.Settings = stop, path, map[string]string{"task": "mine"}
		err := a.Run(t.Context())
		var stopped *train.Interrupted
		if !errors.As(err, &stopped) || !errors.Is(err, train.ErrInterrupted) || stopped.Step != stop || stopped.Path != path {
			t.Fatalf("stopped at %d: %v", stop, err)
		}
		f, settings, err := train.Open(path)
		if err != nil || settings["task"] != "mine" {
			t.Fatalf("%v, settings %v", err, settings)
		}
		b := fit(t, &losses)
		b.Compile = true
		if err := b.Resume(path, f); err != nil {
			t.Fatal(err)
		}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(losses, whole) || b.TrainLoss() != l.TrainLoss() {
			t.Errorf("stopped at %d, the losses are others", stop)
		}
		c := fit(t, &losses)
		c.Steps = 41
		var bad *train.CheckpointError
		if err := c.Resume(path, f); !errors.As(err, &bad) {
			t.Errorf("a run of another length: %v", err)
		}
	}
}

// scripted gives one value after the other as an evaluation.
func scripted(l *train.Loop, m train.Metric, values ...float64) {
	l.Metrics = []train.Metric{{Name: "other"}, m}
	l.Watch = m.Name
	l.Evaluate = func(context.Context) ([]train.Metric, error) {
		m.Value = values[0]
		values = values[1:]
		return []train.Metric{{Name: "other", Value: 1}, m}, nil
	}
}

func TestKeepsTheBest(t *testing.T) {
	for name, c := range map[string]struct {
		m      train.Metric
		values []float64
		step   int
	}{
		"loss":  {train.Metric{Name: "loss"}, []float64{3, 1, 2, 1}, 20},
		"share": {train.Metric{Name: "accuracy", Share: true}, []float64{0.1, 0.5, 0.9, 0.2}, 30},
	} {
		var losses []float64
		l := fit(t, &losses)
		l.Best = filepath.Join(t.TempDir(), "best.safetensors")
		scripted(l, c.m, c.values...)
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		f, _, err := train.Open(l.Best)
		if err != nil {
			t.Fatal(err)
		}
		again := fit(t, &losses)
		if err := again.Resume(l.Best, f); err != nil || again.Done() != c.step {
			t.Errorf("%s: the best is of step %d, want %d (%v)", name, again.Done(), c.step, err)
		}
		// What was best is known to a run that goes on.
		again.Best = filepath.Join(t.TempDir(), "worse.safetensors")
		scripted(again, c.m, slices.Repeat(c.values[:1], 4)...)
		if err := again.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := train.Open(again.Best); err == nil {
			t.Errorf("%s: something worse was kept", name)
		}
	}
}

// reports counts what a run shows.
type reports struct {
	start train.Start
	steps int
	list  []train.Report
}

func (r *reports) Start(s train.Start)     { r.start = s }
func (r *reports) Step(int, int, float64)  { r.steps++ }
func (r *reports) Report(rep train.Report) { r.list = append(r.list, rep) }

func TestReports(t *testing.T) {
	var losses []float64
	l, r := fit(t, &losses), &reports{}
	l.Reporter, l.Every = r, 15
	drop := l.Model.(*nn.Sequential).Layers[2].(*nn.Dropout)
	l.Evaluate = func(context.Context) ([]train.Metric, error) {
		x := crease.Ones([]int{1, 8})
		if drop.Forward(x) != x {
			t.Error("an evaluation is in training mode")
		}
		if l.Model.Forward(crease.Zeros([]int{1, 3})).RequiresGrad() {
			t.Error("an evaluation records gradients")
		}
		return nil, nil
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, rep := range r.list {
		at = append(at, rep.Step)
	}
	mean := 0.0
	for _, v := range losses[30:] {
		mean += v / 10
	}
	if !slices.Equal(at, []int{15, 30, 40}) || r.steps != 40 || r.start.Steps != 40 || r.start.Parameters != 41 || r.list[2].TrainLoss-mean > 1e-12 {
		t.Errorf("reports %+v at %v, start %+v", r.list, at, r.start)
	}
}

func TestErrorsComeBack(t *testing.T) {
	var losses []float64
	mine := errors.New("mine")
	for name, change := range map[string]func(*train.Loop){
		"evaluation": func(l *train.Loop) { l.Evaluate = func(context.Context) ([]train.Metric, error) { return nil, mine } },
		"loss":       func(l *train.Loop) { l.Loss = func(in ...*crease.Tensor) *crease.Tensor { return in[0].MatMul(in[1]) } },
		"steps":      func(l *train.Loop) { l.Steps = 0 },
		"checkpoint": func(l *train.Loop) { l.Save = filepath.Join(t.TempDir(), "no", "such", "folder") },
	} {
		l := fit(t, &losses)
		change(l)
		if err := l.Run(t.Context()); err == nil || (name == "evaluation") != errors.Is(err, mine) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := fit(t, &losses).Run(ctx); !errors.Is(err, train.ErrInterrupted) {
		t.Errorf("a cancelled run: %v", err)
	}
}

// A run whose loss is no number ends at once with exit code 1, before anything is saved over
// the last good checkpoint.
func TestDivergenceEndsTheRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	var losses []float64
	l := fit(t, &losses)
	l.Save, l.Every = path, 5
	rate := l.Rate
	l.Rate = func(step int) float64 {
		if step < 12 {
			return rate(step)
		}
		return 1e38
	}
	var good []byte
	l.OnStep = func(step int, _ float64) {
		if step == 12 {
			var err error
			if good, err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	var bad *train.DivergedError
	if err := l.Run(t.Context()); !errors.As(err, &bad) || bad.ExitCode() != 1 || bad.Kept != path || bad.Step < 13 || bad.Step > 20 {
		t.Fatalf("the run gives %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, good) {
		t.Errorf("the checkpoint was changed: %v", err)
	}
	// The weights of the last step before a report are lost, and the report finds out.
	l = fit(t, &losses)
	l.Metrics = []train.Metric{{Name: "loss"}}
	l.Evaluate = func(context.Context) ([]train.Metric, error) {
		return []train.Metric{{Name: "loss", Value: math.Inf(1)}}, nil
	}
	l.Save = filepath.Join(t.TempDir(), "y.safetensors")
	if err := l.Run(t.Context()); !errors.As(err, &bad) || bad.Kept != "" {
		t.Errorf("a metric that is infinite gives %v", err)
	}
	if _, err := os.Stat(l.Save); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a checkpoint of lost weights was written: %v", err)
	}
}

// Every bit of a checkpoint that flips is refused, or changes nothing that the file says.
func TestDamagedCheckpointsAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	var losses []float64
	l := fit(t, &losses)
	l.StopAt, l.Interrupt, l.Settings = 3, path, map[string]string{"task": "mine"}
	if err := l.Run(t.Context()); !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
	whole, _, err := train.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	harmless := 0
	for i := range 400 {
		at := rand.IntN(8 * len(good))
		if i%2 == 0 {
			at = rand.IntN(8 * 1500) // in the header
		}
		bad := slices.Clone(good)
		bad[at/8] ^= 1 << (at % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if f, _, err := train.Open(path); err == nil { // a space became other white space, say
			harmless++
			if !reflect.DeepEqual(f, whole) {
				t.Errorf("bit %d of byte %d, %q, may flip", at%8, at/8, good[at/8])
			}
		}
	}
	if harmless > 40 {
		t.Errorf("%d flips did no harm", harmless)
	}
}
