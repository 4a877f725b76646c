package cpu

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
)

func TestConvKernels(t *testing.T) {
	checkKernels(t, ops.Conv2d, ops.Conv2dGradInput, ops.Conv2dGradWeight)
}

func TestPoolKernels(t *testing.T) {
	checkKernels(t, ops.MaxPool2d, ops.MaxPool2dGrad, ops.AvgPool2d, ops.AvgPool2dGrad, ops.GlobalAvgPool2d)
}

var square = ops.ConvAttrs{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1}

func TestConvBitsDoNotDependOnThreads(t *testing.T) {
	x, w, y := ops.Arg{Shape: []int{11, 6, 15, 17}}, ops.Arg{Shape: []int{9, 6, 3, 3}}, ops.Arg{Shape: []int{11, 9, 15, 17}}
	sameBits(t, ops.Conv2d, square, x, w)
	sameBits(t, ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: square, InShape: x.Shape}, y, w)
	sameBits(t, ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: square, WShape: w.Shape}, y, x)

	halving, channels := square, square
	halving.Stride, channels.Groups = [2]int{2, 2}, 6
	half := ops.Arg{Shape: []int{11, 9, 8, 9}}
	sameBits(t, ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: halving, InShape: x.Shape}, half, w)
	w = ops.Arg{Shape: []int{6, 1, 3, 3}}
	sameBits(t, ops.Conv2d, channels, x, w)
	sameBits(t, ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: channels, WShape: w.Shape}, x, x)
}

// BenchmarkConv is the two convolutions of the Fashion-MNIST network.
func BenchmarkConv(b *testing.B) {
	d := newDevice("cpu", cpufeat.Best(), 2)
	defer d.Close()
	for _, s := range []struct{ c, o, size int }{{1, 32, 28}, {32, 64, 14}} {
		x, w, y := []int{128, s.c, s.size, s.size}, []int{s.o, s.c, 3, 3}, []int{128, s.o, s.size, s.size}
		for _, k := range []struct {
			op    *ops.Op
			attrs any
			in    [][]int
		}{
			{ops.Conv2d, square, [][]int{x, w}},
			{ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: square, InShape: x}, [][]int{y, w}},
			{ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: square, WShape: w}, [][]int{y, x}},
		} {
			b.Run(fmt.Sprintf("%s/%d-%d-%d", k.op.Name, s.c, s.o, s.size), func(b *testing.B) {
				call := &hal.Call{Op: k.op.Name, Attrs: k.attrs}
				var specs []ops.Spec
				for _, dims := range k.in {
					spec := ops.Spec{DType: dtype.F32, Shape: dims}
					specs = append(specs, spec)
					call.In = append(call.In, benchView(b, d, spec))
				}
				outs, err := k.op.Specs(k.attrs, specs)
				if err != nil {
					b.Fatal(err)
				}
				for _, spec := range outs {
					call.Out = append(call.Out, benchView(b, d, spec))
				}
				kernel := d.Kernels().Find(call)
				for b.Loop() {
					if err := runKernel(d, kernel, call); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(k.op.Cost(k.attrs, specs, outs).Flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

func benchView(b *testing.B, d *device, s ops.Spec) hal.View {
	buf, err := d.Alloc(s.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	v := hal.View{Buf: buf, DType: s.DType, Shape: s.Shape, Strides: make([]int, len(s.Shape))}
	step := 1
	for i := len(s.Shape) - 1; i >= 0; i-- {
		v.Strides[i] = step
		step *= s.Shape[i]
	}
	switch s.DType {
	case dtype.I64:
		for i := range elements[int64](v) {
			elements[int64](v)[i] = int64(i*31) % 193
		}
	default:
		for i := range elements[float32](v) {
			elements[float32](v)[i] = float32(i%7) - 3
		}
	}
	return v
}
