package train

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/crease-ml/crease/nn"
)

// Observer is a Reporter that looks at the model too. Observe is called after every
// report; an error ends the run, whose checkpoint has been saved by then.
type Observer interface {
	Reporter
	Observe(r Report, parameters []nn.Named) error
}

// observe shows a report's model to a reporter that wants to see it.
func (l *Loop) observe(r Report) error {
	if o, ok := l.Reporter.(Observer); ok {
		return o.Observe(r, nn.Parameters(l.Model))
	}
	return nil
}

// KeptAt is where the checkpoint of a step is kept beside a path of [Loop.Save]: of
// model.safetensors model-step-000001200.safetensors.
func KeptAt(save string, step int) string { return beside(save, fmt.Sprintf("%09d", step)) }

func beside(save, digits string) string {
	ext := filepath.Ext(save)
	return strings.TrimSuffix(save, ext) + "-step-" + digits + ext
}

// keptFiles are the checkpoints that are kept beside a path, the oldest first.
func keptFiles(save string) ([]string, error) {
	dir, name := filepath.Split(save)
	list, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return nil, fmt.Errorf("checkpoints beside %s: %w", save, err)
	}
	head, tail, _ := strings.Cut(beside(name, "*"), "*")
	var found []string
	for _, f := range list {
		digits, is := strings.CutPrefix(f.Name(), head)
		digits, ends := strings.CutSuffix(digits, tail)
		if is && ends && len(digits) == 9 && strings.Trim(digits, "0123456789") == "" {
			found = append(found, dir+f.Name())
		}
	}
	return found, nil
}

// beginKeeping takes over what a run that goes on has kept. A fresh one refuses to begin
// where another has kept files. Files of other runs, and such as cannot be read, are left
// alone.
func (l *Loop) beginKeeping() error {
	switch {
	case l.Keep == 0:
		return nil
	case l.Keep < 0 || l.Save == "":
		return fmt.Errorf("train: the last %d checkpoints are to be kept beside %q: want a number and a path to save to", l.Keep, l.Save)
	}
	there, err := keptFiles(l.Save)
	if err != nil {
		return err
	}
	if l.done == 0 && len(there) > 0 {
		return &CheckpointError{there[0], "an earlier run has kept it: resume that run, move the file away, or save to another path"}
	}
	for _, path := range there {
		if _, settings, err := Open(path); err == nil && l.ours(settings) {
			l.kept = append(l.kept, path)
		}
	}
	return nil
}

// ours reports whether a checkpoint has this run's settings.
func (l *Loop) ours(settings map[string]string) bool {
	own := maps.Clone(settings)
	maps.DeleteFunc(own, func(name, _ string) bool { _, is := l.Settings[name]; return !is })
	return maps.Equal(own, l.Settings)
}

// keep saves the checkpoint of this step under its own name, and removes the oldest of
// those that the run has kept when they are more than it keeps.
func (l *Loop) keep() error {
	if l.Keep == 0 {
		return nil
	}
	at := KeptAt(l.Save, l.done)
	if err := l.Checkpoint(at); err != nil {
		return err
	}
	if n := len(l.kept); n == 0 || l.kept[n-1] != at {
		l.kept = append(l.kept, at)
	}
	for len(l.kept) > l.Keep {
		if err := os.Remove(l.kept[0]); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("an older checkpoint cannot be removed: %w", err)
		}
		l.kept = l.kept[1:]
	}
	return nil
}
