package safefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, s := range []string{"one", "another"} {
		if err := Write(path, 0o600, text(s)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != s {
			t.Errorf("the file holds %q (%v), want %q", b, err, s)
		}
	}
	broken := errors.New("broken")
	err := Write(path, 0o600, func(w io.Writer) error {
		if err := text("half")(w); err != nil {
			return err
		}
		return broken
	})
	if err != broken {
		t.Errorf("a failing writer gave %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "another" {
		t.Errorf("a failing writer left %q", b)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files are left, want 1", len(list))
	}
}

func TestWriteBelowAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, 0o600, text("x")); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(path, "g"), 0o600, text("x")); err == nil {
		t.Error("wrote below a file")
	}
}
