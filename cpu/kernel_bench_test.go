package cpu

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// benchCall measures launches of the f32 kernel that dispatch picks, prepared once; in
// GFLOP/s where the row counts operations.
func benchCall(b *testing.B, op *ops.Op, attrs any, in ...ops.Spec) {
	d := newDevice("cpu", cpufeat.Best(), 2)
	defer d.Close()
	call := &hal.Call{Op: op.Name, Attrs: attrs}
	for _, s := range in {
		call.In = append(call.In, benchView(b, d, s))
	}
	outs, err := op.Specs(attrs, in)
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range outs {
		call.Out = append(call.Out, benchView(b, d, s))
	}
	l, err := d.Kernels().Find(call).Prepare(call)
	if err != nil {
		b.Fatal(err)
	}
	work, err := d.Alloc(l.Work)
	if err != nil {
		b.Fatal(err)
	}
	stream, err := d.NewStream()
	if err != nil {
		b.Fatal(err)
	}
	bytes := 0
	for _, s := range append(in, outs...) {
		bytes += s.Bytes()
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	at := call.Operands()
	for b.Loop() {
		if err := stream.Launch(l, at, work); err != nil {
			b.Fatal(err)
		}
	}
	if op.Cost != nil {
		b.ReportMetric(op.Cost(attrs, in, outs).Flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	}
}

func f32s(dims ...int) ops.Spec { return ops.Spec{DType: dtype.F32, Shape: dims} }

func benchView(b *testing.B, d *device, s ops.Spec) hal.View {
	buf, err := d.Alloc(s.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	v := hal.View{Buf: buf, DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)}
	switch s.DType {
	case dtype.F32:
		for i := range elements[float32](v) {
			elements[float32](v)[i] = float32(i%7) - 3
		}
	case dtype.I64:
		for i := range elements[int64](v) {
			elements[int64](v)[i] = int64(i*31) % 193
		}
	}
	return v
}

// BenchmarkRows is the kernels of a training step that are not products, on little and
// on much data.
func BenchmarkRows(b *testing.B) {
	for _, s := range [][2]int{{8, 8}, {64, 256}, {1024, 1024}} {
		n, w := s[0], s[1]
		x, row, column := f32s(n, w), f32s(w), f32s(n)
		norm := ops.LayerNormAttrs{Axes: 1, Eps: 1e-5}
		run := func(op *ops.Op, name string, attrs any, in ...ops.Spec) {
			b.Run(fmt.Sprintf("%s%s/%dx%d", op.Name, name, n, w), func(b *testing.B) { benchCall(b, op, attrs, in...) })
		}
		run(ops.Sum, "", ops.ReduceAttrs{}, x)
		run(ops.Sum, "/rows", ops.ReduceAttrs{Axes: []int{1}}, x)
		run(ops.Sum, "/columns", ops.ReduceAttrs{Axes: []int{0}}, x)
		run(ops.Mean, "", ops.ReduceAttrs{}, x)
		run(ops.Var, "/columns", ops.VarAttrs{Axes: []int{0}}, x)
		run(ops.Argmax, "", ops.ArgAttrs{Axis: 1}, x)
		run(ops.Softmax, "", ops.AxisAttrs{Axis: 1}, x)
		run(ops.SoftmaxGrad, "", ops.AxisAttrs{Axis: 1}, x, x)
		run(ops.LayerNorm, "", norm, x, row, row)
		run(ops.LayerNormGrad, "", norm, x, x, row, column, column)
		run(ops.BatchNorm, "", ops.BatchNormAttrs{Eps: 1e-5}, f32s(8, 8, n/8, w), f32s(8), f32s(8))
		run(ops.Dropout, "", ops.DropoutAttrs{P: 0.1}, x, ops.Spec{DType: dtype.U64, Shape: []int{2}})
		run(ops.Mse, "", nil, x, x)
		run(ops.SgdStep, "", ops.SgdAttrs{Momentum: 0.9}, x, x, x, f32s(), f32s())
		run(ops.AdamStep, "", ops.AdamAttrs{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, x, x, x, x, f32s(), f32s())
		if w > 193 { // the targets
			target := ops.Spec{DType: dtype.I64, Shape: []int{n}}
			run(ops.CrossEntropy, "", ops.CrossEntropyAttrs{Reduction: "mean"}, x, target)
			run(ops.CrossEntropyGrad, "", ops.CrossEntropyAttrs{Reduction: "mean"}, f32s(), x, target)
		}
	}
	heads, lse := f32s(8, 128, 32), f32s(8, 128)
	b.Run("attention", func(b *testing.B) {
		benchCall(b, ops.Attention, ops.AttentionAttrs{Causal: true}, heads, heads, heads)
	})
	b.Run("attention_grad", func(b *testing.B) {
		benchCall(b, ops.AttentionGrad, ops.AttentionAttrs{Causal: true}, heads, heads, heads, heads, heads, lse)
	})
}
