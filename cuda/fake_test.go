//go:build linux && (amd64 || arm64)

package cuda

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

var scratch string // a folder for all tests

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "crease-cuda-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// fakeLibrary compiles the library that fails on demand.
var fakeLibrary = sync.OnceValues(func() (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		if cc, err = exec.LookPath("gcc"); err != nil {
			return "", err
		}
	}
	path := filepath.Join(scratch, "libcuda.so.1")
	out, err := exec.Command(cc, "-O1", "-fPIC", "-shared", "-o", path, "testdata/fakecuda.c").CombinedOutput()
	if err == nil && len(out) > 0 {
		err = errors.New(string(out))
	}
	return path, err
})

// elsewhere runs the calling test in another process, because a library is opened once
// in one, and reports whether this is that process.
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
	cmd.Env = append(append(os.Environ(), "CREASE_TEST_ELSEWHERE="+t.Name()), env...)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// fake is the library's own functions, for tests.
type fake struct {
	set  func(string)
	live func() string
	last func() string
}

// withFake runs f in a process whose CUDA library is the fake, and checks that
// everything made there is given back.
func withFake(t *testing.T, failures string, f func(t *testing.T, lib *fake), env ...string) {
	t.Helper()
	path, err := fakeLibrary()
	if err != nil && os.Getenv("CREASE_TEST_ELSEWHERE") == "" {
		t.Skip("the fake CUDA library needs a C compiler: ", err)
	}
	if !elsewhere(t, append(env, "CREASE_CUDA="+path, "FAKECUDA="+failures)...) {
		return
	}
	handle, err := purego.Dlopen(os.Getenv("CREASE_CUDA"), purego.RTLD_NOW)
	must(t, err)
	lib := &fake{}
	purego.RegisterLibFunc(&lib.set, handle, "fakecuda_set")
	purego.RegisterLibFunc(&lib.live, handle, "fakecuda_live")
	purego.RegisterLibFunc(&lib.last, handle, "fakecuda_last")
	f(t, lib)
	for range 50 { // events go with the garbage
		if runtime.GC(); lib.live() == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("left alive: %s", lib.live())
}

func openReal() (*Device, error) { return openSpec(hal.Spec{Kind: kind}) }

// TestABI launches with arguments of every kind and reads what arrived.
func TestABI(t *testing.T) {
	withFake(t, "", func(t *testing.T, lib *fake) {
		d, err := openReal()
		must(t, err)
		info := d.Info()
		if info.Arch != "sm_86" || info.Description != "Fake GPU 7" || info.Memory != 64<<20 || info.Threads != 5 {
			t.Errorf("%+v", info)
		}
		must(t, everything(d))
		p := kernels.TestProgram(kernels.CUDA, "arguments", "\tSET(y, LID(0), GET(x, LID(0)));\n", 48)
		x, err := d.Alloc(100)
		must(t, err)
		y, err := d.Alloc(200)
		must(t, err)
		values := make([]byte, p.Values)
		for i := range values {
			values[i] = byte(rand.Uint32())
		}
		s, err := d.NewStream()
		must(t, err)
		must(t, s.(*stream).Run(p, [3]int{70000, 3, 2}, []hal.Buffer{x, y}, values))
		word := func(b hal.Buffer) string {
			var v [8]byte
			for i := range v {
				v[i] = byte(uint64(b.(*buffer).mem) >> (8 * i))
			}
			return hex.EncodeToString(v[:])
		}
		want := fmt.Sprintf("arguments 70000,3,2 48,1,1 0 %s %s %x", word(x), word(y), values)
		if got := lib.last(); got != want {
			t.Errorf("the launch arrived as\n%s, want\n%s", got, want)
		}
		x.Free()
		y.Free()
		must(t, d.Close())
	})
}

// Nor does a launch allocate on its way to the library.
func TestLaunchAllocatesNothingWithFake(t *testing.T) {
	withFake(t, "", func(t *testing.T, _ *fake) {
		d, err := openReal()
		must(t, err)
		if n := launches(t, d); n != 0 {
			t.Errorf("a launch allocates %v times", n)
		}
		must(t, d.Close())
	})
}

// The contract, with a library that is not ours behind the calls.
func TestContractWithFake(t *testing.T) {
	withFake(t, "", func(t *testing.T, lib *fake) {
		conform.Contract(t, conform.Driver{
			Name: kind + ":0",
			Open: func() (hal.Device, error) { return openReal() },
			Fail: func(s hal.Stream) {
				lib.set("cuStreamSynchronize=719,cuEventSynchronize=719")
				defer lib.set("")
				_ = s.Sync()
			},
		})
	})
}

// TestFailures is ways in which a driver lets a running program down.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		fails   string
		want    error
		text    string
		poisons bool
	}{
		"none":                  {},
		"out of memory":         {"cuMemAllocAsync=2", hal.ErrOutOfMemory, "cuMemAllocAsync: CUDA_ERROR_OUT_OF_MEMORY (2)", false},
		"memory for a while":    {"cuMemAllocAsync=2@1-1", nil, "", false},
		"no pinned memory":      {"cuMemHostAlloc=2", hal.ErrOutOfMemory, "cuMemHostAlloc", false},
		"lost while allocating": {"cuMemAllocAsync=2,cuStreamSynchronize=719", hal.ErrDeviceLost, "LAUNCH_FAILED", true},
		"upload":                {"cuMemcpyHtoDAsync_v2=700", hal.ErrDeviceLost, "upload: cuMemcpyHtoDAsync: CUDA_ERROR_ILLEGAL_ADDRESS (700)", true},
		"upload is refused":     {"cuMemcpyHtoDAsync_v2=1", nil, "CUDA_ERROR_INVALID_VALUE", false},
		"download":              {"cuMemcpyDtoHAsync_v2=719", hal.ErrDeviceLost, "download", true},
		"copy":                  {"cuMemcpyDtoDAsync_v2=1", nil, "copy: cuMemcpyDtoDAsync", false},
		"assembler":             {"cuModuleLoadDataEx=218", nil, "this assembler accepts nothing", false},
		"entry":                 {"cuModuleGetFunction=500", nil, "cuModuleGetFunction nothing: CUDA_ERROR_NOT_FOUND", false},
		"launch":                {"cuLaunchKernel=701", nil, "[2 1 1] groups of [32 1 1]: cuLaunchKernel: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", false},
		"launch wants memory":   {"cuLaunchKernel=2@1-1", nil, "", false},
		"launch on a dead GPU":  {"cuLaunchKernel=719", hal.ErrDeviceLost, "cuLaunchKernel", true},
		"fault":                 {"cuStreamSynchronize=700", hal.ErrDeviceLost, "cuStreamSynchronize", true},
		"strange fault":         {"cuStreamSynchronize=12345", hal.ErrDeviceLost, "CUDA error 12345", true},
		"event":                 {"cuEventSynchronize=719", hal.ErrDeviceLost, "cuEventSynchronize", true},
		"no event":              {"cuEventCreate=2", hal.ErrOutOfMemory, "record", false},
		"device is gone":        {"cuStreamSynchronize=46", hal.ErrDeviceLost, "DEVICE_UNAVAILABLE", true},
	} {
		t.Run(name, func(t *testing.T) {
			withFake(t, c.fails, func(t *testing.T, _ *fake) {
				d, err := openReal()
				must(t, err)
				err = everything(d)
				switch quiet := c.want == nil && c.text == ""; {
				case quiet && err != nil:
					t.Error(err)
				case !quiet && (err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text)):
					t.Errorf("%v, want %v, %q", err, c.want, c.text)
				}
				b, again := d.Alloc(8)
				if again == nil {
					b.Free()
				}
				if (again != nil) != c.poisons && c.want != hal.ErrOutOfMemory {
					t.Errorf("afterwards the device says %v", again)
				} else if c.poisons && again.Error() != err.Error() {
					t.Errorf("%v, and then %v", err, again)
				}
				if err := d.Close(); (err != nil) != c.poisons {
					t.Errorf("closing says %v", err)
				}
			})
		})
	}
}

