package cpu

import (
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
)

func TestMatMulKernels(t *testing.T) { checkKernels(t, ops.MatMul, ops.Linear) }

// The bits of every kernel must not depend on the number of threads.
func sameBits(t *testing.T, op *ops.Op, attrs any, in ...ops.Arg) {
	t.Helper()
	var first []byte
	for _, threads := range []int{1, 2, 3} {
		d := newDevice("cpu", cpufeat.Best(), threads)
		defer d.Close()
		call := &hal.Call{Op: op.Name, Attrs: attrs}
		var specs []ops.Spec
		for i, a := range in {
			h := a.Make(dtype.F32, newRand(uint64(i)))
			specs = append(specs, h.Spec)
			call.In = append(call.In, place(t, d, h, false))
		}
		outs, err := op.Specs(attrs, specs)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range outs {
			call.Out = append(call.Out, guarded(t, d, s))
		}
		k := d.kernels.Find(call)
		if k == nil {
			t.Fatalf("%s has no kernel", op.Name)
		}
		if err := k.Run(nil, call); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, v := range call.Out {
			got = append(got, memory(v)...)
		}
		if first == nil {
			first = slices.Clone(got)
		} else if !slices.Equal(first, got) {
			t.Errorf("%s %v: %d threads give other bits than 1", op.Name, specs, threads)
		}
	}
}

func TestMatMulBitsDoNotDependOnThreads(t *testing.T) {
	sameBits(t, ops.MatMul, nil, ops.Arg{Shape: []int{150, 300}}, ops.Arg{Shape: []int{300, 200}})
	sameBits(t, ops.MatMul, nil, ops.Arg{Shape: []int{5, 60, 30}}, ops.Arg{Shape: []int{30, 70}})
	sameBits(t, ops.Linear, ops.LinearAttrs{Act: "tanh"}, ops.Arg{Shape: []int{1024, 3}}, ops.Arg{Shape: []int{64, 3}}, ops.Arg{Shape: []int{64}})
	sameBits(t, ops.Sum, ops.ReduceAttrs{}, ops.Arg{Shape: []int{300, 1000}})
	sameBits(t, ops.Sum, ops.ReduceAttrs{Axes: []int{0}}, ops.Arg{Shape: []int{5000, 30}})
	sameBits(t, ops.Sum, ops.ReduceAttrs{Axes: []int{0, 2, 3}}, ops.Arg{Shape: []int{30, 8, 14, 14}})
}
