package bench

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "github.com/crease-ml/crease/cpu"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/ops"
)

// engine is that of one processor thread.
func engine(t *testing.T) *exec.Engine {
	t.Helper()
	d, err := hal.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	e, err := exec.On(d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*want }

// Work and traffic, recovered from the rates, are those counted by hand.
func TestMeasure(t *testing.T) {
	e := engine(t)
	for _, c := range []struct {
		op           *ops.Op
		size         int
		dt           dtype.Type
		flops, bytes float64
	}{
		{ops.MatMul, 24, dtype.F32, 2 * 24 * 24 * 24, 3 * 24 * 24 * 4},
		{ops.MatMul, 10, dtype.F64, 2 * 10 * 10 * 10, 3 * 10 * 10 * 8},
		{ops.MatMul, 6, dtype.F16, 2 * 6 * 6 * 6, 3 * 6 * 6 * 2},
		{ops.Add, 24, dtype.F32, 24 * 24, 3 * 24 * 24 * 4},
		{ops.Add, 1, dtype.I64, 1, 3 * 8},
		{ops.Linear, 8, dtype.F32, 8 * 8 * (2*8 + 2), (3*8*8 + 8) * 4},
		// 16 images of 2 channels, padded by 1: as many results, 2·3·3 products each.
		{ops.Conv2d, 2, dtype.F32, 2 * 18 * 16 * 2 * 28 * 28, (2*16*2*28*28 + 2*2*3*3) * 4},
		// Of every row the logits are read and the index; the mean is one number.
		{ops.CrossEntropy, 8, dtype.F32, 6 * 8 * 8, 8*8*4 + 8*8 + 4},
	} {
		what := c.op.Name + " " + c.dt.String()
		r, err := Measure(t.Context(), e, c.op, c.size, c.dt, Options{Samples: 1})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got := r.GFlops * r.Median * 1e9; !near(got, c.flops) {
			t.Errorf("%s: %v flop, want %v", what, got, c.flops)
		}
		if got := r.GBytes * r.Median * 1e9; !near(got, c.bytes) {
			t.Errorf("%s: %v bytes, want %v", what, got, c.bytes)
		}
		if r.Op != c.op.Name || r.Device != "cpu@threads=1" || r.DType != c.dt.String() || r.Size != c.size || r.Threads != 1 {
			t.Errorf("%s is recorded as %+v", what, r)
		}
		if !slices.ContainsFunc(e.Device().Kernels().For(c.op.Name), func(k *hal.Kernel) bool { return k.Name == r.Served }) {
			t.Errorf("%s: %q is no kernel of the op", what, r.Served)
		}
		if limited := c.dt == dtype.F32 || c.dt == dtype.F64; limited != (r.Peak > 0) {
			t.Errorf("%s: %v of the device's limit", what, r.Peak)
		}
	}
}

// The number of samples is 5 unless given; one has no deviation.
func TestSamples(t *testing.T) {
	e := engine(t)
	for given, want := range map[int]int{0: 5, 1: 1, 2: 2} {
		r, err := Measure(t.Context(), e, ops.Add, 4, dtype.F32, Options{Samples: given})
		if err != nil {
			t.Fatal(err)
		}
		if r.Samples != want || !(r.Median > 0) || !(r.Mean > 0) || r.Dev < 0 || want == 1 && (r.Dev != 0 || r.Mean != r.Median) {
			t.Errorf("%d samples: %+v, want %d", given, r, want)
		}
	}
}

// An op without a kernel is served by a step of dispatch, and says so.
func TestServedByTheReference(t *testing.T) {
	defer exec.SetFallback(exec.SetFallback(exec.AllowReference))
	e := engine(t)
	for _, k := range e.Device().Kernels().For("add") {
		k.SetEnabled(false)
		defer k.SetEnabled(true)
	}
	if r, err := Measure(t.Context(), e, ops.Add, 4, dtype.F32, Options{Samples: 1}); err != nil || r.Served != exec.Reference.String() {
		t.Errorf("add without a kernel was served by %q (%v)", r.Served, err)
	}
}

func TestWithoutPeer(t *testing.T) {
	r, err := Measure(t.Context(), engine(t), ops.MatMul, 8, dtype.F32, Options{Samples: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Peer != 0 || r.PeerName != "" {
		t.Errorf("nobody was measured beside, and the result has %v of %q", r.Peer, r.PeerName)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"op", "device", "dtype", "size", "threads", "served", "samples", "median_seconds", "mean_seconds", "deviation_seconds", "gflops", "gbytes_per_second", "peak_share", "peer_ratio", "peer"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("no %s in %s", name, text)
		}
		delete(fields, name)
	}
	if len(fields) > 0 {
		t.Errorf("besides, there are %v", fields)
	}
}

// What cannot be measured is refused by name, before memory is taken for it.
func TestRefused(t *testing.T) {
	e := engine(t)
	before := e.Device().(hal.Meter).Memory()
	for _, c := range []struct {
		op      *ops.Op
		size    int
		dt      dtype.Type
		samples int
		want    string
	}{
		{ops.Softmax, 8, dtype.I32, 1, "softmax(i32[8 8])"},
		{ops.MatMul, 8, dtype.Bool, 1, "matmul(bool[8 8], bool[8 8])"},
		{ops.MatMul, 8, dtype.F8E4M3, 1, "f8e4m3"},
		{ops.MatMul, 8, dtype.Invalid, 1, "is not defined on invalid"},
		{ops.Conv2d, 2, dtype.I64, 1, "conv2d(i64[16 2 28 28]"},
		{ops.Reshape, 8, dtype.F32, 1, "op reshape has no benchmark"},
		{ops.MatMul, 0, dtype.F32, 1, "size 0:"},
		{ops.Conv2d, -3, dtype.F32, 1, "size -3:"},
		{ops.Add, maxSize + 1, dtype.F32, 1, "size 16777217:"},
		{ops.Add, 8, dtype.F32, -2, "-2 samples"},
		{ops.MatMul, maxSize, dtype.F32, 1, "size 16777216:"},
		{ops.Conv2d, maxSize, dtype.F32, 1, "size 16777216:"},
	} {
		r, err := Measure(t.Context(), e, c.op, c.size, c.dt, Options{Samples: c.samples})
		if err == nil || !strings.Contains(err.Error(), c.want) || !reflect.DeepEqual(r, Result{}) {
			t.Errorf("%s %s %d: %v, want %q (%+v)", c.op.Name, c.dt, c.size, err, c.want, r)
		}
	}
	if after := e.Device().(hal.Meter).Memory(); after.InUse != before.InUse || after.HighWater != before.HighWater {
		t.Errorf("memory was %+v and is %+v", before, after)
	}
	if hostmem.Total() > 0 {
		_, err := Measure(t.Context(), e, ops.MatMul, maxSize/8, dtype.F32, Options{})
		if !errors.Is(err, hal.ErrOutOfMemory) || !strings.Contains(err.Error(), "size 2097152: ") {
			t.Errorf("48 TiB: %v", err)
		}
	}
	var bad *ops.DTypeError
	if _, err := Measure(t.Context(), e, ops.Softmax, 8, dtype.I32, Options{}); !errors.As(err, &bad) {
		t.Errorf("a type that the op lacks is a %T", err)
	}
}

// Rows may multiply sizes beyond what an int holds.
func TestRefusedBeyondInts(t *testing.T) {
	huge := ops.Arg{Shape: []int{maxSize, maxSize, maxSize}}
	_, _, err := operands(hal.Info{}, ops.Mse, nil, []ops.Arg{huge, huge}, dtype.F32)
	if err == nil || !strings.Contains(err.Error(), "overflow") {
		t.Errorf("2^72 elements: %v", err)
	}
}

// Every row that has a benchmark runs at a small size in every type; the others say
// why they have none.
func TestEveryRow(t *testing.T) {
	defer exec.SetFallback(exec.SetFallback(exec.AllowReference))
	e := engine(t)
	before := e.Device().(hal.Meter).Memory().InUse
	run := func(op *ops.Op, dt dtype.Type) error {
		w, err := newWorkload(e, op, 3, dt)
		if err != nil {
			return err
		}
		defer w.release()
		w.apply()
		return e.Sync()
	}
	for _, op := range ops.All() {
		if op.Bench == nil {
			if err := run(op, dtype.F32); err == nil || !strings.Contains(err.Error(), op.Name+" has no benchmark: a view moves nothing") {
				t.Errorf("%s: %v", op.Name, err)
			}
			continue
		}
		for _, dt := range op.BenchTypes() {
			if err := run(op, dt); err != nil {
				t.Errorf("%s %s: %v", op.Name, dt, err)
			}
		}
	}
	if after := e.Device().(hal.Meter).Memory().InUse; after != before {
		t.Errorf("%d bytes stay in use", after-before)
	}
}

// Operands are given back, also those of an op that fails.
func TestMeasureKeepsNothing(t *testing.T) {
	e := engine(t)
	before := e.Device().(hal.Meter).Memory().InUse
	if _, err := Measure(t.Context(), e, ops.MatMul, 16, dtype.F32, Options{Samples: 1}); err != nil {
		t.Fatal(err)
	}
	defer exec.SetFallback(exec.SetFallback(exec.KernelsOnly))
	for _, k := range e.Device().Kernels().For("add") {
		k.SetEnabled(false)
		defer k.SetEnabled(true)
	}
	func() {
		var bad *exec.FallbackError
		defer func() {
			if err, ok := recover().(error); !ok || !errors.As(err, &bad) || bad.Op != "add" {
				t.Errorf("without a kernel: %v", err)
			}
		}()
		_, err := Measure(t.Context(), e, ops.Add, 16, dtype.F32, Options{})
		t.Errorf("without a kernel it was measured (%v)", err)
	}()
	if after := e.Device().(hal.Meter).Memory().InUse; after != before {
		t.Errorf("%d bytes stay in use", after-before)
	}
}

func TestStatistics(t *testing.T) {
	for _, c := range []struct {
		x                       []float64
		median, mean, deviation float64
	}{
		{[]float64{3}, 3, 3, 0},
		{[]float64{5, 1}, 3, 3, math.Sqrt(8)},
		{[]float64{9, 1, 2}, 2, 4, math.Sqrt(19)},
		{[]float64{4, 1, 3, 2}, 2.5, 2.5, math.Sqrt(5.0 / 3)},
	} {
		got := []float64{median(c.x), mean(c.x), deviation(c.x)}
		for i, want := range []float64{c.median, c.mean, c.deviation} {
			if math.Abs(got[i]-want) > 1e-12 {
				t.Errorf("%v: median, mean, deviation %v, want %v %v %v", c.x, got, c.median, c.mean, c.deviation)
				break
			}
		}
	}
}
