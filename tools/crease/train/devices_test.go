package train

import (
	"math"
	"os"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	_ "github.com/crease-ml/crease/cuda"
	"github.com/crease-ml/crease/exec"
	_ "github.com/crease-ml/crease/opencl"
	_ "github.com/crease-ml/crease/tpu"
)

// The CUDA backend on an interpreter trains as the processor does, without a fallback. It
// is slow, so the run is short; .ci/run has one of 20 steps.
func TestEmulatedCUDA(t *testing.T) {
	if testing.Short() {
		t.Skip("an interpreter trains")
	}
	dev, err := crease.Wrap(conform.Open(t, "cuda@emulate"))
	if err != nil {
		t.Fatal(err)
	}
	defer exec.SetFallback(exec.SetFallback(exec.KernelsOnly))
	here := options(t, "cpu")
	here.Settings.Steps, here.Settings.Batch = 2, 128
	there := here
	there.Device = dev
	want, _ := curve(t, here)
	got, _ := curve(t, there)
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-4*math.Abs(want[i]) {
			t.Errorf("step %d: loss %v, on cpu %v", i, got[i], want[i])
		}
	}
}

// Another device trains the same models: without any fallback, with losses that
// begin as those of the processor do, and with the same bits eager and compiled.
func TestDevicesAgree(t *testing.T) {
	dev, err := crease.Wrap(conform.Open(t, "opencl"))
	if err != nil {
		t.Fatal(err)
	}
	defer exec.SetFallback(exec.SetFallback(exec.KernelsOnly))
	for _, c := range []struct {
		name string
		set  func(*testing.T, *Options)
	}{
		{"uncrumple", func(_ *testing.T, o *Options) { o.Settings.Steps = 20 }},
		{"mlp", func(t *testing.T, o *Options) { onFashion(t, o, "mlp", 20) }},
		{"cnn", func(t *testing.T, o *Options) { onFashion(t, o, "cnn", 3) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			here := options(t, "cpu")
			c.set(t, &here)
			there := here
			there.Device = dev
			want, _ := curve(t, here)
			got, res := curve(t, there)
			// The first loss is of the same parameters and data; rounding then
			// makes the paths part, slowly.
			for i, tol := 0, 1e-5; i < len(want); i, tol = i+1, 5e-2 {
				if math.Abs(got[i]-want[i]) > tol*math.Abs(want[i]) {
					t.Errorf("step %d: loss %v, on cpu %v", i, got[i], want[i])
				}
			}
			there.Graph = true
			graph, again := curve(t, there)
			if !slices.Equal(got, graph) {
				t.Errorf("the losses are %v, compiled %v", got, graph)
			}
			same(t, "compiled", res, again)
		})
	}
}

// onFashion makes a run one on Fashion-MNIST, or skips the test where there is no data.
func onFashion(t *testing.T, o *Options, model string, steps int) {
	t.Helper()
	o.Task, o.Data, o.Settings = Fashion, os.Getenv("CREASE_DATA"), Settings{Model: model, Steps: steps}
	if o.Data != "" {
		return
	}
	if os.Getenv("CREASE_FLAGSHIP") != "" {
		t.Fatal("CREASE_FLAGSHIP is set and CREASE_DATA is not")
	}
	t.Skip("CREASE_DATA is not set")
}

// Three steps of the larger models: other devices begin with the losses of the
// processor, OpenCL without any fallback, eager and compiled with the same bits. The
// tpu rounds factors to bf16, and has no kernels for random numbers of all kinds.
func TestLargerModelsBeginAlike(t *testing.T) {
	for _, c := range []struct {
		device string
		least  exec.Fallback
		first  float64 // tolerance of the first loss
		task   *Task
		model  string
		batch  int
	}{
		{"opencl", exec.KernelsOnly, 1e-5, Fashion, "resnet", 4}, {"opencl", exec.KernelsOnly, 1e-5, CharGPT, "", 4},
		{"opencl", exec.KernelsOnly, 1e-5, CharLSTM, "", 4},
		{"tpu:v4", exec.AllowReference, 1e-3, CharGPT, "", 1},
	} {
		t.Run(c.device+"/"+c.task.Name, func(t *testing.T) {
			dev, err := crease.Wrap(conform.Open(t, c.device))
			if err != nil {
				t.Fatal(err)
			}
			defer exec.SetFallback(exec.SetFallback(c.least))
			o := options(t, "cpu")
			onFashion(t, &o, "", 3)
			o.Task, o.Settings = c.task, Settings{Model: c.model, Steps: 3, Batch: c.batch}
			steps := func(dev *crease.Device, graph bool) (losses []float64) {
				o.Device, o.Graph = dev, graph
				j, err := newJob(o)
				if err != nil {
					t.Fatal(err)
				}
				do := j.StepFunc()
				for k, batch := range j.Batches(t.Context(), 0, 3) {
					j.Optimizer.SetLR(j.Rate(k))
					crease.Tidy(func() []*crease.Tensor {
						losses = append(losses, do(batch()...)[0].Item())
						return nil
					})
				}
				return losses
			}
			want, got, graph := steps(o.Device, false), steps(dev, false), steps(dev, true)
			for i, tol := 0, c.first; i < len(want); i, tol = i+1, 5e-2 {
				if !(math.Abs(got[i]-want[i]) <= tol*math.Abs(want[i])) {
					t.Errorf("step %d: loss %v, on cpu %v", i, got[i], want[i])
				}
			}
			if !slices.Equal(got, graph) {
				t.Errorf("the losses are %v, compiled %v", got, graph)
			}
		})
	}
}
