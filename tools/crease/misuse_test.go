//go:build unix

package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/crease-ml/crease/hal"
)

// What every flag of every command does with values that nobody should give it. Flags are
// found in the commands themselves: a new one is either refused all of these values,
// or its name stands in a list below.

// usual are the arguments that let a command run quickly with what is right.
var usual = map[string][]string{
	"crease":                {},
	"crease bench":          {"exp", "--shape", "8", "-r", "1", "-d", "cpu", "--peer", "none", "--limit", "1ms"},
	"crease data":           {},
	"crease data get":       {"no-such-set"}, // others would be downloaded
	"crease sample":         {"--ckpt", "precious", "-d", "cpu"},
	"crease bench overhead": {"-d", "cpu", "--peer", "none", "-r", "1"},
	"crease devices":        {},
	"crease doctor":         {"-d", "cpu"},
	"crease env":            {},
	"crease graph":          {"uncrumple", "-d", "cpu", "--batch", "8", "-r", "1"},
	"crease ops":            {"exp", "-d", "cpu"},
	"crease train":          {"uncrumple", "-d", "cpu", "--steps", "1", "--batch", "8"},
	"crease tune":           {"exp", "-d", "cpu", "--dry-run"},
	"crease version":        {},
	"crease tpu":            {},
	"crease tpu cycles":     {"--preset", "v4", "--gemm", "8,8,8"},
	"crease tpu paper":      {},
	"crease tpu asm":        {"halt.s"},
	"crease tpu disasm":     {"halt.bin"},
	"crease tpu run":        {"halt.s", "--preset", "v2", "--memory", "1K"},
	"crease tpu step":       {"halt.s", "--preset", "v2", "--memory", "1K", "--all"},
	"crease tpu report":     {"uncrumple", "-d", "tpu:v2", "--batch", "8"},
	"crease tpu sweep":      {"uncrumple", "--batch", "8", "--sizes", "32", "--dataflows", "ws"},
	"crease tpu quantize":   {"--data", "folder", "-d", "cpu"},
	"crease bench tpu":      {"-r", "1"},
	"crease run":            {"precious", "-d", "cpu"},
	"crease onnx":           {},
	"crease onnx check":     {"precious"},
	"crease onnx convert":   {"precious", "x.onnx"},
	"crease onnx ops":       {},
	"crease onnx run":       {"precious", "-d", "cpu"},
	"crease onnx conformance": {
		"--list", "precious", "-d", "cpu",
	},
}

// failing are the codes that commands end with when their flags are right, since they have
// no data or no file that is good.
var failing = map[string]int{"crease sample": exitInput, "crease tpu quantize": exitInput, "crease data get": exitUsage,
	"crease run": exitInput, "crease onnx check": exitInput, "crease onnx convert": exitInput, "crease onnx run": exitInput, "crease onnx conformance": exitInput}

// misuses are the values. Those with a slash are files.
type misuses struct {
	values []string
}

// wants says which code a flag with a value ends with, -1 where the value is good.
func (m *misuses) wants(cmd *cobra.Command, f *pflag.Flag, value string) int {
	const good = -1
	name := cmd.CommandPath() + " --" + f.Name
	file := strings.Contains(value, "/") || value == "precious"
	switch {
	case f.Value.Type() == "bool":
		if value == "0" && f.Name != "dry-run" { // for more there would have to be a table
			return good
		}
		return exitUsage
	case name == "crease tpu run --vcd": // which needs another engine
		return exitUsage
	case slices.Contains([]string{"input", "only", "list", "save"}, f.Name) && failing[cmd.CommandPath()] == exitInput && value != "":
		return exitInput // the model or the list is bad, whatever it is to be given
	case f.Name == "keep": // without --save
		return exitUsage
	case f.Name == "tensorboard" && (strings.HasSuffix(value, "/folder") || value != "" && !file):
		return good
	case slices.Contains([]string{"save", "keep-best", "dot", "svg", "out", "trace", "vcd", "log", "tensorboard"}, f.Name):
		switch {
		case value == "":
			return exitUsage
		case file:
			return exitInput
		}
		return good // a name like another
	case slices.Contains([]string{"resume", "data", "csv", "python", "ckpt", "checkpoint"}, f.Name):
		switch {
		case value == "":
			return exitUsage
		case f.Name == "data" && cmd.Name() != "quantize":
			return good // uncrumple has no data
		case f.Name == "python":
			return good // no peer is asked for
		}
		return exitInput
	case f.Name == "table": // of tune, whose dry run does not look at it
		if value == "" {
			return exitUsage
		}
		return exitFailed // cpu has nothing to tune
	case value == "0" && (f.Name == "seed" || f.Name == "weight-decay"), value == "" && f.Name == "passes",
		value == "0" && f.Name == "temperature", value != "" && f.Name == "prompt",
		value == "1e9" && (f.Name == "bandwidth" || f.Name == "freq") && strings.Contains(name, "crease tpu") && cmd.Name() != "asm":
		return good
	}
	return exitUsage
}

