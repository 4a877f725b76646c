package train

import (
	"fmt"
	"maps"
	"math"
	"strconv"

	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/nn"
)

// checkpointFormat is the value of the metadata key "format".
const checkpointFormat = "crease-checkpoint-1"

// CheckpointError is a file that is no checkpoint of this run.
type CheckpointError struct{ Path, Reason string }

func (e *CheckpointError) Error() string { return "checkpoint " + e.Path + ": " + e.Reason }

// ExitCode is that of a bad input file.
func (e *CheckpointError) ExitCode() int { return 5 }

// Open reads a checkpoint and the [Loop.Settings] of its run. A file that is none
// is a *CheckpointError.
func Open(path string) (f *safetensors.File, settings map[string]string, err error) {
	f, err = safetensors.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if got := f.Metadata["format"]; got != checkpointFormat {
		return nil, nil, &CheckpointError{path, fmt.Sprintf("the file is not a checkpoint (format %q, want %q)", got, checkpointFormat)}
	}
	if err := verify(path, f); err != nil {
		return nil, nil, err
	}
	return f, f.Metadata, nil
}

// modelPrefix stands before the model's tensors in a checkpoint.
const modelPrefix = "model."

// LoadModel assigns a checkpoint's weights to a model, for another use than going
// on training.
func LoadModel(path string, f *safetensors.File, m nn.Module) error {
	if err := nn.Unpack(f, modelPrefix, nn.State(m)); err != nil {
		return &CheckpointError{path, err.Error()}
	}
	return nil
}

// state is every tensor of a run.
func (l *Loop) state() []nn.Named {
	var list []nn.Named
	for _, n := range nn.State(l.Model) {
		list = append(list, nn.Named{Name: modelPrefix + n.Name, Tensor: n.Tensor})
	}
	for _, s := range l.Optimizer.State() {
		list = append(list, nn.Named{Name: "optimizer." + s.Name, Tensor: s.Tensor})
	}
	for i, g := range l.Generators {
		name := "generator"
		if i > 0 {
			name += "." + strconv.Itoa(i)
		}
		list = append(list, nn.Named{Name: name, Tensor: g.State()})
	}
	return list
}

// Checkpoint writes where the run stands; the file appears whole or not at all.
func (l *Loop) Checkpoint(path string) error {
	meta := maps.Clone(l.Settings)
	if meta == nil {
		meta = map[string]string{}
	}
	maps.Copy(meta, map[string]string{
		"format": checkpointFormat, "steps": strconv.Itoa(l.Steps), "step": strconv.Itoa(l.done),
		"loss_sum": Exact(l.lossSum), "loss_count": strconv.Itoa(l.lossN), "last_loss": Exact(l.lastLoss),
	})
	if l.hasBest {
		meta["best"] = Exact(l.best)
	}
	tensors := nn.Pack("", l.state())
	meta[checksumKey] = checksum(tensors, meta)
	if err := safetensors.Save(path, tensors, meta); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	l.kept = path
	if l.OnSave != nil {
		l.OnSave(path, l.done)
	}
	return nil
}

// Exact is a float that reads back as the same bits.
func Exact(v float64) string { return strconv.FormatFloat(v, 'x', -1, 64) }

// Resume continues where a checkpoint of the same model, optimiser and number of
// steps stopped. Path is for errors, which are *CheckpointError.
func (l *Loop) Resume(path string, f *safetensors.File) error {
	bad := func(format string, args ...any) error { return &CheckpointError{path, fmt.Sprintf(format, args...)} }
	m := f.Metadata
	steps, err0 := strconv.Atoi(m["steps"])
	step, err1 := strconv.Atoi(m["step"])
	sum, err2 := strconv.ParseFloat(m["loss_sum"], 64)
	n, err3 := strconv.Atoi(m["loss_count"])
	last, err4 := strconv.ParseFloat(m["last_loss"], 64)
	p := progress{done: step, lossSum: sum, lossN: n, lastLoss: last}
	var err5 error
	if text, ok := m["best"]; ok {
		p.hasBest = true
		p.best, err5 = strconv.ParseFloat(text, 64)
	}
	for _, err := range []error{err0, err1, err2, err3, err4, err5} {
		if err != nil {
			return bad("unreadable progress: %v", err)
		}
	}
	switch {
	case steps != l.Steps:
		return bad("it was made for %d steps, not %d: the learning rate of every step depends on them", steps, l.Steps)
	case step < 0 || step > steps || n < 0 || math.IsNaN(sum):
		return bad("progress of %d steps of %d makes no sense", step, steps)
	}
	if err := nn.Unpack(f, "", l.state()); err != nil {
		return bad("%v", err)
	}
	l.progress = p
	return nil
}
