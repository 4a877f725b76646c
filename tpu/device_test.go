package tpu_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/tpu"
)

func open(t *testing.T, name string) *tpu.Device {
	t.Helper()
	d, err := hal.OpenNew(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d.(*tpu.Device)
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"tpu":                    "which one",
		"tpu:v9":                 "no preset",
		"tpu:v2/fast":            "no arch",
		"tpu@rows=4":             "cols is missing",
		"tpu:v2@values=maybe":    "want on or off",
		"tpu:v2@colour=red":      "no option",
		"tpu@rows=0,cols=4":      "not a number from 1",
		"tpu:v2@dataflow=sloppy": "not ws, os or is",
	} {
		_, err := hal.OpenNew(name)
		var spec *hal.SpecError
		if !errors.As(err, &spec) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a SpecError with %q", name, err, want)
		}
	}
	for _, name := range []string{"tpu:v1", "tpu:edge", "tpu:v6e", "tpu@cols=5,rows=3", "tpu:v4@freq=1G"} {
		if got := open(t, name).Info().Name; got != name {
			t.Errorf("%s says that it is %s", name, got)
		}
	}
}

// launch runs a product of 2-D matrices once and returns its emulated time.
func launch(t *testing.T, d *tpu.Device, m, k, n int) time.Duration {
	t.Helper()
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	view := func(dims ...int) hal.View {
		b, err := d.Alloc(4 * dims[0] * dims[1])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Free)
		return hal.View{Buf: b, DType: ops.MatMul.Types[1], Shape: dims, Strides: []int{dims[1], 1}}
	}
	c := &hal.Call{Op: ops.MatMul.Name, In: []hal.View{view(m, k), view(k, n)}, Out: []hal.View{view(m, n)}}
	from, err := s.Record()
	if err != nil {
		t.Fatal(err)
	}
	kernel := d.Kernels().Find(c)
	if kernel == nil {
		t.Fatal("no kernel for the product")
	}
	if err := kernel.Do(s, c); err != nil {
		t.Fatal(err)
	}
	to, err := s.Record()
	if err != nil {
		t.Fatal(err)
	}
	took, err := d.Elapsed(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return took
}

// Emulated time is that of the chip: more for more work, less for a faster clock, and the
// same with and without values.
func TestTime(t *testing.T) {
	small, large := launch(t, open(t, "tpu:v2"), 128, 128, 128), launch(t, open(t, "tpu:v2"), 512, 512, 512)
	if small <= 0 || large < 2*small {
		t.Errorf("128³ takes %v, 512³ %v", small, large)
	}
	if again := launch(t, open(t, "tpu:v2@values=off"), 512, 512, 512); again != large {
		t.Errorf("512³ takes %v with values and %v without", large, again)
	}
	if fast := launch(t, open(t, "tpu:v2@freq=1400M"), 512, 512, 512); fast >= large {
		t.Errorf("twice the clock takes %v, not less than %v", fast, large)
	}
	// Never faster than the array.
	if ideal := 512 * 512 * 512 / (128 * 128) * time.Second / 700e6; large < ideal {
		t.Errorf("512³ takes %v, the array alone %v", large, ideal)
	}
}

func TestNoValues(t *testing.T) {
	d := open(t, "tpu:v2@values=off")
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Alloc(16)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Free()
	var none *tpu.NoValuesError
	if err := s.Download(make([]byte, 16), b, 0); !errors.As(err, &none) {
		t.Errorf("download: %v, want a NoValuesError", err)
	}
	if err := s.Upload(b, 0, make([]byte, 16)); err != nil {
		t.Error(err) // and poisons nothing
	}
}

// What is counted is what was done: the multiply-adds of a product, the bytes over the
// host link, and nothing while counting is paused.
func TestCount(t *testing.T) {
	d := open(t, "tpu:v2")
	launch(t, d, 64, 96, 32)
	c := d.Count()
	if c.Core.MACs != 64*96*32 || c.Launches != 1 || len(c.Kernels) != 1 || c.Kernels[0].Op != ops.MatMul.Name {
		t.Errorf("%+v", c)
	}
	if c.Core.HBMRead != 4*(64*96+96*32) || c.Core.HBMWritten != 4*64*32 {
		t.Errorf("read %d and wrote %d bytes", c.Core.HBMRead, c.Core.HBMWritten)
	}
	if n := c.Core.Active + c.Core.WeightStall + c.Core.WeightShift + c.Core.Other; n != c.Core.Cycles {
		t.Errorf("the parts of %d cycles add up to %d", c.Core.Cycles, n)
	}
	resume := d.PauseCount()
	launch(t, d, 8, 8, 8)
	resume()
	resume() // does nothing
	if again := d.Count(); again.Core != c.Core || again.Launches != 1 {
		t.Errorf("paused, it counted %+v", again)
	}
	d.ResetCount()
	if got := d.Count(); got.Launches != 0 || got.Cycles() != 0 || len(got.Kernels) != 0 {
		t.Errorf("reset, it has %+v", got)
	}
}

