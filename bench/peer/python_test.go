package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeMode turns this test binary into a Python that misbehaves in one way.
const fakeMode = "CREASE_TEST_FAKE_PYTHON"

func TestMain(m *testing.M) {
	if mode, set := os.LookupEnv(fakeMode); set {
		fakePython(mode)
		return
	}
	os.Exit(m.Run())
}

func fakePython(mode string) {
	asleep := func() { time.Sleep(30 * time.Second) } // no test waits so long
	switch mode {
	case "silent":
		asleep()
	case "dies":
		fmt.Fprintln(os.Stderr, "Traceback:\nMemoryError: no room")
		os.Exit(3)
	case "lacks":
		fmt.Println(`{"error": "ModuleNotFoundError: No module named 'numpy'"}`)
	case "prose":
		fmt.Println("Welcome!")
	case "flood":
		fmt.Print(strings.Repeat("x", 1<<20))
		asleep()
	case "other":
		fmt.Println(`{"library": "torch", "version": "1"}`)
	case "orphan": // a wrapper that leaves its child behind
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), fakeMode+"=silent")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			panic(err)
		}
		return
	}
	if slices.Contains([]string{"silent", "lacks", "prose", "flood", "other"}, mode) {
		return
	}
	fmt.Println(`{"library": "numpy", "version": "9.9", "python": "3.99", "workloads": ["eager_add", "eager_view"]}`)
	asked := bufio.NewScanner(os.Stdin)
	for n := 1; asked.Scan(); n++ {
		var ask struct {
			Workload string
			Seconds  float64
		}
		if err := json.Unmarshal(asked.Bytes(), &ask); err != nil {
			panic(err)
		}
		switch mode {
		case "good":
			fmt.Printf("{\"ns\": %g}\n", float64(n)*1000+ask.Seconds)
		case "hangs":
			asleep()
		case "quits":
			fmt.Fprintln(os.Stderr, "ValueError: enough")
			os.Exit(1)
		case "grumbles":
			if ask.Workload == "eager_add" {
				fmt.Println(`{"error": "TypeError: not that"}`)
			} else {
				fmt.Println(`{"ns": 5}`)
			}
		default:
			fmt.Println(mode) // the answer itself
		}
	}
}

// fake starts this binary as a Python. The context bounds what should end by itself.
func fake(t *testing.T, mode string) (context.Context, *Python, error) {
	t.Helper()
	t.Setenv(fakeMode, mode)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	limit := 10 * time.Second
	if slices.Contains([]string{"silent", "orphan", "hangs"}, mode) {
		limit = 200 * time.Millisecond
	}
	start := limit
	if mode == "hangs" {
		start = 10 * time.Second
	}
	p, err := StartPython(ctx, "numpy", PythonOptions{Path: os.Args[0], Start: start, Answer: limit})
	if p != nil {
		t.Cleanup(p.Close)
	}
	return ctx, p, err
}

func TestPythonAnswers(t *testing.T) {
	ctx, p, err := fake(t, "good")
	if err != nil {
		t.Fatal(err)
	}
	if p.Version != "9.9" || p.Runs != "3.99" || !p.Has("eager_add") || p.Has("recorded_add") {
		t.Errorf("%+v", p)
	}
	for i, want := range []float64{1000.25, 2000.25} {
		if ns, err := p.Sample(ctx, "eager_add", 250*time.Millisecond); ns != want || err != nil {
			t.Errorf("sample %d: %v, %v, want %v", i, ns, err, want)
		}
	}
	if _, err := p.Sample(ctx, "recorded_add", time.Second); err == nil || !strings.Contains(err.Error(), "no workload recorded_add") {
		t.Error(err)
	}
	if ns, err := p.Sample(ctx, "eager_view", time.Second); ns != 3001 || err != nil {
		t.Errorf("after a mistake of the caller: %v, %v", ns, err)
	}
	p.Close()
	if _, err := p.Sample(ctx, "eager_add", time.Second); err == nil || p.Has("eager_add") {
		t.Error("a closed peer answers")
	}
}

// What is wrong from the start is an error that says what.
func TestPythonDoesNotStart(t *testing.T) {
	for mode, want := range map[string]string{
		"silent": "did not answer for numpy within 200ms",
		"orphan": "did not answer for numpy within 200ms",
		"dies":   "ended instead of answering for numpy (exit status 3: MemoryError: no room)",
		"lacks":  "No module named 'numpy'",
		"prose":  `does not answer in JSON for numpy: "Welcome!"`,
		"flood":  "too long",
		"other":  `says that it has "torch" of version "1"`,
	} {
		_, p, err := fake(t, mode)
		if err == nil || !strings.Contains(err.Error(), want) || p != nil {
			t.Errorf("%s: %v, want %q", mode, err, want)
		}
		var absent *AbsentError
		if errors.As(err, &absent) != (mode == "lacks") {
			t.Errorf("%s: %T", mode, err)
		}
	}
	var absent *AbsentError
	_, err := StartPython(context.Background(), "torch", PythonOptions{Path: filepath.Join(t.TempDir(), "python3")})
	if !errors.As(err, &absent) || absent.Library != "torch" {
		t.Error(err)
	}
	if _, err := StartPython(context.Background(), "jax", PythonOptions{}); err == nil || !strings.Contains(err.Error(), "want numpy or torch") {
		t.Error(err)
	}
}

