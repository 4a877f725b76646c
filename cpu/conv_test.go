package cpu

import (
	"testing"

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
