package train

import (
	"fmt"
	"maps"
	"strconv"

	loop "github.com/crease-ml/crease/train"
)

// record is the settings of a run as its checkpoints have them.
func (s Settings) record(o Options, more map[string]string) map[string]string {
	m := map[string]string{
		"task": o.Task.Name, "model": s.Model, "seed": strconv.FormatUint(o.Seed, 10), "batch": strconv.Itoa(s.Batch),
		"lr": loop.Exact(s.LR), "weight_decay": loop.Exact(*s.WeightDecay),
	}
	maps.Copy(m, more)
	return m
}

// resumeSettings are the options of the run that a checkpoint belongs to. It
// refuses options that contradict them: with others the result would be that of
// neither run.
func resumeSettings(m map[string]string, o Options) (Options, error) {
	bad := func(format string, args ...any) (Options, error) {
		return o, &loop.CheckpointError{Path: o.Resume, Reason: fmt.Sprintf(format, args...)}
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
