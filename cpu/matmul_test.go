package cpu

import (
	"fmt"
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
		k := d.Kernels().Find(call)
		if k == nil {
			t.Fatalf("%s has no kernel", op.Name)
		}
		if err := runKernel(d, k, call); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, v := range call.Out {
			got = append(got, contents(v)...)
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
	sameBits(t, ops.MatMul, nil, ops.Arg{Shape: []int{40, 1, 300}}, ops.Arg{Shape: []int{300, 70}})
	sameBits(t, ops.MatMul, nil, ops.Arg{Shape: []int{5, 1, 60, 30}}, ops.Arg{Shape: []int{1, 4, 30, 70}})
	sameBits(t, ops.Linear, ops.LinearAttrs{Act: "tanh"}, ops.Arg{Shape: []int{1024, 3}}, ops.Arg{Shape: []int{64, 3}}, ops.Arg{Shape: []int{64}})
	sameBits(t, ops.Sum, ops.ReduceAttrs{}, ops.Arg{Shape: []int{300, 1000}})
	sameBits(t, ops.Sum, ops.ReduceAttrs{Axes: []int{0}}, ops.Arg{Shape: []int{5000, 30}})
	sameBits(t, ops.Sum, ops.ReduceAttrs{Axes: []int{0, 2, 3}}, ops.Arg{Shape: []int{30, 8, 14, 14}})
}

// Operands lie transposed and with batch axes exchanged.
func TestMatMulLayouts(t *testing.T) {
	devs := devices(t)
	for _, s := range [][2][]int{
		{{64, 1, 51}, {51, 52}}, {{6, 16, 51}, {51, 52}}, {{1, 5, 7}, {4, 7, 3}}, {{4, 5, 7}, {1, 7, 3}}, {{3, 1, 5, 7}, {2, 7, 3}},
		{{2, 3, 5, 7}, {2, 3, 7, 6}}, {{2, 3, 5, 7}, {3, 7, 6}}, {{2, 3, 5, 7}, {2, 1, 7, 6}}, {{2, 1, 5, 7}, {1, 3, 7, 6}}, {{2, 3, 1, 7}, {2, 3, 7, 1}}, {{0, 3, 2, 7}, {7, 1}}, {{3, 2, 0}, {0, 4}},
		{{3, 0, 4}, {4, 5}}, {{1, 300}, {300, 400}}, {{4, 1, 1, 9}, {5, 9, 8}},
	} {
		for _, dt := range []dtype.Type{dtype.F32, dtype.F64, dtype.I32, dtype.BF16} {
			againstRef(t, devs, ops.MatMul, nil, dt, ops.Arg{Shape: s[0]}, ops.Arg{Shape: s[1]})
		}
	}
	for _, k := range []int{0, 1, 5} {
		againstRef(t, devs, ops.Linear, ops.LinearAttrs{Act: "relu"}, dtype.F32, ops.Arg{Shape: []int{3, k}}, ops.Arg{Shape: []int{4, k}}, ops.Arg{Shape: []int{4}})
		againstRef(t, devs, ops.Linear, ops.LinearAttrs{Act: "tanh"}, dtype.F64, ops.Arg{Shape: []int{3, k}}, ops.Arg{Shape: []int{4, k}}, ops.Arg{Shape: []int{4}})
	}
}

func BenchmarkMatMulBatch(b *testing.B) {
	for _, s := range [][2][]int{
		{{64, 1, 512}, {512, 512}},
		{{64, 16, 512}, {512, 512}},
		{{16, 8, 64, 32}, {16, 8, 32, 64}},
		{{16, 8, 64, 32}, {8, 32, 64}},
		{{16, 1, 64, 32}, {1, 8, 32, 64}},
	} {
		b.Run(fmt.Sprint(s[0], s[1]), func(b *testing.B) { benchCall(b, ops.MatMul, nil, f32s(s[0]...), f32s(s[1]...)) })
	}
}
