package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
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
	Force    bool   // Save may replace a file that is not this run's
	Resume   string // checkpoint to continue
	StopAt   int    // save and stop after this step, 0 for never
	Reporter Reporter
	// OnStep, when set, sees the loss of every step.
	OnStep func(step int, loss float64)
	// OnSave, when set, is told of every checkpoint that was written.
	OnSave func(path string, step int)
}

// Reporter shows how a run gets on.
type Reporter interface {
	Start(Start)
	Step(step, steps int, loss float64)
	Report(Report)
}

// Start describes a run that begins.
type Start struct {
	Task, Model, Device, Mode string
	Parameters, Samples       int
	Step, Steps, Batch        int
}

// Report is made at the end of every epoch, or tenth of a run without epochs.
type Report struct {
	Step, Steps  int
	TrainLoss    float64 // mean since the last report
	TestLoss     float64
	TestAccuracy float64
	Seconds      float64
}

// Result of a run.
type Result struct {
	Task          string    `json:"task"`
	Model         string    `json:"model"`
	Device        string    `json:"device"`
	Mode          string    `json:"mode"`
	Seed          uint64    `json:"seed"`
	Steps         int       `json:"steps"`
	Batch         int       `json:"batch"`
	LearningRate  float64   `json:"learning_rate"`
	Seconds       float64   `json:"seconds"`
	TrainLoss     float64   `json:"train_loss"`
	TestLoss      float64   `json:"test_loss"`
	TestAccuracy  float64   `json:"test_accuracy"`
	Parameters    int       `json:"parameters"`
	ProbeAccuracy []float64 `json:"probe_accuracy,omitempty"` // the raw input first
	Checkpoint    string    `json:"checkpoint,omitempty"`

	Layers []Layer `json:"-"`
}

// Layer is the test points after a layer.
type Layer struct {
	Points []float32 // [N, 3]
	Y      []int64
}

// ErrInterrupted is what errors.Is finds in a *[Stopped].
var ErrInterrupted = errors.New("interrupted")

// Stopped is the end of a run that has steps left: its context was cancelled, or
// Options.StopAt was reached.
type Stopped struct {
	Step, Steps int
	Path        string // of the checkpoint; "" where nothing was done since the run began
	Asked       bool   // by Options.StopAt
}

func (s *Stopped) Error() string {
	if s.Path == "" {
		return fmt.Sprintf("stopped at step %d of %d before anything was done", s.Step, s.Steps)
	}
	return fmt.Sprintf("stopped after step %d of %d, which %s keeps", s.Step, s.Steps, s.Path)
}

// Is reports that the run was interrupted.
func (s *Stopped) Is(target error) bool { return target == ErrInterrupted }

// ExitCode is the command line's code after an interruption.
func (s *Stopped) ExitCode() int { return 130 }

// run is a run in progress.
type run struct {
	opts Options
	task *Task
	set  Settings
	progress

	train, test *data.Arrays
	model       nn.Module
	gen         *crease.Generator
	opt         optim.Optimizer
	rate        optim.Schedule
	stepOn      func(in ...*crease.Tensor) []*crease.Tensor
	scores      func(in ...*crease.Tensor) []*crease.Tensor
	began       time.Time
	first       int // the step the run begins with
	last        *evaluation
}

// evaluation is what the test data said after a step.
type evaluation struct {
	step           int
	loss, accuracy float64
}

// Run trains. When ctx is cancelled it saves a checkpoint and returns a *Stopped. Paths,
// settings and the checkpoint to resume from are checked before the training begins.
func Run(ctx context.Context, o Options) (res *Result, err error) {
	if e := crease.Try(func() { res, err = start(ctx, o) }); e != nil {
		return nil, e
	}
	return res, err
}

func start(ctx context.Context, o Options) (*Result, error) {
	if err := o.Task.CheckModel(o.Settings.Model); err != nil {
		return nil, err
	}
	if o.Save != "" {
		lock, err := claim(o)
		if err != nil {
			return nil, err
		}
		defer lock.Unlock()
	}
	var saved *safetensors.File
	if o.Resume != "" {
		f, err := safetensors.Open(o.Resume)
		if err != nil {
			return nil, err
		}
		if o, err = resumeSettings(f, o); err != nil {
			return nil, err
		}
		saved = f
	}
	r, err := newRun(o)
	if err != nil {
		return nil, err
	}
	if saved != nil {
		if err := r.restore(saved); err != nil {
			return nil, err
		}
		r.first = r.step
	}
	if o.Graph {
		r.stepOn, r.scores = crease.Compile(r.stepOn).Call, crease.Compile(r.scores).Call
	}
	o.Reporter.Start(Start{
		Task: o.Task.Name, Model: r.set.Model, Device: o.Device.Name(), Mode: r.mode(), Parameters: nn.Count(r.model),
		Samples: r.train.Len(), Step: r.step, Steps: r.set.Steps, Batch: r.set.Batch,
	})
	err = r.loop(ctx)
	var res *Result
	if err == nil {
		res, err = r.finish(ctx)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil, r.interrupt(false)
	}
	return res, err
}

