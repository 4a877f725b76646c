package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/graph"
)

func TestGraphCommand(t *testing.T) {
	dir := t.TempDir()
	dot, svg := filepath.Join(dir, "step.dot"), filepath.Join(dir, "plan.svg")
	code, out, errs := runCrease(t, "graph", "uncrumple", "-d", "cpu", "--batch", "64", "-r", "2", "--dot", dot, "--svg", svg)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, p := range graph.Passes() {
		if !p.Places() && !strings.Contains(out, "\n"+p.Name+" ") {
			t.Errorf("the table has no pass %s:\n%s", p.Name, out)
		}
	}
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("a line has %d characters: %s", n, line)
		}
	}
	text, err := os.ReadFile(dot)
	if err != nil || !strings.HasPrefix(string(text), "digraph ") || strings.Count(string(text), " -> ") < 50 {
		t.Errorf("the graph for Graphviz (%v): %.200s", err, text)
	}
	drawing, err := os.Open(svg)
	if err != nil {
		t.Fatal(err)
	}
	defer drawing.Close()
	boxes := 0
	for d := xml.NewDecoder(drawing); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the drawing is no XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			boxes++
		}
	}
	if boxes < 100 {
		t.Errorf("the drawing has %d boxes", boxes)
	}
}

func TestGraphReport(t *testing.T) {
	code, out, errs := runCrease(t, "graph", "uncrumple", "-d", "cpu", "--batch", "64", "-r", "2", "-o", "json", "--passes=-epilogue,-arena")
	var r bench.GraphReport
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, errs)
	}
	for _, p := range r.Passes {
		if p.Name == "epilogue" || p.Nodes == 0 {
			t.Errorf("pass %+v", p)
		}
	}
	if r.Arena < r.Apart || len(r.Steps) == 0 || r.Eager <= 0 || r.Graph <= 0 || r.EagerPeak <= 0 || r.GraphPeak <= 0 {
		t.Errorf("without the arena: %+v", r)
	}
}

func TestGraphDiff(t *testing.T) {
	code, out, errs := runCrease(t, "graph", "uncrumple", "-d", "cpu", "--batch", "64", "-r", "1", "--diff", "copies")
	if code != 0 || !strings.Contains(out, "\n- ") || !strings.Contains(out, "copy(") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for args, want := range map[string]string{
		"--diff nothing":                 "want dead",
		"--diff arena":                   "--svg draws",
		"--diff fuse --passes=-fuse":     "did not run",
		"--passes=fuse":                  "no sign",
		"--batch=-1":                     "whole number",
		"-r 0":                           "repetitions",
		"--svg /nowhere/at/all/plan.svg": "cannot write",
	} {
		code, _, errs := runCrease(t, append([]string{"graph", "uncrumple", "-d", "cpu"}, strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, want an error with %q: %s", args, code, want, errs)
		}
	}
}

// A model in a file: y = x·2 + x is one fused step, for as many elements as --batch says.
func TestGraphOfAModel(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := runCrease(t, "graph", scaleModel(t, dir, "Add"), "-d", "cpu", "-r", "2", "--batch", "5", "-o", "json")
	var r bench.GraphReport
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, errs)
	}
	if len(r.Steps) != 1 || r.Steps[0].Name != "fused" || !strings.Contains(r.Steps[0].Text, "[5]") || !(r.Graph > 0 && r.Eager > 0) {
		t.Errorf("%+v", r)
	}
	for args, want := range map[string]int{
		scaleModel(t, dir, "Frobnicate"): exitInput, filepath.Join(dir, "absent.onnx"): exitInput, scaleModel(t, dir, "Add") + " --model mlp": exitUsage,
	} {
		if code, _, errs := runCrease(t, append([]string{"graph", "-d", "cpu"}, strings.Fields(args)...)...); code != want || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit code %d, want %d: %s", args, code, want, errs)
		}
	}
}
