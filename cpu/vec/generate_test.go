//go:build !noasm

package vec

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedFiles runs the generator and compares its output with the files
// in this folder. It needs the generator's modules: where they are not in the
// module cache it is skipped, unless CREASE_GENERATE=1 lets go download them.
func TestGeneratedFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("short: the generator takes seconds to build")
	}
	dir := t.TempDir()
	gen := filepath.Join(dir, "vec.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../_asm", "-o", gen, "./vec")
	build.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOOS=", "GOARCH=")
	download := os.Getenv("CREASE_GENERATE") == "1"
	if !download {
		build.Env = append(build.Env, "GOPROXY=off")
	}
	if out, err := build.CombinedOutput(); err != nil {
		if download {
			t.Fatalf("building the generator: %v\n%s", err, out)
		}
		t.Skipf("the generator does not build from the module cache (CREASE_GENERATE=1 downloads avo): %v", err)
	}
	for _, level := range []string{"avx2", "avx512"} {
		asm, stubs := filepath.Join(dir, level+".s"), filepath.Join(dir, level+".go")
		out, err := exec.CommandContext(t.Context(), gen,
			"-level", level, "-out", asm, "-stubs", stubs, "-pkg", "vec").CombinedOutput()
		if err != nil {
			t.Fatalf("generating %s: %v\n%s", level, err, out)
		}
		for fresh, kept := range map[string]string{asm: "z_" + level + "_amd64.s", stubs: "z_" + level + "_amd64.go"} {
			if !bytes.Equal(body(t, fresh), body(t, kept)) {
				t.Errorf("%s is not what the generator writes: run go generate in cpu/vec", kept)
			}
		}
	}
}

// body reads a file from its second line on; the first names the command line,
// which holds this run's temporary paths.
func body(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte("\n"))
	return rest
}