func TestEveryFlagMisused(t *testing.T) {
	m := &misuses{}
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("CREASE_TUNING", "off")
	t.Setenv("CREASE_DATA", "")
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("precious", "the only copy")
	write("halt.s", "halt\n")
	if code, _, errs := runCrease(t, "tpu", "asm", "halt.s", "--out", "halt.bin"); code != 0 {
		t.Fatal(errs)
	}
	m.values = []string{"", "0", "-1", "1e9", "NaN", "é☃\n", folder, "/dev/zero", fifo, "precious"}
	if full := fullDisk(t); full != "" {
		m.values = append(m.values, filepath.Join(full, "x"))
	}
	before := snapshot(t, dir)
	n := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		args, known := usual[cmd.CommandPath()]
		if known {
			flags := map[string]*pflag.Flag{}
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = f })
			for name, f := range flags {
				if name == "help" {
					continue
				}
				for _, value := range m.values {
					n++
					line := append(slices.Clone(strings.Fields(cmd.CommandPath())[1:]), args...)
					line = append(line, "--"+name+"="+value)
					want := m.wants(cmd, f, value)
					if end := failing[cmd.CommandPath()]; want < 0 && end != 0 {
						want = end
					}
					m.check(t, line, want, dir, before)
				}
			}
		} else if cmd.Name() != "completion" && cmd.Name() != "help" {
			t.Errorf("%s: no arguments that it runs with are known", cmd.CommandPath())
		}
		for _, c := range cmd.Commands() {
			if c.Name() != "completion" && c.Name() != "help" {
				walk(c)
			}
		}
	}
	walk(rootCommand())
	if n < 500 {
		t.Errorf("only %d cases: the walk is broken", n)
	}
}

// check runs a command and compares what it did with what it should.
func (m *misuses) check(t *testing.T, line []string, want int, dir string, before map[string]string) {
	t.Helper()
	var code int
	var errs string
	// A second is much more than it takes, but the machine may be busy with others.
	slow := 0
	for ; slow < 3; slow++ {
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			code, _, errs = runCrease(t, line...)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("crease %q hangs", line)
		}
		if want < 0 || time.Since(start) < time.Second {
			break
		}
	}
	if slow == 3 {
		t.Errorf("crease %q took more than a second, three times", line)
	}
	if want < 0 {
		if code != exitOK {
			t.Errorf("crease %q: exit code %d: %s", line, code, errs)
		}
		// What it wrote is its own; the next case begins as this one did.
		for name := range snapshot(t, dir) {
			if _, old := before[name]; !old {
				os.RemoveAll(filepath.Join(dir, name))
			}
		}
	} else {
		if code != want {
			t.Errorf("crease %q: exit code %d, want %d: %s", line, code, want, errs)
		}
		if strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "crease: ") || len(errs) > 600 {
			t.Errorf("crease %q says %q, want one line", line, errs)
		}
	}
	for name, after := range snapshot(t, dir) {
		if old, there := before[name]; !there || old != after {
			t.Fatalf("crease %q: %s was %q (there: %v) and is %.200q", line, name, old, there, after)
		}
	}
}

// snapshot is what a folder holds, by name.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		all[e.Name()] = e.Type().String()
		if e.Type().IsRegular() {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			all[e.Name()] = string(b)
		}
	}
	return all
}

// fullDisk mounts a file system without room, which only root can. Others have the rest
// of the table.
func fullDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4k", "none", dir).Run(); err != nil {
		t.Log("no full disk: it takes root to mount one")
		return ""
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	_ = os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 1<<20), 0o600)
	return dir
}

// TestMain lets the tests start this binary as the command.
func TestMain(m *testing.M) {
	if os.Getenv("CREASE_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is the command as a process of its own, with these variables besides.
func command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Dir = dir
	c.Env = append(append(os.Environ(), "CREASE_TEST_MAIN=1"), env...)
	return c
}

func TestEveryVariableMisused(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	values := []string{"0", "-1", "1e9", "NaN", "é☃", dir, "/dev/zero", fifo}
	for _, v := range variables {
		if v.name == "NO_COLOR" {
			continue
		}
		for _, value := range values {
			args, want := []string{"train", "uncrumple", "--steps", "1", "--batch", "8", "-d", "cpu"}, exitUsage
			file := strings.Contains(value, "/")
			switch v.name {
			case "CREASE_DATA":
				args[1], want = "fashion", exitInput
			case "CREASE_TUNING":
				args, want = []string{"ops", "exp", "-d", "opencl"}, exitOK // there is no such table yet
				if file {
					want = exitInput
				}
				if _, err := hal.Open("opencl"); err != nil {
					continue
				}
			case "CREASE_CACHE":
				want = exitOK // at most it is not used
			case "CREASE_OPENCL":
				args, want = []string{"ops", "exp", "-d", "opencl"}, exitDevice
			case "CREASE_OPENBLAS":
				args, want = []string{"bench", "matmul", "--shape", "8", "-r", "1", "-d", "cpu", "--peer", "openblas"}, exitInput
			case "CREASE_PYTHON":
				args, want = []string{"bench", "overhead", "-d", "cpu", "--peer", "numpy", "-r", "1"}, exitInput
			case "CREASE_DEBUG":
				if value == "0" {
					want = exitOK
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			c := command(ctx, dir, []string{v.name + "=" + value}, args...)
			var errs bytes.Buffer
			c.Stderr = &errs
			_ = c.Run()
			cancel()
			if code := c.ProcessState.ExitCode(); code != want {
				t.Errorf("%s=%q crease %s: exit code %d, want %d: %s", v.name, value, strings.Join(args, " "), code, want, errs.String())
			}
			if want != exitOK && (strings.Count(errs.String(), "\n") != 1 || !strings.HasPrefix(errs.String(), "crease: ")) {
				t.Errorf("%s=%q crease %s says %q, want one line", v.name, value, strings.Join(args, " "), errs.String())
			}
			if info, err := os.Lstat(fifo); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
				t.Fatalf("%s=%q: the FIFO is gone", v.name, value)
			}
		}
	}
}

func TestUnknownVariablesAreNamed(t *testing.T) {
	t.Setenv("CREASE_DEVCE", "cpu")
	if code, _, errs := runCrease(t, "version"); code != 0 || !strings.Contains(errs, "CREASE_DEVCE: did you mean CREASE_DEVICE?") {
		t.Errorf("exit code %d, it says %q", code, errs)
	}
}
