package cpu

import (
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
)

// benchCall measures the f32 kernel that dispatch picks, in GFLOP/s where the
// row counts operations.
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
	kernel := d.Kernels().Find(call)
	bytes := 0
	for _, s := range append(in, outs...) {
		bytes += s.Bytes()
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		if err := runKernel(d, kernel, call); err != nil {
			b.Fatal(err)
		}
	}
	if op.Cost != nil {
		b.ReportMetric(op.Cost(attrs, in, outs).Flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	}
}

func f32s(dims ...int) ops.Spec { return ops.Spec{DType: dtype.F32, Shape: dims} }

func BenchmarkConvGeometry(b *testing.B) {
	for _, s := range []struct {
		name                          string
		n, c, o, size, k, stride, grp int
	}{
		{"pointwise", 16, 64, 128, 28, 1, 1, 1},
		{"depthwise", 16, 64, 64, 28, 3, 1, 64},
		{"depthwise-halving", 16, 64, 64, 28, 3, 2, 64},
		{"halving", 16, 64, 128, 28, 3, 2, 1},
		{"five", 64, 16, 32, 28, 5, 1, 1},
	} {
		a := ops.ConvAttrs{Stride: [2]int{s.stride, s.stride}, Dilation: [2]int{1, 1}, Pad: [4]int{s.k / 2, s.k / 2, s.k / 2, s.k / 2}, Groups: s.grp}
		x, w := f32s(s.n, s.c, s.size, s.size), f32s(s.o, s.c/s.grp, s.k, s.k)
		outs, err := ops.Conv2d.Specs(a, []ops.Spec{x, w})
		if err != nil {
			b.Fatal(err)
		}
		y := outs[0]
		b.Run("forward/"+s.name, func(b *testing.B) { benchCall(b, ops.Conv2d, a, x, w) })
		b.Run("input/"+s.name, func(b *testing.B) {
			benchCall(b, ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: a, InShape: x.Shape}, y, w)
		})
		b.Run("weight/"+s.name, func(b *testing.B) {
			benchCall(b, ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: a, WShape: w.Shape}, y, x)
		})
	}
}
