package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/exec"
	loop "github.com/crease-ml/crease/train"
)

// silent shows nothing.
type silent struct{}

func (silent) Start(loop.Start)       {}
func (silent) Step(int, int, float64) {}
func (silent) Report(loop.Report)     {}

func options(t *testing.T, device string) Options {
	t.Helper()
	d, err := crease.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Task: Uncrumple, Device: d, Reporter: silent{}, Settings: Settings{Steps: 40, Batch: 256}}
}

// curve runs and returns the loss of every step.
func curve(t *testing.T, o Options) (losses []float64, res *Result) {
	t.Helper()
	o.OnStep = func(_ int, loss float64) { losses = append(losses, loss) }
	res, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return losses, res
}

func same(t *testing.T, name string, a, b *Result) {
	t.Helper()
	if a.TestLoss != b.TestLoss || a.TrainLoss != b.TrainLoss || a.TestAccuracy != b.TestAccuracy || !slices.Equal(a.ProbeAccuracy, b.ProbeAccuracy) {
		t.Errorf("%s: results %+v and %+v", name, a, b)
	}
}

func TestModesAndThreadsGiveTheSameBits(t *testing.T) {
	defer exec.SetFallback(exec.SetFallback(exec.KernelsOnly)) // and without any fallback
	first, res := curve(t, options(t, "cpu@threads=1"))
	if len(first) != 40 || !(first[39] < first[0]) {
		t.Fatalf("losses %v", first)
	}
	for name, change := range map[string]func(*Options){
		"graph":     func(o *Options) { o.Graph = true },
		"2 threads": func(o *Options) { o.Device = options(t, "cpu@threads=2").Device },
	} {
		o := options(t, "cpu@threads=1")
		change(&o)
		losses, other := curve(t, o)
		if !slices.Equal(first, losses) {
			t.Errorf("%s: another loss curve", name)
		}
		same(t, name, res, other)
	}
}

func TestResumeEqualsAnUnbrokenRun(t *testing.T) {
	whole, want := curve(t, options(t, "cpu"))
	for _, stop := range []int{1, 13, 39} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		o := options(t, "cpu")
		o.Save, o.StopAt = path, stop
		var losses []float64
		o.OnStep = func(_ int, loss float64) { losses = append(losses, loss) }
		if _, err := Run(t.Context(), o); !errors.Is(err, loop.ErrInterrupted) {
			t.Fatalf("stopping after %d steps: %v", stop, err)
		}
		o = options(t, "cpu")
		o.Settings, o.Resume = Settings{}, path
		rest, got := curve(t, o)
		if !slices.Equal(whole, append(losses, rest...)) {
			t.Errorf("stopped after %d steps, the loss curve is another", stop)
		}
		same(t, "resumed", want, got)
	}
}

func TestCancelSavesACheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t, "cpu")
	o.Save = path
	o.OnStep = func(step int, _ float64) {
		if step == 6 {
			cancel()
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, loop.ErrInterrupted) {
		t.Fatal(err)
	}
	o = options(t, "cpu")
	o.Resume, o.Settings = path, Settings{}
	if losses, _ := curve(t, o); len(losses) < 32 || len(losses) > 33 {
		t.Errorf("%d steps were left, want 33 or so", len(losses))
	}
}

func TestResumeRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	o := options(t, "cpu")
	o.Save, o.StopAt = path, 3
	if _, err := Run(t.Context(), o); !errors.Is(err, loop.ErrInterrupted) {
		t.Fatal(err)
	}
	var bad *loop.CheckpointError
	for name, change := range map[string]func(*Options){
		"steps": func(o *Options) { o.Settings.Steps = 41 },
		"batch": func(o *Options) { o.Settings.Batch = 100 },
		"lr":    func(o *Options) { o.Settings.LR = 0.5 },
		"seed":  func(o *Options) { o.Seed, o.SeedSet = 9, true },
		"task":  func(o *Options) { o.Task = Fashion },
	} {
		o := options(t, "cpu")
		o.Settings, o.Resume = Settings{}, path
		change(&o)
		if _, err := Run(t.Context(), o); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o = options(t, "cpu")
	o.Resume = filepath.Join(t.TempDir(), "absent")
	if _, err := Run(t.Context(), o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent checkpoint: %v", err)
	}
}

func TestFashionLearns(t *testing.T) {
	for model, steps := range map[string]int{"mlp": 150, "cnn": 40} {
		o := options(t, "cpu")
		onFashion(t, &o, model, steps)
		_, res := curve(t, o)
		if res.TestAccuracy < 0.7 {
			t.Errorf("%s: accuracy %v after %d steps", model, res.TestAccuracy, steps)
		}
	}
}

