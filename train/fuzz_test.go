package train_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/train"
)

// FuzzCheckpoint changes checkpoints. Whatever the file, reading and resuming ends with a
// typed error or a run that goes on, never with a panic, and never with progress beyond
// the run's steps.
func FuzzCheckpoint(f *testing.F) {
	path := filepath.Join(f.TempDir(), "x.safetensors")
	var losses []float64
	l := fit(f, &losses)
	l.Save, l.StopAt = path, 3
	if err := l.Run(f.Context()); !errors.Is(err, train.ErrInterrupted) {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(1), len(whole))
	f.Add(9, byte('x'), len(whole))
	f.Add(200, byte('9'), len(whole))
	f.Add(len(whole)-1, byte(0), len(whole))
	f.Add(0, byte(0), 10)
	fresh := fit(f, new([]float64))
	f.Fuzz(func(t *testing.T, at int, to byte, length int) {
		if at < 0 || at >= len(whole) || length < 0 || length > len(whole) {
			return
		}
		b := append([]byte{}, whole[:length]...)
		if at < length {
			b[at] = to
		}
		name := filepath.Join(t.TempDir(), "y.safetensors")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var bad *train.CheckpointError
		var format *safetensors.FormatError
		file, _, err := train.Open(name)
		if err == nil {
			err = fresh.Resume(name, file)
		}
		if err != nil && !errors.As(err, &bad) && !errors.As(err, &format) {
			t.Errorf("byte %d of %d as %d: %v", at, length, to, err)
		}
		if fresh.Done() < 0 || fresh.Done() > fresh.Steps {
			t.Errorf("byte %d as %d: %d steps of %d are done", at, to, fresh.Done(), fresh.Steps)
		}
	})
}
