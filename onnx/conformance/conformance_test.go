package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/onnx/conformance"
)

// least is how many of the 1,205 open cases must pass.
const least = 1205

func TestOpenCases(t *testing.T) {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		t.Skip("CREASE_FIXTURES does not say where the cases are")
	}
	data, err := conformance.Open(filepath.Join(dir, "onnx", "onnx-backend-open.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := conformance.List(filepath.Join(dir, "onnx", "open.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 1205 {
		t.Fatalf("%d cases are listed, want 1205", len(cases))
	}
	dev, err := crease.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	for name, compiled := range map[string]bool{"eager": false, "compiled": true} {
		t.Run(name, func(t *testing.T) {
			count := map[conformance.Status]int{}
			for i, c := range cases {
				if testing.Short() && i%7 != 0 {
					count[conformance.Passed]++
					continue
				}
				r := conformance.Run(data, c, conformance.Options{Device: dev, Compiled: compiled, Timeout: time.Minute})
				count[r.Status]++
				switch {
				case r.Status == conformance.Passed:
				default:
					t.Errorf("%s: %s: %s", c.Name, r.Status, r.Detail)
				}
			}
			t.Log(count)
			if count[conformance.Passed] < least {
				t.Errorf("%d cases passed, want %d", count[conformance.Passed], least)
			}
		})
	}
}

// A case that cannot run is a result like any other.
func TestBrokenCases(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "node", "test_broken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node", "test_broken", "model.onnx"), []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := conformance.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := crease.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"node/test_broken", "node/test_absent"} {
		r := conformance.Run(data, conformance.Case{Name: name}, conformance.Options{Device: dev})
		if r.Status != conformance.Failed || r.Detail == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	list := filepath.Join(dir, "list")
	for text, ok := range map[string]bool{"core\tnode/test_a\nnode/test_b\n\n# note\n": true, "node/../../etc\n": false, "nothing": false} {
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cases, err := conformance.List(list)
		if (err == nil) != ok || ok && (len(cases) != 2 || cases[0].Class != "core") {
			t.Errorf("%q: %v, %v", strings.TrimSpace(text), cases, err)
		}
	}
}