func TestFashionWithoutData(t *testing.T) {
	o := options(t, "cpu")
	o.Task, o.Data, o.Settings = Fashion, t.TempDir(), Settings{}
	var missing *data.FileError
	if _, err := Run(t.Context(), o); !errors.As(err, &missing) {
		t.Error(err)
	}
}

// A probe finds what is linear, however thin, and nothing else.
func TestProbe(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var thin, ball []float32
	var y []int64
	for i := range 3000 {
		c := i % 3
		// Thin slabs one above the other, far from the origin.
		thin = append(thin, float32(50+r.NormFloat64()), float32(-20+r.NormFloat64()), float32(7+0.01*(float64(c)+0.8*r.Float64())))
		ball = append(ball, float32(r.NormFloat64()), float32(r.NormFloat64()), float32(r.NormFloat64()))
		y = append(y, int64(c))
	}
	if a := probe(thin, y, thin, y, 3, 3); a < 0.99 {
		t.Errorf("slabs are told apart with accuracy %v", a)
	}
	if a := probe(ball, y, ball, y, 3, 3); math.Abs(a-1.0/3) > 0.06 {
		t.Errorf("noise is told apart with accuracy %v", a)
	}
}

// onText makes a run one of a language model on Shakespeare, or skips the test where
// there is no data.
func onText(t *testing.T, o *Options, task *Task, steps int) {
	t.Helper()
	onFashion(t, o, "", steps)
	o.Task, o.Settings = task, Settings{Steps: steps}
}

// Language models learn, go on where they stopped, and write the same text with
// and without a cache.
func TestLanguageModels(t *testing.T) {
	if testing.Short() {
		t.Skip("trains language models")
	}
	for _, task := range []*Task{CharGPT, CharLSTM} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		o := options(t, "cpu")
		onText(t, &o, task, 12)
		o.Graph, o.Save, o.StopAt, o.Settings.Batch = true, path, 8, 4
		losses := []float64{}
		o.OnStep = func(_ int, loss float64) { losses = append(losses, loss) }
		if _, err := Run(t.Context(), o); !errors.Is(err, loop.ErrInterrupted) {
			t.Fatal(err)
		}
		rest := o
		rest.Settings, rest.Resume, rest.StopAt, rest.Graph = Settings{}, path, 0, false
		more, res := curve(t, rest)
		losses = append(losses, more...)
		if len(losses) != 12 || !(losses[11] < losses[0]-0.1) || res.Written == nil || math.Abs(res.ValLoss-losses[11]) > 0.3 || res.Classified != nil {
			t.Errorf("%s: losses %v, result %+v", task.Name, losses, res)
		}
		s := SampleOptions{Checkpoint: path, Device: o.Device, Prompt: "ROMEO:\n", Tokens: 70}
		s.Temperature, s.TopK, s.Seed = 1, 20, 5
		a, err := Write(t.Context(), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.NoCache = true
		b, err := Write(t.Context(), s, nil)
		if err != nil || a.Text != b.Text || a.Tokens != 70 {
			t.Errorf("%s: %q with a cache, %q without (%v)", task.Name, a.Text, b.Text, err)
		}
		// A configuration that asks for more than the file has is refused before it is built.
		j, err := newJob(o)
		if err != nil {
			t.Fatal(err)
		}
		greedy := s
		greedy.Checkpoint = filepath.Join(t.TempDir(), "greedy.safetensors")
		j.Loop.Settings["config"] = regexp.MustCompile(`"dim":\d+`).ReplaceAllString(j.Loop.Settings["config"], `"dim":400000`)
		if err := j.Checkpoint(greedy.Checkpoint); err != nil {
			t.Fatal(err)
		}
		var bad *loop.CheckpointError
		if _, err := Write(t.Context(), greedy, nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), "parameters") {
			t.Errorf("a greedy configuration: %v", err)
		}
		s.Prompt = "€"
		if _, err := Write(t.Context(), s, nil); err == nil || !strings.Contains(err.Error(), "'€'") {
			t.Errorf("a prompt outside of the vocabulary: %v", err)
		}
	}
}

func TestWriteRefusesOtherCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	o := options(t, "cpu")
	o.Save, o.StopAt = path, 1
	if _, err := Run(t.Context(), o); !errors.Is(err, loop.ErrInterrupted) {
		t.Fatal(err)
	}
	var bad *loop.CheckpointError
	if _, err := Write(t.Context(), SampleOptions{Checkpoint: path, Device: o.Device, Prompt: "a", Tokens: 1}, nil); !errors.As(err, &bad) {
		t.Error(err)
	}
}
