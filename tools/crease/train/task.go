package train

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/internal/near"
	"github.com/crease-ml/crease/nn"
	loop "github.com/crease-ml/crease/train"
)

// Task is a thing to learn.
type Task struct {
	Name  string
	Doc   string   // one line
	Model []string // the first is the default
	Sizes bool     // the models are presets of one: sizes and settings
	Files bool     // data is read from a directory
	// Defaults are the settings that train a model well.
	Defaults func(model string) Settings
	// kind is a classifier or a language.
	kind kind
	// Layers is the output of every layer that can be looked at, the input first;
	// nil for models whose layers cannot.
	Layers func(m nn.Module, x *crease.Tensor) []*crease.Tensor
}

// kind is what tasks of one kind share.
type kind interface {
	// prepare makes a run: its data, its model and its loop, but for what all
	// tasks share.
	prepare(o Options) (*job, error)
}

// job is a run that a task has made.
type job struct {
	loop.Loop
	set     Settings
	samples int
	first   func() []*crease.Tensor // the tensors of the first batch
	// finish fills in what the task knows, nil for nothing.
	finish func(context.Context, *Result) error
}

// Settings of a run. Zero and nil fields stand for the task's defaults.
type Settings struct {
	Model       string
	Epochs      int // passes over the training data; gives way to Steps
	Steps       int
	Batch       int
	LR          float64 // the highest of the schedule
	WeightDecay *float64
}

// decay is a weight decay that was chosen.
func decay(v float64) *float64 { return &v }

// SettingsError is a setting that a task cannot have.
type SettingsError struct{ Reason string }

func (e *SettingsError) Error() string { return e.Reason }

// ExitCode is the command line's code for a flag that means nothing.
func (e *SettingsError) ExitCode() int { return 2 }

func settingsError(format string, args ...any) error {
	return &SettingsError{fmt.Sprintf(format, args...)}
}

// Tasks are the known tasks.
var Tasks = []*Task{Uncrumple, Fashion, CharGPT, CharLSTM}

// Find is the task of that name.
func Find(name string) (*Task, error) {
	for _, t := range Tasks {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, settingsError("no task %q%s; there are %s", name, strings.TrimSuffix(near.Hint(name, Names()), "?"), strings.Join(Names(), ", "))
}

// Names are those of the tasks.
func Names() (list []string) {
	for _, t := range Tasks {
		list = append(list, t.Name)
	}
	return list
}

// Load reads or makes the data of a task that tells classes apart. dir is where files are
// looked for.
func (t *Task) Load(dir string, seed uint64) (train, test *data.Arrays, err error) {
	c, err := t.classifier()
	if err != nil {
		return nil, nil, err
	}
	return c.load(dir, seed)
}

// Build makes a model of such a task, the default one for an empty name, with weights drawn
// from g.
func (t *Task) Build(model string, dev *crease.Device, g *crease.Generator) (nn.Module, error) {
	c, err := t.classifier()
	if err != nil {
		return nil, err
	}
	if model == "" {
		model = t.Model[0]
	}
	if err := t.CheckModel(model); err != nil {
		return nil, err
	}
	return c.build(model, dev, g)
}

func (t *Task) classifier() (classifier, error) {
	c, ok := t.kind.(classifier)
	if ok {
		return c, nil
	}
	return c, settingsError("task %s writes text; this is for tasks that tell classes apart, such as %s", t.Name, Fashion.Name)
}

// Dir is the directory of the data files, from a flag or what stands in for it
// ([data.Dir]); "" for a task that reads none.
func (t *Task) Dir(flag string) (string, error) {
	if !t.Files {
		return "", nil
	}
	return data.Dir(flag)
}

// CheckModel refuses models that the task does not have; "" is its first.
func (t *Task) CheckModel(name string) error {
	if name == "" || slices.Contains(t.Model, name) {
		return nil
	}
	return settingsError("task %s has no model %q%s; there are %s", t.Name, name, strings.TrimSuffix(near.Hint(name, t.Model), "?"), strings.Join(t.Model, ", "))
}

// settle fills in the defaults and checks the values.
func (t *Task) settle(s Settings, samples int) (Settings, error) {
	if err := t.CheckModel(s.Model); err != nil {
		return s, err
	}
	if s.Model == "" {
		s.Model = t.Model[0]
	}
	d := t.Defaults(s.Model)
	if s.Batch == 0 {
		s.Batch = d.Batch
	}
	if s.LR == 0 {
		s.LR = d.LR
	}
	if s.WeightDecay == nil {
		s.WeightDecay = d.WeightDecay
	}
	if s.Batch < 1 || s.Batch > samples {
		return s, settingsError("a batch of %d: want 1 to %d, the number of training samples", s.Batch, samples)
	}
	if s.Steps == 0 && s.Epochs == 0 {
		s.Steps, s.Epochs = d.Steps, d.Epochs
	}
	if s.Steps == 0 {
		s.Steps = s.Epochs * (samples / s.Batch)
	}
	if s.Steps < 1 || s.Epochs < 0 || !(s.LR > 0) || !(*s.WeightDecay >= 0) {
		return s, settingsError("steps %d, epochs %d and learning rate %v must be positive, weight decay %v not negative", s.Steps, s.Epochs, s.LR, *s.WeightDecay)
	}
	return s, nil
}
