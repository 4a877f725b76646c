package sim

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedKernelsAreCurrent runs the generator and compares its output with
// the files beside this test. It needs the generator's modules in the module cache
// and skips without them; CREASE_GENERATE=1 turns that skip into a failure and
// allows the download.
func TestGeneratedKernelsAreCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the assembly generator")
	}
	dir := t.TempDir()
	generator := filepath.Join(dir, "generator")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", generator, "./sim")
	build.Dir = filepath.Join("..", "_asm")
	build.Env = append(os.Environ(), "GOOS=", "GOARCH=", "GOFLAGS=-mod=readonly")
	must := os.Getenv("CREASE_GENERATE") == "1"
	if !must {
		build.Env = append(build.Env, "GOPROXY=off")
	}
	if out, err := build.CombinedOutput(); err != nil {
		if must {
			t.Fatalf("building the generator: %v\n%s", err, out)
		}
		t.Skipf("tpu/_asm/sim cannot be built offline (CREASE_GENERATE=1 insists): %v", err)
	}
	names := []string{"z_mesh_amd64.s", "z_mesh_amd64.go"}
	run := exec.CommandContext(t.Context(), generator,
		"-out", filepath.Join(dir, names[0]), "-stubs", filepath.Join(dir, names[1]), "-pkg", "sim")
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("running the generator: %v\n%s", err, out)
	}
	for _, name := range names {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// The first line quotes the command, whose paths differ.
		_, want, _ = bytes.Cut(want, []byte("\n"))
		_, got, _ = bytes.Cut(got, []byte("\n"))
		if len(want) == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s is not what tpu/_asm/sim writes: run go generate in tpu/sim", name)
		}
	}
}