// newRun is a run at its beginning, with the task's data and a fresh model.
func newRun(o Options) (*run, error) {
	train, test, err := o.Task.Load(o.Data, o.Seed)
	if err != nil {
		return nil, err
	}
	set, err := o.Task.settle(o.Settings, train.Len())
	if err != nil {
		return nil, err
	}
	r := &run{opts: o, task: o.Task, set: set, train: train, test: test, began: time.Now()}
	r.gen = crease.NewGenerator(o.Seed, crease.On(o.Device))
	r.model = o.Task.Build(set.Model, o.Device, r.gen)
	r.opt = optim.NewAdamW(nn.Tensors(nn.Parameters(r.model)), optim.AdamConfig{LR: set.LR, WeightDecay: *set.WeightDecay})
	r.rate = optim.OneCycle(set.LR, set.Steps, 0.3)
	r.prepare()
	return r, nil
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
	r, err := newRun(o)
	if err != nil {
		return nil, err
	}
	loader, err := r.loader()
	if err != nil {
		return nil, err
	}
	x, y := r.tensors(loader.At(0), r.train.Shape)
	return &Step{Model: r.set.Model, Batch: r.set.Batch, Run: r.stepOn, In: []*crease.Tensor{x, y}}, nil
}

func (r *run) loader() (*data.Loader, error) {
	return data.NewLoader(r.train, data.LoaderConfig{Batch: r.set.Batch, Seed: r.opts.Seed, Shuffle: true, DropLast: true})
}

func (r *run) mode() string {
	if r.opts.Graph {
		return "graph"
	}
	return "eager"
}

// prepare makes the functions of a step and of an evaluation.
func (r *run) prepare() {
	r.stepOn = func(in ...*crease.Tensor) []*crease.Tensor {
		loss := r.model.Forward(in[0]).CrossEntropy(in[1])
		loss.Backward()
		r.opt.Step()
		r.opt.ZeroGrad()
		return []*crease.Tensor{loss.Detach()}
	}
	r.scores = func(in ...*crease.Tensor) []*crease.Tensor {
		logits := r.model.Forward(in[0])
		loss := logits.CrossEntropy(in[1])
		hits := logits.Argmax(1).Eq(in[1]).Cast(logits.DType()).Sum()
		return []*crease.Tensor{loss, hits}
	}
}

// tensors uploads a batch.
func (r *run) tensors(b data.Batch, dims []int) (x, y *crease.Tensor) {
	on := crease.On(r.opts.Device)
	return crease.From(b.X, append([]int{b.N}, dims...), on), crease.From(b.Y, []int{b.N}, on)
}

// loop does the steps that are left.
func (r *run) loop(ctx context.Context) error {
	loader, err := r.loader()
	if err != nil {
		return err
	}
	every := r.reportEvery(loader.Steps())
	for step, batch := range loader.Batches(ctx, r.step, r.set.Steps) {
		r.opt.SetLR(r.rate(step))
		loss := 0.0
		crease.Tidy(func() []*crease.Tensor {
			x, y := r.tensors(batch, r.train.Shape)
			loss = r.stepOn(x, y)[0].Item()
			return nil
		})
		r.step, r.lossSum, r.lossN = step+1, r.lossSum+loss, r.lossN+1
		if r.opts.OnStep != nil {
			r.opts.OnStep(step, loss)
		}
		r.opts.Reporter.Step(r.step, r.set.Steps, loss)
		if r.step%every == 0 || r.step == r.set.Steps {
			if err := r.report(ctx); err != nil {
				return err
			}
		}
		if r.step == r.opts.StopAt && r.step < r.set.Steps {
			return r.interrupt(true)
		}
	}
	return ctx.Err()
}

// reportEvery is an epoch, or a tenth of the run for tasks whose epochs are short.
func (r *run) reportEvery(epoch int) int {
	if r.task.Layers == nil {
		return epoch
	}
	return max(1, r.set.Steps/10)
}

