package cpu

import (
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func TestSoftmaxKernels(t *testing.T) {
	checkKernels(t, ops.Softmax, ops.LogSoftmax, ops.SoftmaxGrad, ops.LogSoftmaxGrad)
}

func TestLossKernels(t *testing.T) {
	checkKernels(t, ops.CrossEntropy, ops.CrossEntropyGrad, ops.Mse)
}

func TestNormKernels(t *testing.T) {
	checkKernels(t, ops.LayerNorm, ops.LayerNormGrad, ops.RMSNorm, ops.RMSNormGrad, ops.BatchNorm, ops.BatchNormGrad, ops.BatchNormInfer)
}

func TestAttentionKernels(t *testing.T) { checkKernels(t, ops.Attention, ops.AttentionGrad) }

func TestOptimizerKernels(t *testing.T) { checkKernels(t, ops.SgdStep, ops.AdamStep) }

func TestRandomKernels(t *testing.T) {
	checkKernels(t, ops.Philox, ops.Uniform, ops.Bernoulli, ops.Normal, ops.Dropout)
}

func TestLayerBitsDoNotDependOnThreads(t *testing.T) {
	image, channel := ops.Arg{Shape: []int{32, 8, 14, 14}}, ops.Arg{Shape: []int{8}, Lo: 0.5, Hi: 2}
	sameBits(t, ops.BatchNorm, ops.BatchNormAttrs{Eps: 1e-5}, image, channel, channel)
	sameBits(t, ops.BatchNormGrad, ops.BatchNormAttrs{Eps: 1e-5}, image, image, channel, channel, channel)
	rows, width, row := ops.Arg{Shape: []int{300, 200}}, ops.Arg{Shape: []int{200}}, ops.Arg{Shape: []int{300}, Lo: 0.5, Hi: 2}
	sameBits(t, ops.LayerNormGrad, ops.LayerNormAttrs{Axes: 1, Eps: 1e-5}, rows, rows, width, row, row)
	sameBits(t, ops.RMSNormGrad, ops.LayerNormAttrs{Axes: 1, Eps: 1e-5}, rows, rows, width, row)
	heads, lse := ops.Arg{Shape: []int{4, 130, 16}, Lo: -1, Hi: 1}, ops.Arg{Shape: []int{4, 130}, Lo: 1, Hi: 2}
	sameBits(t, ops.Attention, ops.AttentionAttrs{Causal: true}, heads, heads, heads)
	sameBits(t, ops.AttentionGrad, ops.AttentionAttrs{Causal: true}, heads, heads, heads, heads, heads, lse)
	targets := ops.Arg{Shape: []int{300}, DType: dtype.I64, Hi: 200}
	sameBits(t, ops.CrossEntropy, ops.CrossEntropyAttrs{Reduction: "mean"}, rows, targets)
	sameBits(t, ops.Dropout, ops.DropoutAttrs{P: 0.3}, rows, ops.Arg{Shape: []int{2}, DType: dtype.U64, Hi: 1e9})
	sameBits(t, ops.Mse, nil, rows, rows)
}
