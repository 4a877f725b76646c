package exec_test

import (
	"errors"
	"testing"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Wherever memory runs out, on whatever rung of the ladder, the error comes back and
// nothing that was made on the way is kept.
func TestFailuresLeaveNoMemory(t *testing.T) {
	d, e := engine(t, negate(hal.Dense, "neg"), copier())
	x := upload(t, e, []int{2, 3}, 1, 2, 3, 4, 5, 6)
	w := upload(t, e, []int{4, 3}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	target := upload(t, e, []int{2, 3}, 0, 0, 0, 0, 0, 0)
	xt := view(t, e, x, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}})
	for name, run := range map[string]func() ([]*exec.Array, error){
		"kernel":        func() ([]*exec.Array, error) { return e.Eval(ops.Neg, nil, []*exec.Array{x}, nil) },
		"copy + kernel": func() ([]*exec.Array, error) { return e.Eval(ops.Neg, nil, []*exec.Array{xt}, nil) },
		"view of a copy": func() ([]*exec.Array, error) {
			return e.Eval(ops.Reshape, ops.ReshapeAttrs{Shape: []int{6}}, []*exec.Array{xt}, nil)
		},
		"lowering": func() ([]*exec.Array, error) {
			return e.Eval(ops.Linear, ops.LinearAttrs{Act: "relu"}, []*exec.Array{x, w}, nil)
		},
		"deep lowering": func() ([]*exec.Array, error) {
			return e.Eval(ops.Softmax, ops.AxisAttrs{Axis: 1}, []*exec.Array{x}, nil)
		},
		"reference": func() ([]*exec.Array, error) { return e.Eval(ops.Exp, nil, []*exec.Array{x}, nil) },
		"into": func() ([]*exec.Array, error) {
			return nil, e.EvalInto(ops.Softmax, ops.AxisAttrs{Axis: 1}, []*exec.Array{x}, []*exec.Array{target})
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, failures := d.live(), 0
			d.asked.Store(0)
			out, err := run()
			if err != nil {
				t.Fatal(err)
			}
			release(out)
			for n := range d.asked.Load() {
				d.asked.Store(0)
				d.fails.Store(n + 1)
				out, err := run() // it may do without, as reading by way of a copy does
				d.fails.Store(0)
				release(out)
				if err != nil {
					failures++
				}
				if err != nil && !errors.Is(err, hal.ErrOutOfMemory) {
					t.Errorf("request %d refused: %v", n, err)
				}
				if d.live() != before {
					t.Fatalf("after request %d was refused, %d buffers are live, %d before", n, d.live(), before)
				}
			}
			if failures == 0 {
				t.Error("nothing asked for memory")
			}
		})
	}
}

func release(list []*exec.Array) {
	for _, a := range list {
		a.Release()
	}
}

// A kernel that is asked for by itself gets inputs and attributes that the op has checked,
// or is refused.
func TestApplyWithRefuses(t *testing.T) {
	k := negate(hal.Dense, "neg")
	_, e := engine(t, k, copier())
	x := upload(t, e, []int{2, 2}, 1, 2, 3, 4)
	out, err := e.ApplyWith(k, ops.Neg, nil, x)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "the kernel's result", out[0].(*exec.Array), -1, -2, -3, -4)
	var bad *ops.AttrError
	if _, err := e.ApplyWith(k, ops.Neg, ops.AxisAttrs{}, x); !errors.As(err, &bad) {
		t.Errorf("attributes of another op: %v", err)
	}
	if _, err := e.ApplyWith(k, ops.Neg, nil, view(t, e, x, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}})); !errors.Is(err, hal.ErrUnsupported) {
		t.Errorf("a strided input of a dense kernel: %v", err)
	}
	gone := upload(t, e, []int{2}, 1, 2)
	gone.Release()
	if _, err := e.ApplyWith(k, ops.Neg, nil, gone); err == nil {
		t.Error("an array that was freed was taken")
	}
}
