//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/safefile"
)

// stopped starts a command, sends it a signal when it has run for a moment, and returns
// its exit code, what it printed, and how long it took to end.
func stopped(t *testing.T, dir string, after time.Duration, s syscall.Signal, env []string, args ...string) (code int, out, errs string, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := command(ctx, dir, env, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	sent := time.Now()
	_ = c.Process.Signal(s)
	_ = c.Wait()
	return c.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(sent)
}

// Every command that takes long ends within a second of a signal, with the code of the
// signal and a line that says what was kept.
func TestSignalsEndCommands(t *testing.T) {
	cold := []string{"CREASE_CACHE=off", "POCL_CACHE_DIR=" + t.TempDir()} // so that kernels are compiled
	none, opencl := []string(nil), false
	if _, err := hal.Open("opencl"); err == nil {
		opencl = true
	}
	for _, c := range []struct {
		args   string
		says   string
		env    []string
		opencl bool
	}{
		{"bench matmul --shape 64-4096*2 -d cpu --peer none -r 100", "measurements are complete", none, false},
		{"bench matmul --shape 2048 -d cpu --peer none --threads 1000", "measurements are complete", none, false},
		{"bench overhead -d cpu --peer none -r 10000", "devices are measured", none, false},
		{"bench matmul,softmax,conv2d -d opencl --peer none -r 100", "measurements are complete", cold, true},
		{"doctor -d opencl", "results are complete", cold, true},
		{"doctor -d cpu,opencl", "results are complete", cold, true},
		{"tune matmul -d opencl --dry-run", "0 of 1 ops are tuned", cold, true},
		{"graph uncrumple -d cpu -r 10000", "nothing was kept", none, false},
		{"train uncrumple -d cpu", "is saved in crease-uncrumple", none, false},
		{"train uncrumple -d opencl --mode graph", "", cold, true},
		{"train uncrumple -d opencl", "", cold, true},
	} {
		if c.opencl && !opencl {
			continue
		}
		for i, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			if i > 0 && c.opencl {
				continue // one signal is as another, and compiling takes its time
			}
			dir := t.TempDir()
			for try := 1; ; try++ { // the machine may be busy
				code, _, errs, took := stopped(t, dir, 600*time.Millisecond, s, c.env, strings.Fields(c.args)...)
				lines := strings.Split(strings.TrimSpace(errs), "\n")
				last := lines[len(lines)-1]
				if code != exitSignal+int(s) || !strings.HasPrefix(last, "crease: stopped by ") || !strings.Contains(last, c.says) {
					t.Errorf("%v: crease %s: exit code %d, it says %q", s, c.args, code, errs)
				}
				if took < time.Second {
					break
				}
				if try == 3 {
					t.Errorf("%v: crease %s took %v to end, three times", s, c.args, took)
					break
				}
			}
		}
	}
}

// The rows that were measured are printed, as whole JSON.
func TestStoppedBenchKeepsItsRows(t *testing.T) {
	code, out, errs, _ := stopped(t, t.TempDir(), 1500*time.Millisecond, syscall.SIGINT, nil, strings.Fields("bench exp,sum --shape 8-2048*2 -d cpu --peer none -r 4 -o json")...)
	if code != exitInterrupted || !strings.HasPrefix(out, `[{"schema":1,"op":"exp"`) || !strings.HasSuffix(out, "]\n") {
		t.Errorf("exit code %d: %q %q", code, out, errs)
	}
}

