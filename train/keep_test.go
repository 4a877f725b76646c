package train_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/train"
)

// watcher counts reports, and fails after them where it is told to.
type watcher struct {
	reports []train.Report
	seen    int // parameters, at the last report
	fail    error
}

func (w *watcher) Start(train.Start)      {}
func (w *watcher) Step(int, int, float64) {}
func (w *watcher) Report(r train.Report)  { w.reports = append(w.reports, r) }
func (w *watcher) Observe(_ train.Report, list []nn.Named) error {
	w.seen = len(list)
	return w.fail
}

// A run that was stopped in between keeps the same files as an unbroken one, and touches
// none of another run.
func TestKeepsTheLastFew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	var losses []float64
	a := fit(t, &losses)
	a.Save, a.Keep, a.Every, a.StopAt, a.Settings = path, 2, 5, 22, map[string]string{"task": "mine"}
	if err := a.Run(t.Context()); !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
	names := func() (list []string) {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			list = append(list, f.Name())
		}
		return list
	}
	if got := names(); !slices.Equal(got, []string{"x-step-000000015.safetensors", "x-step-000000020.safetensors", "x.safetensors"}) {
		t.Errorf("stopped at step 22: %v", got)
	}
	foreign := train.KeptAt(path, 3)
	if err := os.WriteFile(foreign, []byte("not ours"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, _, err := train.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, w := fit(t, &losses), &watcher{}
	b.Save, b.Keep, b.Every, b.Settings, b.Reporter = path, 2, 5, a.Settings, w
	if err := b.Resume(path, f); err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(); !slices.Equal(got, []string{"x-step-000000003.safetensors", "x-step-000000035.safetensors", "x-step-000000040.safetensors", "x.safetensors"}) {
		t.Errorf("at the end: %v", got)
	}
	if w.seen != 4 || len(w.reports) != 4 {
		t.Errorf("%d parameters were shown at %d reports", w.seen, len(w.reports))
	}
	if f, _, err = train.Open(train.KeptAt(path, 35)); err != nil || f.Metadata["step"] != "35" {
		t.Errorf("the checkpoint of step 35: %v", err)
	}
	// Another run does not write over them, and does not begin without a place for its own.
	c := fit(t, &losses)
	c.Save, c.Keep = path, 2
	var bad *train.CheckpointError
	if err := c.Run(t.Context()); !errors.As(err, &bad) || c.Done() != 0 {
		t.Errorf("a run over kept files: %v", err)
	}
	c.Save = ""
	if err := c.Run(t.Context()); err == nil || c.Done() != 0 {
		t.Error("a run that keeps checkpoints and saves none has begun")
	}
}

// What an observer returns ends the run, after the checkpoint.
func TestObserverEndsTheRun(t *testing.T) {
	var losses []float64
	full := errors.New("disk full")
	path := filepath.Join(t.TempDir(), "x.safetensors")
	l, w := fit(t, &losses), &watcher{fail: full}
	l.Reporter, l.Save = w, path
	if err := l.Run(t.Context()); !errors.Is(err, full) || len(w.reports) != 1 {
		t.Errorf("%v after %d reports", err, len(w.reports))
	}
	if f, _, err := train.Open(path); err != nil || f.Metadata["step"] != "10" {
		t.Errorf("the checkpoint: %v", err)
	}
}
