package opencl_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	_ "github.com/crease-ml/crease/opencl"
	"github.com/crease-ml/crease/ops"
)

// TestConformance runs every row in float32, and those that are not elementwise in a
// type of another class, because drivers take long to compile and a class of types is
// what differs in kernels; with CREASE_CONFORM=all every row in every type, which
// takes PoCL a quarter of an hour.
func TestConformance(t *testing.T) {
	if os.Getenv(sanitized) != "" {
		t.Skip("see TestSanitizer")
	}
	dev := conform.Open(t, "opencl")
	if os.Getenv("CREASE_CONFORM") == "all" {
		conform.Run(t, dev)
		return
	}
	var maps, others []*ops.Op
	for _, op := range ops.All() {
		if op.Expr != nil {
			maps = append(maps, op)
		} else {
			others = append(others, op)
		}
	}
	conform.Selection{Ops: maps, Types: []dtype.Type{dtype.F32, dtype.Bool}}.Run(t, dev)
	conform.Selection{Ops: others, Types: []dtype.Type{dtype.F32, dtype.F16}}.Run(t, dev)
}

// Random programs do the same compiled as eagerly. Every fused expression is a program of
// its own, which the driver takes long to compile; CREASE_CONFORM=all runs more of them.
func TestPrograms(t *testing.T) {
	if os.Getenv(sanitized) != "" {
		t.Skip("see TestSanitizer")
	}
	n := 100
	if os.Getenv("CREASE_CONFORM") == "all" {
		n = 2000
	}
	conform.Programs(t, conform.Open(t, "opencl"), 0, n)
}

func TestAliases(t *testing.T) {
	if os.Getenv(sanitized) != "" {
		t.Skip("see TestSanitizer")
	}
	conform.Aliases(t, conform.Open(t, "opencl"))
}

// Every row has a kernel for float32, so that nothing runs slowly without notice.
func TestKernelsAreThere(t *testing.T) {
	dev := conform.Open(t, "opencl")
	for _, op := range ops.All() {
		if op.Kind == ops.Core && len(conform.Missing(dev, op)) > 0 {
			t.Errorf("%s has no kernel for %v", op.Name, conform.Missing(dev, op))
		}
	}
}

// sanitized is set in the process that runs under the simulator.
const sanitized = "CREASE_SANITIZED"

// oclgrind is the simulator as an OpenCL driver.
const oclgrind = "/usr/lib/oclgrind/liboclgrind-rt-icd.so"

// TestSanitizer runs kernels in oclgrind, which sees races between work items and
// accesses outside of buffers. It ends well whatever it sees, so its log must be
// empty; a kernel that lacks a barrier and one that writes too far must fill it.
func TestSanitizer(t *testing.T) {
	if os.Getenv(sanitized) != "" {
		t.Skip("this is it")
	}
	if _, err := os.Stat(oclgrind); err != nil {
		conform.Absent(t, "opencl", fmt.Errorf("oclgrind is not installed (Debian: apt-get install oclgrind): %w", err))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "oclgrind.icd"), []byte(oclgrind+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		test, says string
	}{
		{"TestSanitizedKernels", ""},
		{"TestPlantedMistakes/right", ""},
		{"TestPlantedMistakes/barrier", "data race"},
		{"TestPlantedMistakes/bounds", "Invalid write"},
	} {
		log := filepath.Join(dir, strings.ReplaceAll(c.test, "/", "-"))
		cmd := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(c.test, "/", "$/^")+"$", "-test.v")
		cmd.Env = append(os.Environ(), sanitized+"=1", "OCL_ICD_VENDORS="+dir, "OCLGRIND_DATA_RACES=1", "OCLGRIND_LOG="+log, "OCLGRIND_MAX_ERRORS=2", "CREASE_CACHE=off")
		out, err := cmd.CombinedOutput()
		seen, _ := os.ReadFile(log)
		switch {
		case err != nil:
			t.Errorf("%s: %v\n%s", c.test, err, out)
		case !strings.Contains(string(out), "--- PASS: "+c.test):
			t.Errorf("%s did not run:\n%s", c.test, out)
		case c.says == "" && len(seen) > 0:
			t.Errorf("%s: oclgrind says\n%.2000s", c.test, seen)
		case c.says != "" && !strings.Contains(string(seen), c.says):
			t.Errorf("%s: a planted mistake was not seen; the log is %q", c.test, seen)
		}
	}
}

// TestSanitizedKernels is every kernel on tiny shapes. Maps differ by their
// expression alone, so some stand for all.
func TestSanitizedKernels(t *testing.T) {
	if os.Getenv(sanitized) == "" {
		t.Skip("runs in TestSanitizer")
	}
	list := []*ops.Op{ops.Add, ops.Where}
	for _, op := range ops.All() {
		if op.Kind != ops.View && op.Expr == nil {
			list = append(list, op)
		}
	}
	conform.Selection{Ops: list, Types: []dtype.Type{dtype.F32}}.Kernels(t, conform.Open(t, "opencl"))
}