// A run that is stopped without --save takes the first default name that is free, leaves
// alone what has the name, and keeps nothing if nothing was done.
func TestStoppedRunOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	thesis := filepath.Join(dir, "crease-uncrumple.safetensors")
	if err := os.WriteFile(thesis, []byte("thesis"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs, _ := stopped(t, dir, time.Second, syscall.SIGINT, nil, strings.Fields("train uncrumple -d cpu")...)
	if code != exitInterrupted || !strings.Contains(errs, "--resume crease-uncrumple-2.safetensors --save crease-uncrumple-2.safetensors --device cpu") {
		t.Errorf("exit code %d, it says %q", code, errs)
	}
	if b, _ := os.ReadFile(thesis); string(b) != "thesis" {
		t.Error("the file that had the name is overwritten")
	}
	if _, err := safetensors.Open(filepath.Join(dir, "crease-uncrumple-2.safetensors")); err != nil {
		t.Error(err)
	}
	// Before the first step there is nothing to keep.
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(signals[os.Interrupt])
	var stderr bytes.Buffer
	root := rootCommand()
	root.SetErr(&stderr)
	root.SetOut(io.Discard)
	root.SetArgs(strings.Fields("train uncrumple -d cpu"))
	if code := execute(ctx, root); code != exitInterrupted || !strings.Contains(stderr.String(), "nothing was trained") {
		t.Errorf("exit code %d, it says %q", code, stderr.String())
	}
	if list, _ := os.ReadDir("."); len(list) != 0 {
		t.Errorf("it left %v", list)
	}
}

// --save writes only over what is this run's own.
func TestSaveProtectsFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	quick := []string{"train", "uncrumple", "-d", "cpu", "--steps", "9", "--batch", "8"}
	run := func(args ...string) (int, string) {
		code, _, errs := runCrease(t, append(slices.Clone(quick), args...)...)
		return code, errs
	}
	must := func(want int, says string, args ...string) {
		t.Helper()
		if code, errs := run(args...); code != want || !strings.Contains(errs, says) {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, errs)
		}
	}
	if err := os.WriteFile("notes", []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", "link"); err != nil {
		t.Fatal(err)
	}
	must(exitInput, "not a checkpoint", "--save", "notes")
	if err := os.WriteFile("photo.png", []byte("JFIF"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(exitInput, "no file of this kind", "--picture", "photo.png")
	must(exitUsage, "ends in .png", "--picture", "photo.jpg")
	must(exitUsage, "one file", "--picture", "a.png", "--save", "a.png")
	must(0, "", "--save", "a", "--stop-at", "4")
	must(exitInput, "holds step 4 of 9 of another run", "--save", "a")
	must(0, "", "--save", "a", "--resume", "a")
	must(0, "", "--save", "a", "--force", "--picture", "new.png")
	must(0, "", "--picture", "new.png") // a picture is replaced by one
	must(0, "", "--save", "link")
	if info, err := os.Lstat("link"); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v (%v)", info, err)
	}
	if _, err := safetensors.Open("real"); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile("notes"); string(b) != "notes" {
		t.Error("the notes are gone")
	}
	// A second run with one path is refused while the first one lasts.
	lock, err := safefile.Lock("b")
	if err != nil {
		t.Fatal(err)
	}
	must(exitInput, "is being written by process", "--save", "b")
	lock.Unlock()
	must(0, "", "--save", "b")
}

func TestReadOnlyFolderIsToldAtTheStart(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("the test needs a folder that not even root can write to")
	}
	t.Chdir("/proc/self")
	code, _, errs := runCrease(t, "train", "uncrumple", "-d", "cpu", "--steps", "2", "--batch", "8")
	if code != 0 || !strings.Contains(errs, "a run that is stopped will be lost") {
		t.Errorf("exit code %d, it says %q", code, errs)
	}
}

// kills is how many processes are killed: CREASE_TEST_KILLS says more.
func kills(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("CREASE_TEST_KILLS"))
	switch {
	case err == nil:
		return n
	case testing.Short():
		return 5
	}
	return 25
}

// Processes that save every few steps are killed at random moments. From the first save
// on there is always a checkpoint that a run goes on from, and the run after the last
// kill leaves nothing but its checkpoint.
func TestKills(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	saved, resumed := false, 0
	for i := range kills(t) {
		args := strings.Fields("train uncrumple -d cpu --steps 300 --batch 8 --save x.safetensors")
		if saved {
			args = append(args, "--resume", "x.safetensors")
			resumed++
		}
		c := command(t.Context(), dir, nil, args...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(40+rand.IntN(500))*time.Millisecond, func() { _ = c.Process.Kill() })
		err := c.Wait()
		timer.Stop()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
			t.Fatalf("kill %d: the run ended with %v: %s", i, err, stderr.String())
		}
		_, openErr := safetensors.Open(path)
		switch {
		case openErr == nil:
			saved = true
		case saved || !errors.Is(openErr, os.ErrNotExist):
			t.Fatalf("after kill %d: %v", i, openErr)
		}
		if err == nil { // it came to its end: begin anew
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			saved = false
		}
	}
	if resumed == 0 {
		t.Error("no run was resumed: the kills come too early")
	}
	args := strings.Fields("train uncrumple -d cpu --steps 300 --batch 8 --save x.safetensors")
	if saved {
		args = append(args, "--resume", "x.safetensors")
	}
	if out, err := command(t.Context(), dir, nil, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left are %v", list)
	}
}
