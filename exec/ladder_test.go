package exec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Every rung is taken in its order, gives the same result, is counted, and frees
// what it needed.
func TestLadder(t *testing.T) {
	strided, dense := negate(hal.Strided, "strided"), negate(hal.Dense, "dense")
	d, e := engine(t, strided, dense, copier())
	x := upload(t, e, []int{2, 2}, 1, 2, 3, 4)
	turned := apply(e, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}}, x)
	before := d.live()
	for _, step := range []struct {
		change func()
		want   [4]int // kernel, copy and kernel, lowering, reference
	}{
		{func() {}, [4]int{1, 0, 0, 0}},
		{func() { strided.SetEnabled(false) }, [4]int{0, 1, 0, 0}},
		{func() { dense.SetEnabled(false) }, [4]int{0, 0, 0, 1}},
	} {
		step.change()
		e.ResetStats()
		y := apply(e, ops.Neg, nil, turned)
		holds(t, "the negative", y, -1, -3, -2, -4)
		y.Release()
		if got := counts(e, "neg"); got != step.want {
			t.Errorf("the rungs taken are %v, want %v", got, step.want)
		}
		if d.live() != before {
			t.Errorf("%d buffers before, %d after", before, d.live())
		}
	}
	e.ResetStats()
	m := apply(e, ops.Mean, ops.ReduceAttrs{}, x)
	holds(t, "the mean", m, 2.5)
	if got := counts(e, "mean"); got != [4]int{0, 0, 1, 0} {
		t.Errorf("the rungs taken by a composite are %v", got)
	}
}

// ErrUnsupported from a launch moves on, any other error surfaces with its op and
// kernel.
func TestOnlyUnsupportedMovesDown(t *testing.T) {
	k := negate(hal.Dense, "moody")
	d, e := engine(t, k)
	x := upload(t, e, []int{1}, 5)
	before := d.live()
	k.Run = func(hal.Stream, *hal.Call) error { return hal.ErrUnsupported }
	y := apply(e, ops.Neg, nil, x)
	holds(t, "by the reference", y, -5)
	y.Release()
	k.Run = func(hal.Stream, *hal.Call) error { return hal.ErrDeviceLost }
	err := failure(func() { apply(e, ops.Neg, nil, x) })
	var dev *hal.DeviceError
	if !errors.As(err, &dev) || dev.Op != "neg" || dev.Kernel != "moody" || !errors.Is(err, hal.ErrDeviceLost) {
		t.Errorf("the failure is %v", err)
	}
	if d.live() != before {
		t.Errorf("a failed launch keeps %d buffers", d.live()-before)
	}
}

func TestScratchIsGivenAndFreed(t *testing.T) {
	k := negate(hal.Dense, "scratch")
	k.Work = func(*hal.Call) int { return 64 }
	inner, got := k.Run, 0
	k.Run = func(s hal.Stream, c *hal.Call) error {
		got = c.Work.Size()
		return inner(s, c)
	}
	d, e := engine(t, k)
	x := upload(t, e, []int{1}, 5)
	holds(t, "the result", apply(e, ops.Neg, nil, x), -5)
	if got != 64 || d.live() != 2 {
		t.Errorf("%d bytes of scratch, %d buffers afterwards", got, d.live())
	}
}

func TestOutOfMemorySurfaces(t *testing.T) {
	d, e := engine(t, negate(hal.Dense, "neg"))
	x := upload(t, e, []int{1}, 5)
	d.full.Store(true)
	if err := failure(func() { apply(e, ops.Neg, nil, x) }); !errors.Is(err, hal.ErrOutOfMemory) {
		t.Errorf("the failure is %v", err)
	}
}

func TestForbiddenSteps(t *testing.T) {
	_, e := engine(t)
	x := upload(t, e, []int{1}, 5)
	for _, c := range []struct {
		f    exec.Fallback
		op   *ops.Op
		a    any
		step exec.Step
	}{
		{exec.AllowLowering, ops.Neg, nil, exec.Reference},
		{exec.KernelsOnly, ops.Neg, nil, exec.Reference},
		{exec.KernelsOnly, ops.Mean, ops.ReduceAttrs{}, exec.Lowered},
	} {
		old := exec.SetFallback(c.f)
		err := failure(func() { apply(e, c.op, c.a, x) })
		exec.SetFallback(old)
		var refused *exec.FallbackError
		if !errors.As(err, &refused) || refused.Step != c.step || refused.Op != c.op.Name || !strings.Contains(err.Error(), "CREASE_FALLBACK") {
			t.Errorf("%s under %s: %v", c.op.Name, c.f, err)
		}
	}
}

// Views share memory where strides allow and copy where they do not.
func TestViews(t *testing.T) {
	d, e := engine(t, copier())
	x := upload(t, e, []int{2, 3}, 1, 2, 3, 4, 5, 6)
	turned := apply(e, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}}, x)
	back := apply(e, ops.Slice, ops.SliceAttrs{Start: []int{2, 1}, Count: []int{3, 1}, Step: []int{-1, 1}}, turned)
	if d.live() != 1 {
		t.Errorf("views took %d buffers", d.live())
	}
	holds(t, "a view of a view", back, 6, 5, 4)
	flat := apply(e, ops.Reshape, ops.ReshapeAttrs{Shape: []int{6}}, turned)
	if d.live() != 2 {
		t.Errorf("flattening a transposed array takes a copy; %d buffers are live", d.live())
	}
	holds(t, "flattened", flat, 1, 4, 2, 5, 3, 6)
	wide := apply(e, ops.Expand, ops.ExpandAttrs{Shape: []int{2, 3}}, upload(t, e, []int{3}, 7, 8, 9))
	holds(t, "expanded", wide, 7, 8, 9, 7, 8, 9)
	x.Release()
	x.Release() // a no-op
	holds(t, "a view outlives its base", back, 6, 5, 4)
}

func TestInputsAreChecked(t *testing.T) {
	_, e := engine(t)
	_, other := engine(t)
	x := upload(t, e, []int{1}, 5)
	gone := upload(t, e, []int{1}, 5)
	gone.Release()
	var usage *ops.UsageError
	for what, v := range map[string]ops.Value{
		"has been freed":   gone,
		"move one with To": upload(t, other, []int{1}, 1),
		"is nil":           nil,
		"not an array":     &ops.HostValue{Host: ops.Scalar(dtype.F32, 1)},
	} {
		if err := failure(func() { e.Apply(ops.Add, nil, x, v) }); !errors.As(err, &usage) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := gone.Host(); !errors.As(err, &usage) {
		t.Errorf("reading a freed array: %v", err)
	}
	var wrong *ops.ShapeError
	if err := failure(func() { apply(e, ops.Add, nil, upload(t, e, []int{2}, 1, 2), upload(t, e, []int{3}, 1, 2, 3)) }); !errors.As(err, &wrong) {
		t.Errorf("shapes that do not broadcast: %v", err)
	}
}

// A scope frees what was made in it and not kept.
func TestScope(t *testing.T) {
	d, e := engine(t, negate(hal.Dense, "neg"))
	x := upload(t, e, []int{1}, 5)
	kept := ops.Scoped(e, func(b ops.Builder) []ops.Value {
		c := b.Const(ops.Scalar(dtype.F32, 2))
		return []ops.Value{ops.Neg.Of(b, ops.Neg.Of(b, c))}
	})
	if d.live() != 2 {
		t.Errorf("%d buffers are live, want the input and the result", d.live())
	}
	holds(t, "what was kept", kept[0].(*exec.Array), 2)
	holds(t, "what was there before", x, 5)
}
