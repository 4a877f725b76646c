package exec_test

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func TestUploadAndDownload(t *testing.T) {
	_, e := engine(t)
	for _, dims := range [][]int{{}, {0}, {3, 0, 2}, {5}, {2, 3}} {
		h := ops.NewHost(ops.Spec{DType: dtype.F64, Shape: dims})
		for i := range h.Elements() {
			h.Set(i, math.Sqrt(float64(i+1)))
		}
		a, err := e.Upload(h)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Host()
		if err != nil || !got.Spec.Equal(h.Spec) || string(got.Data) != string(h.Data) {
			t.Errorf("%s came back as %v (%v)", h.Spec, got, err)
		}
	}
}

// Assign on a device with a copy kernel and on one without.
func TestAssign(t *testing.T) {
	for name, kernels := range map[string][]*hal.Kernel{"kernel": {copier()}, "host": nil} {
		t.Run(name, func(t *testing.T) {
			d, e := engine(t, kernels...)
			x := upload(t, e, []int{2, 2}, 1, 2, 3, 4)
			row := apply(e, ops.Slice, ops.SliceAttrs{Start: []int{1, 0}, Count: []int{1, 2}}, x)
			turned := apply(e, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}}, x)

			// Views see the change, and the source stays what it was.
			src := upload(t, e, []int{2, 2}, 5, 6, 7, 8)
			if err := e.Set(x, src); err != nil {
				t.Fatal(err)
			}
			if x.Version() != 1 || row.Version() != 1 {
				t.Errorf("versions %d and %d after one change", x.Version(), row.Version())
			}
			holds(t, "the array", x, 5, 6, 7, 8)
			holds(t, "its view", row, 7, 8)
			if err := e.Set(x, upload(t, e, []int{2, 2}, 1, 2, 3, 4)); err != nil {
				t.Fatal(err)
			}
			holds(t, "the source", src, 5, 6, 7, 8)
			src.Release()

			// Through a view, and onto itself transposed: the views overlap.
			if err := e.Set(row, upload(t, e, []int{1, 2}, 8, 9)); err != nil {
				t.Fatal(err)
			}
			holds(t, "changed through a view", x, 1, 2, 8, 9)
			if err := e.Set(x, turned); err != nil {
				t.Fatal(err)
			}
			holds(t, "transposed onto itself", x, 1, 8, 2, 9)
			if x.Version() != 4 {
				t.Errorf("version %d after four changes", x.Version())
			}
			if err := e.Sync(); err != nil {
				t.Error(err)
			}
			x.Release()
			row.Release()
			turned.Release()
			if n := d.live(); n > 2 { // two values were not released
				t.Errorf("%d buffers are live", n)
			}
		})
	}
}

func TestAssignRefuses(t *testing.T) {
	_, e := engine(t)
	_, other := engine(t)
	x, gone := upload(t, e, []int{2}, 1, 2), upload(t, e, []int{2}, 1, 2)
	gone.Release()
	var wrong *ops.ShapeError
	if err := e.Set(x, upload(t, e, []int{1}, 1)); !errors.As(err, &wrong) {
		t.Errorf("another shape: %v", err)
	}
	var usage *ops.UsageError
	for what, pair := range map[string][2]*exec.Array{
		"from a freed array":       {x, gone},
		"to a freed array":         {gone, x},
		"from an array of another": {x, upload(t, other, []int{2}, 1, 2)},
		"through the wrong engine": {upload(t, other, []int{2}, 1, 2), x},
	} {
		if err := e.Set(pair[0], pair[1]); !errors.As(err, &usage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	holds(t, "the array", x, 1, 2)
}

// Without a kernel, an assignment goes through the host, and is refused where the
// host is forbidden.
func TestAssignKeepsToTheFallback(t *testing.T) {
	_, e := engine(t)
	x, held := upload(t, e, []int{1}, 1), upload(t, e, []int{1}, 2)
	share := held.Share().(*exec.Array)
	defer share.Release()
	old := exec.SetFallback(exec.KernelsOnly)
	err := e.Set(x, held)
	exec.SetFallback(old)
	var refused *exec.FallbackError
	if !errors.As(err, &refused) || refused.Op != "copy" {
		t.Errorf("the error is %v", err)
	}
	holds(t, "the array", x, 1)
	if x.Version() != 0 {
		t.Errorf("a refused assignment counted version %d", x.Version())
	}
}

// A handle that nobody released gives its memory back when it is collected.
func TestLostHandles(t *testing.T) {
	d, e := engine(t)
	for range 10 {
		upload(t, e, []int{1}, 1)
	}
	for range 100 {
		runtime.GC()
		if d.live() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d buffers are live", d.live())
}

func TestEngineIsSafeForConcurrentUse(t *testing.T) {
	d, e := engine(t, negate(hal.Strided, "neg"), copier())
	x := upload(t, e, []int{2, 2}, 1, 2, 3, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				a := apply(e, ops.Neg, nil, x)
				b := apply(e, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}}, a)
				holds(t, "the negative", b, -1, -3, -2, -4)
				a.Release()
				b.Release()
			}
		})
	}
	wg.Wait()
	if d.live() != 1 {
		t.Errorf("%d buffers are live", d.live())
	}
	if n := counts(e, "neg"); n[exec.Kernel] != 400 {
		t.Errorf("%d kernel calls counted", n[exec.Kernel])
	}
}

func TestAnEngineForADevice(t *testing.T) {
	d, e := engine(t)
	if again, err := exec.On(d); err != nil || again != e {
		t.Errorf("a second engine for one device (%v)", err)
	}
	if e.Device() != hal.Device(d) {
		t.Error("the engine names another device")
	}
}