// What goes wrong later ends the peer, and its error stays.
func TestPythonFails(t *testing.T) {
	for mode, want := range map[string]string{
		"hangs":           "did not answer for numpy within",
		"quits":           "(exit status 1: ValueError: enough)",
		"tired":           `does not answer in JSON for numpy: "tired"`,
		`{"ns": NaN}`:     "does not answer in JSON",
		`{"ns": 1e999}`:   "does not answer in JSON",
		`{"ns": -3}`:      "takes -3 ns",
		`{"ns": "quick"}`: "does not answer in JSON",
		`{}`:              "takes 0 ns",
	} {
		ctx, p, err := fake(t, mode)
		if err != nil {
			t.Errorf("%s: %v", mode, err)
			continue
		}
		_, err = p.Sample(ctx, "eager_add", time.Millisecond)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", mode, err, want)
		}
		if _, again := p.Sample(ctx, "eager_view", time.Millisecond); again != err || p.Has("eager_view") {
			t.Errorf("%s: then %v", mode, again)
		}
	}
}

// A workload that fails leaves the others.
func TestPythonFailsAtAWorkload(t *testing.T) {
	ctx, p, err := fake(t, "grumbles")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sample(ctx, "eager_add", time.Millisecond); err == nil || !strings.Contains(err.Error(), "numpy 9.9 fails at eager_add: TypeError: not that") {
		t.Error(err)
	}
	if p.Has("eager_add") {
		t.Error("the workload that failed is still there")
	}
	if ns, err := p.Sample(ctx, "eager_view", time.Millisecond); ns != 5 || err != nil {
		t.Errorf("%v, %v", ns, err)
	}
}

func TestPythonEndsWithTheContext(t *testing.T) {
	t.Setenv(fakeMode, "hangs")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := PythonOptions{Path: os.Args[0], Start: time.Minute, Answer: time.Minute}
	p, err := StartPython(ctx, "numpy", o)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := p.Sample(ctx, "eager_add", time.Millisecond); err != context.Canceled {
		t.Error(err)
	}
	if p.cmd.ProcessState == nil {
		t.Error("the process has not ended")
	}
	if _, err := StartPython(ctx, "numpy", o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The script is run by the Python that is there, on a module that stands for NumPy.
// One of that name in the working directory is left alone.
func TestScript(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("python3 may be a stand-in that opens the store")
	}
	name := "python3"
	if set := os.Getenv("CREASE_PYTHON"); set != "" {
		name = set
	}
	if err := exec.Command(name, "-c", "pass").Run(); err != nil {
		t.Skip("no Python: ", err)
	}
	lib, here := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(here, "numpy.py"): "raise SystemExit('the wrong module')",
		filepath.Join(lib, "numpy.py"): `
print("a library that talks")
__version__, float32 = "0.0", None
class Array:
    T = None
    def __add__(self, other): return self
    def __matmul__(self, other): raise ArithmeticError("no products")
def full(shape, value, dtype): return Array()
`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(here)
	t.Setenv("PYTHONPATH", lib)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := StartPython(ctx, "numpy", PythonOptions{Path: name, Start: time.Minute, Answer: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Version != "0.0" || !strings.HasPrefix(p.Runs, "3.") {
		t.Errorf("%+v", p)
	}
	for _, w := range []string{"eager_add", "eager_view", "chain_add", "chain_add"} {
		if ns, err := p.Sample(ctx, w, time.Millisecond); err != nil || !(ns > 0) {
			t.Errorf("%s: %v, %v", w, ns, err)
		}
	}
	if _, err := p.Sample(ctx, "eager_matmul", time.Millisecond); err == nil || !strings.Contains(err.Error(), "ArithmeticError: no products") {
		t.Error(err)
	}
}

// Where a Python has the libraries, they do all that the script lists for them.
func TestLibraries(t *testing.T) {
	for _, library := range Libraries {
		t.Run(library, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			p, err := StartPython(ctx, library, PythonOptions{Start: time.Minute, Answer: time.Minute})
			var absent *AbsentError
			if errors.As(err, &absent) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for _, w := range p.workloads {
				if ns, err := p.Sample(ctx, w, time.Millisecond); err != nil || !(ns > 0) {
					t.Errorf("%s: %v, %v", w, ns, err)
				}
			}
		})
	}
}
