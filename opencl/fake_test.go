//go:build linux && (amd64 || arm64)

package opencl

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ebitengine/purego"
)

// fakeLibrary compiles the library that fails on demand.
var fakeLibrary = sync.OnceValues(func() (string, error) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "libfakecl.so")
	out, err := exec.Command(gcc, "-O1", "-fPIC", "-shared", "-o", path, "testdata/fakecl.c").CombinedOutput()
	return path, errors.Join(err, errorOf(out))
})

func errorOf(out []byte) error {
	if len(out) > 0 {
		return errors.New(string(out))
	}
	return nil
}

// A library is opened once in a process, so each case is a test of its own process:
// elsewhere runs the calling test again, in another process with another
// environment, and reports whether this is that process.
func elsewhere(t *testing.T, env ...string) (here bool) {
	t.Helper()
	if os.Getenv("CREASE_TEST_ELSEWHERE") == t.Name() {
		return true
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // nothing may hang
	defer cancel()
	var pattern []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		pattern = append(pattern, "^"+part+"$")
	}
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.v", "-test.count=1")
	cmd.Env = append(append(os.Environ(), "CREASE_TEST_ELSEWHERE="+t.Name(), "CREASE_CACHE=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// withFake runs f in a process whose OpenCL library is the fake, and checks that
// everything made there is released.
func withFake(t *testing.T, failures string, f func(t *testing.T), env ...string) {
	t.Helper()
	path, err := fakeLibrary()
	if err != nil && os.Getenv("CREASE_TEST_ELSEWHERE") == "" {
		t.Skip("the fake OpenCL library needs gcc: ", err)
	}
	if !elsewhere(t, append(env, "CREASE_OPENCL="+path, "FAKECL="+failures)...) {
		return
	}
	f(t)
	handle, err := purego.Dlopen(os.Getenv("CREASE_OPENCL"), purego.RTLD_NOW)
	must(t, err)
	var live func() string
	purego.RegisterLibFunc(&live, handle, "fakecl_live")
	for range 50 { // events go with the garbage
		if runtime.GC(); live() == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("left alive: %s", live())
}