// Constants are folded without counting.
func TestFoldingCountsNothing(t *testing.T) {
	dev, err := crease.Open("tpu:v3")
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	d := dev.HAL().(*tpu.Device)
	on := crease.On(dev)
	f := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		c := crease.Full([]int{4, 4}, 2, on).MatMul(crease.Full([]int{4, 4}, 3, on))
		return []*crease.Tensor{in[0].Add(c)}
	})
	x := crease.Zeros([]int{4, 4}, on)
	d.ResetCount()
	y := f.Call(x)[0]
	for _, k := range d.Count().Kernels {
		if k.Core.MACs > 0 {
			t.Errorf("the product of constants was counted: %+v", k)
		}
	}
	if got := crease.Data[float32](y)[5]; got != 24 {
		t.Errorf("the result is %g, want 24", got)
	}
}

// An index outside of its axis is an error of the op, and the device goes on.
func TestIndexOutside(t *testing.T) {
	dev, err := crease.Open("tpu:v2")
	if err != nil {
		t.Fatal(err)
	}
	on := crease.On(dev)
	x := crease.From([]float32{1, 2, 3}, []int{3, 1}, on)
	take := func(i int64) (y float32, err error) {
		err = crease.Try(func() {
			y = crease.Data[float32](crease.Apply(ops.Take, ops.TakeAttrs{}, x, crease.From([]int64{i}, []int{1}, on))[0])[0]
		})
		return y, err
	}
	for _, i := range []int64{3, -4, 1 << 40} {
		var bad *ops.AttrError
		if _, err := take(i); !errors.As(err, &bad) {
			t.Errorf("index %d: %v, want an AttrError", i, err)
		}
	}
	for _, i := range []int64{3, -1, 1 << 32, -1 << 40} {
		var bad *ops.AttrError
		err := crease.Try(func() { crease.From([]int64{1, i}, []int{2}, on).OneHot(3).Free() })
		if !errors.As(err, &bad) {
			t.Errorf("class %d: %v, want an AttrError", i, err)
		}
	}
	d := crease.From([]float32{1}, []int{1, 1, 1, 1}, on)
	for i, outside := range map[int64]bool{4: true, -1: true, 0: false, 3: false} {
		var bad *ops.AttrError
		err := crease.Try(func() {
			crease.Apply(ops.MaxPool2dGrad, ops.PoolGradAttrs{PoolAttrs: ops.PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{1, 1}}, InShape: []int{1, 1, 2, 2}}, d, crease.From([]int64{i}, []int{1, 1, 1, 1}, on))[0].Free()
		})
		if errors.As(err, &bad) != outside || !outside && err != nil {
			t.Errorf("element %d of a plane of 4: %v", i, err)
		}
	}
	for i, want := range map[int64]float32{0: 1, 2: 3, -1: 3, -3: 1} {
		if got, err := take(i); err != nil || got != want {
			t.Errorf("index %d gives %g (%v), want %g", i, got, err, want)
		}
	}
	// Class numbers do not count from the end, and none of the ways to a loss goes over the host.
	before := exec.SetFallback(exec.AllowLowering)
	defer exec.SetFallback(before)
	for _, class := range []int64{1, 3, -1, 1 << 40} {
		idx := crease.From([]int64{0, class}, nil, on)
		x := crease.Ones([]int{2, 3}, on)
		for name, f := range map[string]func() *crease.Tensor{
			"one_hot":       func() *crease.Tensor { return idx.OneHot(3) },
			"cross_entropy": func() *crease.Tensor { return x.CrossEntropy(idx) },
			"cross_entropy_grad": func() *crease.Tensor {
				return crease.Apply(ops.CrossEntropyGrad, ops.CrossEntropyAttrs{Reduction: "mean"}, crease.Scalar(1, on), x, idx)[0]
			},
		} {
			var bad *ops.AttrError
			if err := crease.Try(func() { f().Host() }); class == 1 && err != nil || class != 1 && !errors.As(err, &bad) {
				t.Errorf("%s of class %d of 3: %v", name, class, err)
			}
		}
	}
}