// report evaluates, and saves when asked to.
func (r *run) report(ctx context.Context) error {
	r.lastLoss, r.lossSum, r.lossN = r.lossSum/float64(max(1, r.lossN)), 0, 0
	loss, accuracy, err := r.evaluate(ctx)
	if err != nil {
		return err
	}
	r.last = &evaluation{r.step, loss, accuracy}
	r.opts.Reporter.Report(Report{r.step, r.set.Steps, r.lastLoss, loss, accuracy, time.Since(r.began).Seconds()})
	if r.opts.Save != "" {
		return r.save(r.opts.Save)
	}
	return nil
}

// interrupt saves where the run stands and returns a *Stopped. A run that has done no
// step saves nothing.
func (r *run) interrupt(asked bool) error {
	end := &Stopped{Step: r.step, Steps: r.set.Steps, Asked: asked}
	var err error
	switch {
	case r.step == r.first:
		return end
	case r.opts.Save == "":
		end.Path, err = r.saveAnew()
	default:
		end.Path, err = r.opts.Save, r.save(r.opts.Save)
	}
	if err != nil {
		return fmt.Errorf("stopped after step %d of %d: %w", r.step, r.set.Steps, err)
	}
	return end
}

// evalBatch is the number of test samples at a time.
const evalBatch = 500

// evaluate is the mean loss and the accuracy on the test data.
func (r *run) evaluate(ctx context.Context) (loss, accuracy float64, err error) {
	nn.Eval(r.model)
	defer nn.Train(r.model)
	loader, err := data.NewLoader(r.test, data.LoaderConfig{Batch: min(evalBatch, r.test.Len())})
	if err != nil {
		return 0, 0, err
	}
	crease.NoGrad(func() {
		for i := range loader.Steps() {
			if err = ctx.Err(); err != nil {
				return
			}
			b := loader.At(i)
			crease.Tidy(func() []*crease.Tensor {
				x, y := r.tensors(b, r.test.Shape)
				s := r.scores(x, y)
				loss += s[0].Item() * float64(b.N)
				accuracy += s[1].Item()
				return nil
			})
		}
	})
	n := float64(r.test.Len())
	return loss / n, accuracy / n, err
}

// finish describes the trained model.
func (r *run) finish(ctx context.Context) (*Result, error) {
	if r.last == nil || r.last.step != r.step { // resumed at its very end
		loss, accuracy, err := r.evaluate(ctx)
		if err != nil {
			return nil, err
		}
		r.last = &evaluation{r.step, loss, accuracy}
	}
	res := &Result{
		Task: r.task.Name, Model: r.set.Model, Device: r.opts.Device.Name(), Mode: r.mode(), Seed: r.opts.Seed,
		Steps: r.set.Steps, Batch: r.set.Batch, LearningRate: r.set.LR, Seconds: time.Since(r.began).Seconds(),
		TrainLoss: r.lastLoss, TestLoss: r.last.loss, TestAccuracy: r.last.accuracy, Parameters: nn.Count(r.model), Checkpoint: r.opts.Save,
	}
	if r.task.Layers != nil {
		if err := r.look(ctx, res); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// probeSamples is how many training points a linear probe is fitted on.
const probeSamples = 5000

// look measures how far every layer has pulled the classes apart.
func (r *run) look(ctx context.Context, res *Result) error {
	nn.Eval(r.model)
	fit := &data.Arrays{X: r.train.X, Shape: r.train.Shape, Y: r.train.Y}
	n := min(probeSamples, fit.Len())
	before := r.layers(fit.X[:n*space], n)
	after := r.layers(r.test.X, r.test.Len())
	for i := range after {
		if err := ctx.Err(); err != nil {
			return err
		}
		res.Layers = append(res.Layers, Layer{after[i], r.test.Y})
		res.ProbeAccuracy = append(res.ProbeAccuracy, probe(before[i], fit.Y[:n], after[i], r.test.Y, space, len(r.test.Classes)))
	}
	return nil
}

// layers is the output of every layer for n points.
func (r *run) layers(points []float32, n int) (out [][]float32) {
	crease.NoGrad(func() {
		crease.Tidy(func() []*crease.Tensor {
			for _, t := range r.task.Layers(r.model, crease.From(points, []int{n, space}, crease.On(r.opts.Device))) {
				out = append(out, crease.Data[float32](t))
			}
			return nil
		})
	})
	return out
}
