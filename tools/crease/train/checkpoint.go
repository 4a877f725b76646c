package train

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/nn"
)

// checkpointFormat is the value of the metadata key "format".
const checkpointFormat = "crease-checkpoint-1"

// CheckpointError is a file that is no checkpoint of this run.
type CheckpointError struct{ Path, Reason string }

func (e *CheckpointError) Error() string { return "checkpoint " + e.Path + ": " + e.Reason }

// ExitCode is that of a bad input file.
func (e *CheckpointError) ExitCode() int { return 5 }

// progress is what a run needs to continue besides tensors.
type progress struct {
	step     int     // steps done
	lossSum  float64 // since the last report
	lossN    int
	lastLoss float64 // the last report's mean
}

// state is every tensor of a run.
func (r *run) state() []nn.Named {
	var list []nn.Named
	for _, n := range nn.State(r.model) {
		list = append(list, nn.Named{Name: "model." + n.Name, Tensor: n.Tensor})
	}
	for _, s := range r.opt.State() {
		list = append(list, nn.Named{Name: "optimizer." + s.Name, Tensor: s.Tensor})
	}
	return append(list, nn.Named{Name: "generator", Tensor: r.gen.State()})
}

// save writes a checkpoint; the file appears whole or not at all.
func (r *run) save(path string) error {
	meta := map[string]string{
		"format": checkpointFormat, "task": r.task.Name, "model": r.set.Model,
		"seed": strconv.FormatUint(r.opts.Seed, 10), "steps": strconv.Itoa(r.set.Steps), "batch": strconv.Itoa(r.set.Batch),
		"lr": exact(r.set.LR), "weight_decay": exact(*r.set.WeightDecay),
		"step": strconv.Itoa(r.step), "loss_sum": exact(r.lossSum), "loss_count": strconv.Itoa(r.lossN), "last_loss": exact(r.lastLoss),
	}
	if err := safetensors.Save(path, nn.Pack("", r.state()), meta); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if r.opts.OnSave != nil {
		r.opts.OnSave(path, r.step)
	}
	return nil
}

// claim takes the lock of the file that a run saves to, for as long as it lasts, and
// refuses one that holds something else than this run: a file that is there must be the
// checkpoint that the run is resumed from, or be given up by Options.Force.
func claim(o Options) (*safefile.Locked, error) {
	safefile.Clean(filepath.Dir(o.Save))
	lock, err := safefile.Lock(o.Save)
	if err != nil {
		return nil, err
	}
	if err := own(o); err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock, nil
}

func own(o Options) error {
	if err := safefile.CheckWrite(o.Save); err != nil {
		return err
	}
	info, err := os.Stat(o.Save)
	if err != nil || o.Force {
		return nil // there is none, or it may go
	}
	if o.Resume != "" {
		if from, err := os.Stat(o.Resume); err == nil && os.SameFile(info, from) {
			return nil
		}
	}
	const rest = "replace it with --force, or give another file"
	f, err := safetensors.Open(o.Save)
	if err != nil || f.Metadata["format"] != checkpointFormat {
		return &CheckpointError{o.Save, "this file is there and is not a checkpoint of crease: " + rest}
	}
	m := f.Metadata
	return &CheckpointError{o.Save, fmt.Sprintf("this file is there and holds step %s of %s of another run of %s: go on with it by --resume, %s", m["step"], m["steps"], m["task"], rest)}
}

// DefaultSave is the name of the checkpoint of a run that was stopped and has no other.
// Where a file has it, a number is added.
func DefaultSave(t *Task) string { return "crease-" + t.Name + ".safetensors" }

// saveAnew saves to the first default name that no file has.
func (r *run) saveAnew() (path string, err error) {
	base := strings.TrimSuffix(DefaultSave(r.task), ".safetensors")
	path = DefaultSave(r.task)
	for i := 2; ; i++ {
		lock, err := safefile.Lock(path)
		used := new(safefile.InUseError)
		switch {
		case errors.As(err, &used):
		case err != nil:
			return "", err
		default:
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				defer lock.Unlock()
				return path, r.save(path)
			}
			lock.Unlock()
		}
		path = fmt.Sprintf("%s-%d.safetensors", base, i)
	}
}

// exact is a float that reads back as the same bits.
func exact(v float64) string { return strconv.FormatFloat(v, 'x', -1, 64) }

// resumeSettings reads the settings of the run that a checkpoint belongs to, and
// refuses options that contradict them: with others the result would be that of
// neither run.
func resumeSettings(f *safetensors.File, o Options) (Options, error) {
	bad := func(format string, args ...any) (Options, error) {
		return o, &CheckpointError{o.Resume, fmt.Sprintf(format, args...)}
	}
	m := f.Metadata
	if m["format"] != checkpointFormat {
		return bad("the file is not a checkpoint (format %q, want %q)", m["format"], checkpointFormat)
	}
	if m["task"] != o.Task.Name {
		return bad("it belongs to task %s, not %s", m["task"], o.Task.Name)
	}
	seed, err1 := strconv.ParseUint(m["seed"], 10, 64)
	steps, err2 := strconv.Atoi(m["steps"])
	batch, err3 := strconv.Atoi(m["batch"])
	lr, err4 := strconv.ParseFloat(m["lr"], 64)
	weightDecay, err5 := strconv.ParseFloat(m["weight_decay"], 64)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return bad("unreadable settings: %v", err)
		}
	}
	s := &o.Settings
	switch {
	case s.Model != "" && s.Model != m["model"]:
		return bad("it was made with --model %s, not %s", m["model"], s.Model)
	case o.SeedSet && o.Seed != seed:
		return bad("it was made with --seed %d, not %d", seed, o.Seed)
	case s.Steps != 0 && s.Steps != steps:
		return bad("it was made for %d steps, not %d: the learning rate of every step depends on them", steps, s.Steps)
	case s.Epochs != 0:
		return bad("--epochs does not go with --resume: the run has %d steps", steps)
	case s.Batch != 0 && s.Batch != batch:
		return bad("it was made with --batch %d, not %d", batch, s.Batch)
	case s.LR != 0 && s.LR != lr:
		return bad("it was made with --lr %v, not %v", lr, s.LR)
	case s.WeightDecay != nil && *s.WeightDecay != weightDecay:
		return bad("it was made with --weight-decay %v, not %v", weightDecay, *s.WeightDecay)
	}
	o.Seed = seed
	o.Settings = Settings{Model: m["model"], Steps: steps, Batch: batch, LR: lr, WeightDecay: &weightDecay}
	return o, nil
}

// restore continues where a checkpoint stopped.
func (r *run) restore(f *safetensors.File) error {
	step, err1 := strconv.Atoi(f.Metadata["step"])
	sum, err2 := strconv.ParseFloat(f.Metadata["loss_sum"], 64)
	n, err3 := strconv.Atoi(f.Metadata["loss_count"])
	last, err4 := strconv.ParseFloat(f.Metadata["last_loss"], 64)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return &CheckpointError{r.opts.Resume, fmt.Sprintf("unreadable progress: %v", err)}
		}
	}
	if step < 0 || step > r.set.Steps || n < 0 || math.IsNaN(sum) {
		return &CheckpointError{r.opts.Resume, fmt.Sprintf("progress of %d steps of %d makes no sense", step, r.set.Steps)}
	}
	if err := nn.Unpack(f, "", r.state()); err != nil {
		return &CheckpointError{r.opts.Resume, err.Error()}
	}
	r.progress = progress{step, sum, n, last}
	return nil
}
