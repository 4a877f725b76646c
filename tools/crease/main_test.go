package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/ops"
)

// crease runs the command in this process.
func runCrease(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := rootCommand()
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetIn(strings.NewReader(""))
	root.SetArgs(args)
	code = execute(context.Background(), root)
	return code, stdout.String(), stderr.String()
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.safetensors")
	if err := os.WriteFile(broken, []byte("no"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREASE_DATA", "")
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} { // the user's cache, by system
		t.Setenv(name, dir)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"version", 0, ""},
		{"--foo", exitUsage, "unknown flag: --foo"},
		{"trian", exitUsage, "did you mean train"},
		{"train", exitUsage, "want one task"},
		{"train nothing", exitUsage, "no task"},
		{"train uncrumple --bogus", exitUsage, "unknown flag: --bogus"},
		{"train uncrumple --mode fast", exitUsage, "want eager or graph"},
		{"train uncrumple --steps -3", exitUsage, "want a whole number from 1"},
		{"train uncrumple --steps x", exitUsage, "invalid argument"},
		{"train uncrumple --output xml", exitUsage, "want table or json"},
		{"train uncrumple --threads 0", exitUsage, "from 1 to 4096"},
		{"train uncrumple --batch 1000000", exitUsage, "number of training samples"},
		{"train fashion --picture x.png", exitUsage, "--picture is for uncrumple"},
		{"train fashion --model rnn --data " + dir, exitUsage, "no model"},
		{"train fashion", exitInput, "CREASE_DATA"},
		{"train fashion --data " + dir + "/absent", exitInput, "does not exist"},
		{"train fashion --device cuda:0 --data " + dir, exitDevice, "cuda"},
		{"train uncrumple -d cpu/neonx", exitUsage, "no arch"},
		{"train uncrumple -d quantum", exitUsage, "no driver of kind"},
		{"train uncrumple --resume " + broken, exitInput, "broken.safetensors"},
		{"train uncrumple --resume " + dir + "/absent", exitInput, "no such file"},
		{"train uncrumple --save " + broken + "/x", exitInput, "cannot write"},
		{"train uncrumple --preset baby", exitUsage, "no model \"baby\""},
		{"train chargpt --data " + dir, exitInput, "crease data get tinyshakespeare"},
		{"sample", exitUsage, "--ckpt FILE"},
		{"sample --ckpt x --temperature -1", exitUsage, "want a number from 0"},
		{"sample --ckpt x --tokens 0", exitUsage, "whole number from 1"},
		{"sample --ckpt " + broken, exitInput, "broken.safetensors"},
		{"data get", exitUsage, "at least one set"},
		{"data get imagenet", exitUsage, "no data set"},
		{"bench", exitUsage, "want the names of ops"},
		{"bench matmull", exitUsage, "no op"},
		{"bench matmul --shape 5-1", exitUsage, "ends before it begins"},
		{"bench matmul --dtype f31", exitUsage, "f31"},
		{"bench matmul --peer blis", exitUsage, "want auto, openblas or none"},
		{"bench overhead more", exitUsage, "more"},
		{"bench overhead --peer jax", exitUsage, "want auto, none, or a list of numpy, torch"},
		{"bench overhead -r 0", exitUsage, "from 1 to 10000"},
		{"bench overhead -o xml", exitUsage, "want table, json, csv, md or bench"},
		{"bench overhead -d cuda:0", exitDevice, "cuda"},
		{"bench overhead -d cpu@threads=0 --peer none", exitUsage, "threads"},
		{"bench overhead -d cpu --peer torch --python " + dir + "/python3", exitInput, "torch was not found"},
		{"ops nope", exitUsage, "no op"},
		{"devices extra", exitUsage, "extra"},
	} {
		code, _, errs := runCrease(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("crease %s: exit code %d, want %d; it says %q, want %q", c.args, code, c.code, errs, c.says)
		}
		if c.code != 0 && strings.Count(strings.TrimSpace(errs), "\n") > 0 && !strings.Contains(errs, "auto is") {
			t.Errorf("crease %s: the error has several lines: %q", c.args, errs)
		}
	}
}

