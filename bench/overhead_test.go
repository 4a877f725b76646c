package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench/peer"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
)

// fakeMode turns this test binary into a Python with NumPy.
const fakeMode = "CREASE_TEST_FAKE_PYTHON"

func TestMain(m *testing.M) {
	mode, set := os.LookupEnv(fakeMode)
	if !set {
		os.Exit(m.Run())
	}
	fmt.Println(`{"library": "numpy", "version": "9.9", "python": "3.99", "workloads": ["eager_add", "chain_add"]}`)
	asked := bufio.NewScanner(os.Stdin)
	for n := 0; asked.Scan(); n++ {
		switch {
		case mode == "fails at sums" && strings.Contains(asked.Text(), "eager_add") && n > 0:
			fmt.Println(`{"error": "ValueError: enough of them"}`)
		case mode == "dies" && n == 2:
			os.Exit(1)
		default:
			fmt.Printf("{\"ns\": %d}\n", []int{10, 40, 20}[n%3])
		}
	}
}

// fakeNumPy starts this binary as a peer.
func fakeNumPy(t *testing.T, mode string) *peer.Python {
	t.Helper()
	t.Setenv(fakeMode, mode)
	p, err := peer.StartPython(t.Context(), "numpy", peer.PythonOptions{Path: os.Args[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func oneThread(t *testing.T) *crease.Device {
	t.Helper()
	d, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quick are options that measure next to nothing.
func quick(peers ...*peer.Python) OverheadOptions {
	return OverheadOptions{Samples: 3, Length: 200 * time.Microsecond, Peers: peers}
}

func TestMeasureOverhead(t *testing.T) {
	d := oneThread(t)
	before, procs := d.Memory().InUse, runtime.GOMAXPROCS(0)
	rows, err := MeasureOverhead(t.Context(), d, quick())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Workload)
		if !(r.Median > 0 && r.P10 > 0 && r.P10 <= r.Median && r.Median <= r.P90) || len(r.Times) != 3 || r.Samples != 3 || r.Ops < 1 || r.Device != d.Name() {
			t.Errorf("%+v", r)
		}
		// Whatever is eager makes a tensor at least.
		if r.Allocs < 1 && !strings.HasPrefix(r.Workload, "compile") || r.Allocs > 1000 || r.Bytes < 8*r.Allocs || r.Bytes > 1e6 {
			t.Errorf("%s: %v allocations, %v bytes", r.Workload, r.Allocs, r.Bytes)
		}
		if r.NumPy != nil || r.Torch != nil || len(r.PeerTimes) > 0 {
			t.Errorf("%s has peers", r.Workload)
		}
	}
	want := []string{"eager_add", "eager_matmul", "eager_view", "tidy_add", "chain_add", "recorded_add", "forward_backward", "compiled_matmul", "compiled_add", "compile_run_drop"}
	if !slices.Equal(names, want) {
		t.Errorf("measured %v", names)
	}
	if after := d.Memory().InUse; after != before {
		t.Errorf("%d bytes in use, %d before", after, before)
	}
	if runtime.GOMAXPROCS(0) != procs {
		t.Error("GOMAXPROCS is not what it was")
	}
}

// Allocations are those of a workload that makes a known number of known size, and
// those that package testing counts.
func TestOverheadAllocations(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := oneThread(t)
	m := &overheadMeter{dev: d, operands: newOverheadOperands(d)}
	defer m.operands.free()
	var sink []byte
	known := overheadWorkload{name: "known", ops: 2, call: func(*overheadOperands) {
		for range 6 {
			sink = make([]byte, 128)
		}
	}}
	count, size, err := m.allocations(t.Context(), known, 1000)
	// Reading the statistics allocates too, a little for a thousand calls.
	if math.Abs(count-3) > 0.05 || math.Abs(size-3*128) > 10 || err != nil {
		t.Errorf("%v allocations of %v bytes (%v), want 3 of 384", count, size, err)
	}
	_ = sink
	for _, w := range overheadSuite[:3] {
		want := testing.AllocsPerRun(200, func() { w.call(m.operands) })
		if count, _, err := m.allocations(t.Context(), w, 200); math.Abs(count-want) > 1 || err != nil {
			t.Errorf("%s: %v allocations (%v), package testing has %v", w.name, count, err, want)
		}
	}
}

// The compiled chains compute what the eager ones do, to the bit, and their nodes
// are all there.
func TestOverheadChains(t *testing.T) {
	o := newOverheadOperands(oneThread(t))
	defer o.free()
	for name, c := range map[string]struct {
		f        func(...*crease.Tensor) []*crease.Tensor
		compiled *crease.Compiled
		by       *crease.Tensor
		step     func(z, by []float64) []float64
	}{
		"add":    {addChain, o.adds, o.y, func(z, by []float64) []float64 { return zip(z, by) }},
		"matmul": {matmulChain, o.matmuls, o.turn, product},
	} {
		eager, compiled := c.f(o.x, c.by)[0], c.compiled.Call(o.x, c.by)[0]
		got := crease.Data[float32](compiled)
		if !slices.Equal(got, crease.Data[float32](eager)) {
			t.Errorf("%s: eager %v, compiled %v", name, eager, compiled)
		}
		want := o.x.Floats()
		for range links {
			want = c.step(want, c.by.Floats())
		}
		for i := range want {
			if math.Abs(float64(got[i])-want[i]) > 1e-4*(1+math.Abs(want[i])) {
				t.Errorf("%s: element %d is %v, want %v", name, i, got[i], want[i])
			}
		}
		eager.Free()
		compiled.Free()
	}
	var text bytes.Buffer
	if err := o.matmuls.Dump(&text, graph.Text); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "matmul"); n != links {
		t.Errorf("%d products in the graph, want %d:\n%s", n, links, text.String())
	}
}

// The large workloads measure: what is compiled has the bits of what is not, as one
// node, and nothing of it is left.
func TestOverheadLarge(t *testing.T) {
	d := oneThread(t)
	before := d.Memory().InUse
	o := newOverheadOperands(d)
	const n = 33
	in := o.large(n)
	x, y := in[0].Floats(), in[1].Floats()
	eager, compiled := reluOfProduct(in...)[0], o.relu.Call(in...)[0]
	same := eager.Floats()
	for i, v := range compiled.Floats() {
		if want := max(0, x[i]*y[i]+x[i]); math.Abs(v-want) > 1e-6 || v != same[i] {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
	var text bytes.Buffer
	if err := o.relu.Dump(&text, graph.Text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "fused") {
		t.Errorf("the expression is not fused:\n%s", text.String())
	}
	eager.Free()
	compiled.Free()
	for _, w := range overheadWorkloads(true)[len(overheadSuite):] {
		if strings.HasSuffix(w.name, "_512") {
			w.call(o)
		}
	}
	o.free()
	runtime.GC()
	if now := d.Memory().InUse; now > before+4096 {
		t.Errorf("%d bytes were in use, %d are now", before, now)
	}
}

func zip(x, y []float64) []float64 {
	out := slices.Clone(x)
	for i := range out {
		out[i] += y[i]
	}
	return out
}

func product(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range out {
		for k := range 8 {
			out[i] += x[i/8*8+k] * y[8*k+i%8]
		}
	}
	return out
}

// A peer's samples are those it gave, for the workloads it has.
func TestOverheadPeer(t *testing.T) {
	rows, err := MeasureOverhead(t.Context(), oneThread(t), quick(fakeNumPy(t, "good")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{"eager_add": {10, 20, 40}, "chain_add": {40, 10, 20}} // in turns
	for _, r := range rows {
		has := want[r.Workload] != nil
		if has != (r.NumPy != nil) || r.Torch != nil {
			t.Errorf("%s: NumPy %v, PyTorch %v", r.Workload, r.NumPy, r.Torch)
		}
		if has && (*r.NumPy != 20 || !slices.Equal(r.PeerTimes["numpy"], want[r.Workload])) {
			t.Errorf("%s: %v, median %v", r.Workload, r.PeerTimes, *r.NumPy)
		}
	}
}

// A peer that fails has no figures for that workload, and one that is gone has none at
// all. Failed may also end the measurement.
func TestOverheadPeerFails(t *testing.T) {
	for mode, chain := range map[string]bool{"fails at sums": true, "dies": false} {
		o := quick(fakeNumPy(t, mode))
		var failures []error
		o.Failed = func(err error) error {
			failures = append(failures, err)
			return nil
		}
		rows, err := MeasureOverhead(t.Context(), oneThread(t), o)
		if err != nil || len(rows) != len(overheadSuite) || len(failures) != 1 {
			t.Errorf("%s: %d rows, %v; %v", mode, len(rows), err, failures)
		}
		for _, r := range rows {
			if (r.NumPy != nil) != (chain && r.Workload == "chain_add") || len(r.Times) != 3 {
				t.Errorf("%s: %+v", mode, r)
			}
		}
	}
	o := quick(fakeNumPy(t, "dies"))
	if rows, err := MeasureOverhead(t.Context(), oneThread(t), o); err == nil || !strings.Contains(err.Error(), "ended instead of answering") || len(rows) != 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	stop := errors.New("stop")
	o = quick(fakeNumPy(t, "dies"))
	o.Failed = func(error) error { return stop }
	if _, err := MeasureOverhead(t.Context(), oneThread(t), o); err != stop {
		t.Error(err)
	}
}

func TestOverheadEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := quick(fakeNumPy(t, "dies"))
	o.Failed = func(error) error {
		cancel()
		return nil
	}
	if rows, err := MeasureOverhead(ctx, oneThread(t), o); err != context.Canceled || rows != nil {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for _, o := range []OverheadOptions{{Samples: -1}, {Length: -1}} {
		if _, err := MeasureOverhead(t.Context(), oneThread(t), o); err == nil || !strings.Contains(err.Error(), "want at least 1") {
			t.Error(err)
		}
	}
}

// What a device refuses is an error that names the workload.
func TestOverheadOfARefusedOp(t *testing.T) {
	d := oneThread(t)
	for _, k := range d.Engine().Device().Kernels().For("matmul") {
		k.SetEnabled(false)
		defer k.SetEnabled(true)
	}
	defer exec.SetFallback(exec.SetFallback(exec.KernelsOnly))
	rows, err := MeasureOverhead(t.Context(), d, quick())
	if err == nil || rows != nil || !strings.HasPrefix(err.Error(), "eager_matmul: ") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestOverheadJSON(t *testing.T) {
	ns := 2.5
	text, err := json.Marshal(Overhead{Workload: "eager_add", Device: "cpu", Times: []float64{1}, Torch: &ns})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	want := []string{"allocs_per_op", "bytes_per_op", "device", "median_ns", "numpy_ns", "p10_ns", "p90_ns", "samples", "torch_ns", "workload"}
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) || fields["numpy_ns"] != nil || fields["torch_ns"] != ns {
		t.Errorf("%s", text)
	}
}

// Linear interpolation, as in NumPy: at q of n-1 steps. Of equal steps the value is
// that share of the way.
func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		sorted  []float64
		q, want float64
	}{
		{[]float64{7}, 0.1, 7}, {[]float64{7}, 0.9, 7},
		{[]float64{1, 2}, 0.5, 1.5}, {[]float64{1, 2, 4}, 0.5, 2}, {[]float64{1, 2, 4}, 0.75, 3}, {[]float64{0, 10}, 1, 10},
	} {
		if got := quantile(c.sorted, c.q); got != c.want {
			t.Errorf("quantile %v of %v is %v, want %v", c.q, c.sorted, got, c.want)
		}
	}
	for range 100 {
		n, q, step := 1+rand.IntN(30), rand.Float64(), rand.Float64()
		even := make([]float64, n)
		for i := range even {
			even[i] = 3 + float64(i)*step
		}
		if got, want := quantile(even, q), 3+q*step*float64(n-1); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v of %d steps of %v is %v, want %v", q, n-1, step, got, want)
		}
	}
}

// The script's workloads are rows of the suite, of as many ops.
func TestScriptHasTheSuite(t *testing.T) {
	text, err := os.ReadFile("peer/python.py")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("\nLINKS = "+strconv.Itoa(links)+" ")) {
		t.Errorf("LINKS is not %d", links)
	}
	ops := map[string]int{}
	for _, w := range overheadWorkloads(true) {
		ops[w.name] = w.ops
	}
	if !bytes.Contains(text, []byte("\nLARGE = (512, 4096) ")) || ops["chain_512"]*ops["fused_512"]*ops["chain_4096"]*ops["fused_4096"] != 1 {
		t.Error("the sizes of the large matrices differ")
	}
	found := regexp.MustCompile(`"(\w+)": \((1|LINKS), "?`).FindAllStringSubmatch(string(text), -1)
	if len(found) < 10 {
		t.Errorf("only %d workloads were found: the pattern is broken", len(found))
	}
	for _, f := range found {
		if want := map[string]int{"1": 1, "LINKS": links}[f[2]]; ops[f[1]] != want {
			t.Errorf("%s is %d ops in the script and %d in the suite (0: not there)", f[1], want, ops[f[1]])
		}
	}
}