// Whoever asks for a GPU that is not there hears what was looked for, and why not.
func TestAbsent(t *testing.T) {
	for name, c := range map[string]struct {
		library string
		fails   string
		says    []string
	}{
		"library": {"/nowhere/libcuda.so.1", "", []string{"/nowhere/libcuda.so.1", "CREASE_CUDA names", "Install NVIDIA's driver"}},
		"symbols": {"libc.so.6", "", []string{"libc.so.6", "CUDA 11.2 or later"}},
		"device":  {"", "cuInit=100", []string{"cuInit: CUDA_ERROR_NO_DEVICE (100)"}},
		"count":   {"", "cuDeviceGetCount=999", []string{"cuDeviceGetCount"}},
		"context": {"", "cuDevicePrimaryCtxRetain=2", []string{"cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY"}},
		"stream":  {"", "cuStreamCreate=2", []string{"cuStreamCreate"}},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(t *testing.T) {
				_, err := openReal()
				for _, says := range c.says {
					if err == nil || !strings.Contains(err.Error(), says) {
						t.Errorf("%q is missing in %v", says, err)
					}
				}
				var absent *hal.AbsentError
				if is := errors.As(err, &absent); is != (name != "context" && name != "stream") {
					t.Errorf("%#v", err)
				}
				if list := probe(); is(name) && (len(list) != 1 || list[0].Present || list[0].Reason == "") {
					t.Errorf("%+v", list)
				}
			}
			if c.library != "" {
				if elsewhere(t, "CREASE_CUDA="+c.library) {
					check(t)
				}
				return
			}
			withFake(t, c.fails, func(t *testing.T, _ *fake) { check(t) })
		})
	}
}

func is(name string) bool { return name != "context" && name != "stream" }

func TestNames(t *testing.T) {
	for _, name := range []string{"cuda/sm_90", "cuda@speed=1", "cuda:first", "cuda@profile=2", "cuda@emulate=2", "cuda@seed=1", "cuda@emulate,seed=x"} {
		spec, err := hal.ParseSpec(name)
		must(t, err)
		_, err = open(spec)
		var bad *hal.SpecError
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	spec, err := hal.ParseSpec("cuda:1@emulate")
	must(t, err)
	if _, err = open(spec); !errors.As(err, new(*hal.AbsentError)) {
		t.Errorf("a second emulated device: %v", err)
	}
}
