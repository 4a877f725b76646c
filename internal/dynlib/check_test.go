//go:build (linux || darwin) && (amd64 || arm64)

package dynlib

import (
	"path/filepath"
	"syscall"
	"testing"
)

// The loader would wait for whoever writes to a FIFO.
func TestCheck(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{fifo, t.TempDir(), "/dev/zero"} {
		if Check(bad) == nil {
			t.Errorf("%s may be opened", bad)
		}
		if Open("X", "1", "", []string{bad}, nil) == nil {
			t.Errorf("%s was opened", bad)
		}
	}
	for _, good := range []string{"libc.so.6", filepath.Join(t.TempDir(), "absent.so")} {
		if err := Check(good); err != nil {
			t.Error(err)
		}
	}
}
