package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// --log has a line for the start, every report and the end, and --tensorboard a file with
// records of everything that is shown.
func TestTrainLogs(t *testing.T) {
	dir := t.TempDir()
	log, board, save := filepath.Join(dir, "l.jsonl"), filepath.Join(dir, "runs", "one"), filepath.Join(dir, "m.safetensors")
	code, _, errs := runCrease(t, "train", "uncrumple", "--steps", "20", "-d", "cpu", "--log", log, "--tensorboard", board, "--save", save, "--keep-best", filepath.Join(dir, "best.safetensors"), "--keep", "2")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	kinds, last := map[string]int{}, 0.0
	for line := range strings.Lines(string(text)) {
		var v struct {
			Kind         string
			Step         float64
			TrainLoss    *float64 `json:"train_loss"`
			TestAccuracy *float64 `json:"test_accuracy"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if kinds[v.Kind]++; v.Step < last || v.Kind != "start" && (v.TrainLoss == nil || v.TestAccuracy == nil) {
			t.Errorf("line %s", line)
		}
		last = v.Step
	}
	if kinds["start"] != 1 || kinds["report"] != 10 || kinds["end"] != 1 || last != 20 {
		t.Errorf("lines %v, the last of step %v", kinds, last)
	}
	files, _ := filepath.Glob(filepath.Join(board, "*tfevents*"))
	if len(files) != 1 {
		t.Fatalf("event files %v", files)
	}
	events, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]int{"loss/step": 20, "loss/train": 10, "accuracy/test": 10, "accuracy/probe": 9, "\x0a\x06layers": 1, "parameters/": 340} {
		if got := strings.Count(string(events), tag); got != want {
			t.Errorf("tag %q is there %d times, want %d", tag, got, want)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "*.safetensors")); len(kept) != 4 {
		t.Errorf("kept %v", kept)
	}
}

func TestTrainLogMisuse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(dir, "notes")
	if err := os.WriteFile(notes, []byte("my notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--keep", "2"}, exitUsage, "needs --save"},
		{[]string{"--keep", "0", "--save", file + "2"}, exitUsage, "from 1 to"},
		{[]string{"--log", ""}, exitUsage, "empty"},
		{[]string{"--tensorboard", ""}, exitUsage, "empty"},
		{[]string{"--log", dir}, exitInput, "is a directory"},
		{[]string{"--log", filepath.Join(dir, "absent", "l")}, exitInput, "no such file"},
		{[]string{"--tensorboard", file}, exitInput, "not a directory"},
		{[]string{"--log", notes}, exitInput, "is no log"},
	} {
		code, _, errs := runCrease(t, append([]string{"train", "uncrumple", "--steps", "5", "-d", "cpu"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Count(strings.TrimSpace(errs), "\n") > 0 {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, code, c.code, errs)
		}
	}
}
