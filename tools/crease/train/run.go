package train

import (
	"context"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/nn"
	loop "github.com/crease-ml/crease/train"
)

// Options of a run.
type Options struct {
	Task     *Task
	Settings Settings
	Device   *crease.Device
	Data     string // where data files are looked for
	Seed     uint64
	SeedSet  bool   // Seed was given, not a default
	Graph    bool   // compile the step instead of running it eagerly
	Save     string // checkpoint path, "" for none
	Best     string // checkpoint path of the best evaluation, "" for none
	Force    bool   // Save and Best may replace files that are not this run's
	Keep     int    // of how many reports checkpoints are kept beside Save
	Resume   string // checkpoint to continue
	StopAt   int    // save and stop after this step, 0 for never
	Reporter loop.Reporter
	// OnStep, when set, sees the loss of every step.
	OnStep func(step int, loss float64)
	// OnSave, when set, is told of every checkpoint that was written.
	OnSave func(path string, step int)
}

// Result of a run.
type Result struct {
	Task         string  `json:"task"`
	Model        string  `json:"model"`
	Device       string  `json:"device"`
	Mode         string  `json:"mode"`
	Seed         uint64  `json:"seed"`
	Steps        int     `json:"steps"`
	Batch        int     `json:"batch"`
	LearningRate float64 `json:"learning_rate"`
	Seconds      float64 `json:"seconds"`
	TrainLoss    float64 `json:"train_loss"`
	*Classified          // of tasks that tell classes apart
	*Written             // of language models
	Parameters   int     `json:"parameters"`
	MemoryPeak   int     `json:"memory_high_water"` // of the device's memory, in bytes
	Checkpoint   string  `json:"checkpoint,omitempty"`

	Layers []Layer `json:"-"`
}

// Classified is what a classifier is worth.
type Classified struct {
	TestLoss      float64   `json:"test_loss"`
	TestAccuracy  float64   `json:"test_accuracy"`
	ProbeAccuracy []float64 `json:"probe_accuracy,omitempty"` // the raw input first
}

// Written is what a language model is worth.
type Written struct {
	ValLoss float64 `json:"val_loss"` // mean over the validation text, in nats for a token
}

// Run trains. When ctx is cancelled it saves a checkpoint and returns a
// *train.Interrupted. Paths, settings and the checkpoint to resume from are checked
// before the training begins.
func Run(ctx context.Context, o Options) (res *Result, err error) {
	if e := crease.Try(func() { res, err = run(ctx, o) }); e != nil {
		return nil, e
	}
	return res, err
}

func run(ctx context.Context, o Options) (*Result, error) {
	began := time.Now()
	if err := o.Task.CheckModel(o.Settings.Model); err != nil {
		return nil, err
	}
	for _, path := range []string{o.Save, o.Best} {
		if path == "" {
			continue
		}
		release, err := loop.Claim(path, o.Resume, o.Force)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	var saved *safetensors.File
	if o.Resume != "" {
		f, settings, err := loop.Open(o.Resume)
		if err != nil {
			return nil, err
		}
		if o, err = resumeSettings(settings, o); err != nil {
			return nil, err
		}
		saved = f
	}
	j, err := newJob(o)
	if err != nil {
		return nil, err
	}
	if saved != nil {
		if err := j.Resume(o.Resume, saved); err != nil {
			return nil, err
		}
	}
	o.Device.ResetHighWater()
	if err := j.Run(ctx); err != nil {
		return nil, err
	}
	list, err := j.Evaluation(ctx)
	if err != nil {
		return nil, err
	}
	res := &Result{
		Task: o.Task.Name, Model: j.set.Model, Device: o.Device.Name(), Mode: j.Mode(), Seed: o.Seed,
		Steps: j.set.Steps, Batch: j.set.Batch, LearningRate: j.set.LR, TrainLoss: j.TrainLoss(),
		Parameters: nn.Count(j.Model), Checkpoint: o.Save, MemoryPeak: o.Device.Memory().HighWater,
	}
	if v, ok := loop.Value(list, valLoss); ok {
		res.Written = &Written{v}
	} else {
		res.Classified = &Classified{}
		res.TestLoss, _ = loop.Value(list, testLoss)
		res.TestAccuracy, _ = loop.Value(list, testAccuracy)
	}
	if j.finish != nil {
		if err := j.finish(ctx, res); err != nil {
			return nil, err
		}
	}
	res.Seconds = time.Since(began).Seconds()
	return res, nil
}

// Names of metrics.
const (
	testLoss     = "test_loss"
	testAccuracy = "test_accuracy"
	valLoss      = "val_loss"
)

// DefaultSave is the name of the checkpoint of a run that is stopped and has no other;
// where a file has it, a number is added.
func DefaultSave(t *Task) string { return "crease-" + t.Name + ".safetensors" }

// newJob is a run at its beginning.
func newJob(o Options) (*job, error) {
	j, err := o.Task.kind.prepare(o)
	if err != nil {
		return nil, err
	}
	j.Steps, j.Compile, j.Save, j.Best, j.Keep, j.StopAt = j.set.Steps, o.Graph, o.Save, o.Best, o.Keep, o.StopAt
	j.Interrupt = DefaultSave(o.Task)
	j.Settings = j.set.record(o, j.Settings)
	j.Reporter, j.OnStep, j.OnSave = o.Reporter, o.OnStep, o.OnSave
	j.Start = loop.Start{Task: o.Task.Name, Model: j.set.Model, Device: o.Device.Name(), Samples: j.samples, Batch: j.set.Batch}
	return j, nil
}

// Step is one training step of a task, with a batch to do it on.
type Step struct {
	Model string
	Batch int
	Run   func(in ...*crease.Tensor) []*crease.Tensor // the loss
	In    []*crease.Tensor                            // samples, classes
}

// FirstStep is the step that a run with these options begins with.
func FirstStep(o Options) (s *Step, err error) {
	if e := crease.Try(func() { s, err = firstStep(o) }); e != nil {
		return nil, e
	}
	return s, err
}

func firstStep(o Options) (*Step, error) {
	j, err := newJob(o)
	if err != nil {
		return nil, err
	}
	return &Step{Model: j.set.Model, Batch: j.set.Batch, Run: j.StepFunc(), In: j.first()}, nil
}