func TestOpsListsEveryRow(t *testing.T) {
	_, out, _ := runCrease(t, "ops", "-o", "json", "-d", "cpu")
	var rows []opRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(ops.All()) {
		t.Errorf("%d rows, the table has %d", len(rows), len(ops.All()))
	}
	for _, r := range rows {
		if op := ops.Get(r.Op); op.Kind == ops.Core {
			for dt, s := range r.Served {
				if s != "k" {
					t.Errorf("%s %s is served by %s", r.Op, dt, s)
				}
			}
		}
	}
}

func TestBenchMeasures(t *testing.T) {
	code, out, errs := runCrease(t, "bench", "matmul,softmax", "--shape", "16,32", "-r", "2", "-d", "cpu", "--peer", "none", "-o", "json")
	if code != 0 {
		t.Fatal(errs)
	}
	var rows []bench.Result
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 {
		t.Fatalf("%d results", len(rows))
	}
	for _, r := range rows {
		if !(r.Median > 0) || !(r.GFlops > 0) || !(r.GBytes > 0) || !strings.Contains(r.Served, r.Op) {
			t.Errorf("result %+v", r)
		}
	}
	if _, out, _ = runCrease(t, "bench", "exp", "--shape", "16", "-r", "1", "-d", "cpu", "-o", "bench"); !strings.HasPrefix(out, "Benchmarkexp/device=cpu") {
		t.Errorf("the benchmark format is %q", out)
	}
}

// With JSON the result is all of standard output.
func TestTrainJSON(t *testing.T) {
	dir := t.TempDir()
	png := filepath.Join(dir, "x.png")
	code, out, errs := runCrease(t, "train", "uncrumple", "--steps", "20", "--batch", "128", "-d", "cpu", "-o", "json", "--picture", png, "--save", filepath.Join(dir, "x"))
	if code != 0 {
		t.Fatal(errs)
	}
	var res map[string]any
	if err := json.Unmarshal([]byte(out), &res); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	for _, key := range []string{"task", "device", "mode", "seed", "steps", "seconds", "train_loss", "test_loss", "test_accuracy", "parameters", "probe_accuracy"} {
		if _, ok := res[key]; !ok {
			t.Errorf("the result has no %s", key)
		}
	}
	if n := len(res["probe_accuracy"].([]any)); n != 9 {
		t.Errorf("%d probes, want the ball and 8 layers", n)
	}
	if b, err := os.ReadFile(png); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Errorf("no picture: %v", err)
	}
	if !strings.Contains(errs, "test accuracy") {
		t.Errorf("progress is missing: %q", errs)
	}
}

func TestInterruptedRunSaysHowToGoOn(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out, errs := runCrease(t, "train", "uncrumple", "--steps", "9", "--batch", "64", "--stop-at", "4", "-d", "cpu")
	if code != 0 || !strings.Contains(out, "stopped as --stop-at says") || !strings.Contains(out, "--resume crease-uncrumple.safetensors --save crease-uncrumple.safetensors --batch 64 --device cpu --steps 9") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if code, _, errs := runCrease(t, "train", "uncrumple", "--resume", "crease-uncrumple.safetensors", "-d", "cpu"); code != 0 {
		t.Errorf("resuming: exit code %d, %s", code, errs)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, errs := runCrease(t, "completion", shell); code != 0 || !strings.Contains(out, "crease") {
			t.Errorf("completion %s: %d %s", shell, code, errs)
		}
	}
	if _, out, _ := runCrease(t, "__complete", "train", ""); !strings.Contains(out, "uncrumple") {
		t.Errorf("tasks are not completed: %q", out)
	}
	if _, out, _ := runCrease(t, "__complete", "train", "uncrumple", "--device", ""); !strings.Contains(out, "auto") || !strings.Contains(out, "cpu/generic") {
		t.Errorf("devices are not completed: %q", out)
	}
}
