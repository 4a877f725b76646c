package safefile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

// The new content is on the disk before it gets the name, and the folder after: a power
// cut at any time leaves the old file or the new one.
func TestWriteSyncs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, 0o600, text("old")); err != nil {
		t.Fatal(err)
	}
	var synced []string
	broken := errors.New("the disk is gone")
	var fails error
	syncFile = func(f *os.File) error {
		named, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		content, err := os.ReadFile(f.Name())
		if err != nil { // a folder
			content = []byte("folder")
		}
		synced = append(synced, string(content)+" while "+string(named))
		return fails
	}
	defer func() { syncFile = (*os.File).Sync }()
	if err := Write(path, 0o600, text("new")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"new while old", "folder while new"}; !slices.Equal(synced, want) && runtime.GOOS != "windows" {
		t.Errorf("synced were %q, want %q", synced, want)
	}
	fails = broken
	if err := Write(path, 0o600, text("newest")); !errors.Is(err, broken) {
		t.Errorf("a disk that fails to sync gave %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "new" {
		t.Errorf("a disk that fails to sync left %q", b)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files are left, want 1", len(list))
	}
}

// The name goes from one file to another: whoever has the old one open keeps all of it.
func TestWriteRenames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, 0o600, text("old and long")); err != nil {
		t.Fatal(err)
	}
	old, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" { // where an open file cannot be replaced
		reader, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if b, err := io.ReadAll(reader); err != nil || string(b) != "old and long" {
				t.Errorf("the old file reads %q (%v) now", b, err)
			}
			reader.Close()
		}()
	}
	if err := Write(path, 0o600, func(w io.Writer) error {
		if b, err := os.ReadFile(path); err != nil || string(b) != "old and long" {
			t.Errorf("it reads %q (%v) while the new one is written", b, err)
		}
		return text("new")(w)
	}); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || os.SameFile(old, now) {
		t.Errorf("the old file was written over (%v)", err)
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
