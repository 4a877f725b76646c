package cpu

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/ops"
)

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

// BenchmarkConv is the two convolutions of the Fashion-MNIST network.
func BenchmarkConv(b *testing.B) {
	for _, s := range []struct{ c, o, size int }{{1, 32, 28}, {32, 64, 14}} {
		x, w, y := f32s(128, s.c, s.size, s.size), f32s(s.o, s.c, 3, 3), f32s(128, s.o, s.size, s.size)
		name := fmt.Sprintf("/%d-%d-%d", s.c, s.o, s.size)
		b.Run("conv2d"+name, func(b *testing.B) { benchCall(b, ops.Conv2d, square, x, w) })
		b.Run("conv2d_grad_input"+name, func(b *testing.B) {
			benchCall(b, ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: square, InShape: x.Shape}, y, w)
		})
		b.Run("conv2d_grad_weight"+name, func(b *testing.B) {
			benchCall(b, ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: square, WShape: w.Shape}, y, x)
		})
	}
}
