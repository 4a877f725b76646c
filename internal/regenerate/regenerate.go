// Package regenerate is for tests that generated assembly is what its generator writes.
package regenerate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Assembly builds the generator ../_asm/NAME of the package in whose folder the test runs,
// lets it write the files z_WHAT_amd64.s and z_WHAT_amd64.go anew, with further arguments,
// and compares them with those that are there. It needs the generator's modules: where they are
// not in the module cache the test is skipped, unless CREASE_GENERATE=1 lets go
// download them.
func Assembly(t *testing.T, name, what string, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("short: the generator takes seconds to build")
	}
	dir := t.TempDir()
	generator := filepath.Join(dir, "generator.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join("..", "_asm"), "-o", generator, "./"+name)
	build.Env = append(os.Environ(), "GOOS=", "GOARCH=", "GOFLAGS=-mod=readonly -buildvcs=false")
	download := os.Getenv("CREASE_GENERATE") == "1"
	if !download {
		build.Env = append(build.Env, "GOPROXY=off")
	}
	if out, err := build.CombinedOutput(); err != nil {
		if download {
			t.Fatalf("building the generator: %v\n%s", err, out)
		}
		t.Skipf("the generator does not build from the module cache (CREASE_GENERATE=1 downloads what it needs): %v", err)
	}
	stem := "z_" + what + "_amd64"
	asm, stubs := filepath.Join(dir, stem+".s"), filepath.Join(dir, stem+".go")
	if out, err := exec.CommandContext(t.Context(), generator, append(args, "-out", asm, "-stubs", stubs, "-pkg", name)...).CombinedOutput(); err != nil {
		t.Fatalf("running the generator %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	for _, fresh := range []string{asm, stubs} {
		kept := filepath.Base(fresh)
		if want, got := body(t, fresh), body(t, kept); len(want) == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate in the package's folder", kept)
		}
	}
}

// body reads a file from its second line on: the first quotes the command, whose paths
// differ.
func body(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte("\n"))
	return rest
}
