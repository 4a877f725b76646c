package exec_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/ops"
)

const f32 = dtype.F32

// The debug levels say what was planned and what ran.
func TestDebugOutput(t *testing.T) {
	var out bytes.Buffer
	defer debug.Redirect(&out)()
	defer exec.SetDebug(exec.SetDebug(2))
	_, e := engine(t, negate(hal.Dense, "neg_bare"))
	x := upload(t, e, []int{3}, 1, 2, 3)
	for range 2 {
		apply(e, ops.Neg, nil, x)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "plan neg [3]→[3] by neg_bare (1 planned, 0 found, 0 dropped)") ||
		!strings.Contains(lines[1], "neg_bare") || !strings.Contains(lines[2], "GB/s") {
		t.Errorf("printed\n%s", &out)
	}
}

// A plan is made once for a question, and anew when kernels change.
func TestPlansAreKept(t *testing.T) {
	k := negate(hal.Dense, "neg")
	_, e := engine(t, k)
	x, y := upload(t, e, []int{3}, 1, 2, 3), upload(t, e, []int{2, 2}, 1, 2, 3, 4)
	for range 3 {
		holds(t, "neg", apply(e, ops.Neg, nil, x), -1, -2, -3)
		holds(t, "neg", apply(e, ops.Neg, nil, y), -1, -2, -3, -4)
	}
	if s := e.CacheStats(); s.Misses != 2 || s.Hits != 4 {
		t.Errorf("%+v, want 2 misses and 4 hits", s)
	}
	first, err := e.Plan(ops.Neg, nil, []*exec.Layout{x.Layout()})
	if err != nil || first.Step() != exec.Kernel {
		t.Fatalf("%v by %v", err, first)
	}
	k.SetEnabled(false)
	second, err := e.Plan(ops.Neg, nil, []*exec.Layout{x.Layout()})
	if err != nil || second.Step() == exec.Kernel {
		t.Errorf("after the kernel was switched off: %v by %v", err, second.Step())
	}
	holds(t, "without the kernel", apply(e, ops.Neg, nil, x), -1, -2, -3)
}

// The cache is bounded: shapes that never repeat push out each other.
func TestPlanCacheIsBounded(t *testing.T) {
	_, e := engine(t, copier())
	const n = 20000
	for i := range n {
		l, err := exec.NewLayout(ops.Spec{DType: f32, Shape: []int{i + 1}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Plan(ops.Copy, nil, []*exec.Layout{l}); err != nil {
			t.Fatal(err)
		}
	}
	s := e.CacheStats()
	if s.Misses != n || s.Evictions < n-4096 {
		t.Errorf("%+v after %d questions", s, n)
	}
	for i := n - 100; i < n; i++ { // the last ones are there
		l, _ := exec.NewLayout(ops.Spec{DType: f32, Shape: []int{i + 1}}, nil)
		if _, err := e.Plan(ops.Copy, nil, []*exec.Layout{l}); err != nil {
			t.Fatal(err)
		}
	}
	if s := e.CacheStats(); s.Hits < 90 {
		t.Errorf("of the last 100 plans %d are kept", s.Hits)
	}
}

// Attributes are the plan's own: a slice that the caller changes later changes nothing.
func TestAttributesAreFrozen(t *testing.T) {
	_, e := engine(t, copier())
	x := upload(t, e, []int{2, 3}, 1, 2, 3, 4, 5, 6)
	axes := []int{0}
	attrs := ops.ReduceAttrs{Axes: axes}
	holds(t, "sum", apply(e, ops.Sum, attrs, x), 5, 7, 9)
	axes[0] = 1
	holds(t, "sum by the changed slice", apply(e, ops.Sum, attrs, x), 6, 15)
	axes[0] = 0
	holds(t, "sum", apply(e, ops.Sum, ops.ReduceAttrs{Axes: []int{0}}, x), 5, 7, 9)
}
