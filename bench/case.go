package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// images is the number of pictures of 28×28 that image ops are measured on.
const images = 16

// Inputs are the operands and attributes of an op at size n: n×n matrices for
// most, [16, n, 28, 28] for image ops (a convolution has n channels in and out and
// a 3×3 kernel), n queries and keys of 64 in 8 heads of 4 samples for attention. Ops
// that need more than sizes are not measured.
func Inputs(op *ops.Op, n int, t dtype.Type) (attrs any, in []ops.Arg, err error) {
	square, row, picture := ops.Arg{Shape: []int{n, n}}, ops.Arg{Shape: []int{n}}, ops.Arg{Shape: []int{images, n, 28, 28}}
	scalar := ops.Arg{Shape: []int{}, DType: dtype.F32, Lo: 1, Hi: 2}
	conv := ops.ConvAttrs{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1}
	kernel := ops.Arg{Shape: []int{n, n, 3, 3}}
	pool := ops.PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{2, 2}}
	heads := ops.Arg{Shape: []int{4, 8, n, 64}, Lo: -1, Hi: 1}
	classes := ops.Arg{Shape: []int{n}, DType: dtype.I64, Hi: float64(n)}
	key := ops.Arg{Shape: []int{2}, DType: dtype.U64, Hi: 1000}
	switch op {
	case ops.MatMul:
		return nil, []ops.Arg{square, square}, nil
	case ops.Linear:
		return ops.LinearAttrs{}, []ops.Arg{square, square, row}, nil
	case ops.Softmax, ops.LogSoftmax:
		return ops.AxisAttrs{Axis: 1}, []ops.Arg{square}, nil
	case ops.SoftmaxGrad, ops.LogSoftmaxGrad:
		return ops.AxisAttrs{Axis: 1}, []ops.Arg{square, square}, nil
	case ops.LayerNorm:
		return ops.LayerNormAttrs{Axes: 1, Eps: 1e-5}, []ops.Arg{square, row, row}, nil
	case ops.RMSNorm:
		return ops.LayerNormAttrs{Axes: 1, Eps: 1e-5}, []ops.Arg{square, row}, nil
	case ops.Attention:
		return ops.AttentionAttrs{}, []ops.Arg{heads, heads, heads}, nil
	case ops.AttentionGrad:
		lse := ops.Arg{Shape: heads.Shape[:3], Lo: 5, Hi: 6}
		return ops.AttentionAttrs{}, []ops.Arg{heads, heads, heads, heads, heads, lse}, nil
	case ops.BatchNorm:
		return ops.BatchNormAttrs{Eps: 1e-5}, []ops.Arg{picture, row, row}, nil
	case ops.Conv2d:
		return conv, []ops.Arg{picture, kernel}, nil
	case ops.Conv2dGradInput:
		return ops.ConvGradAttrs{ConvAttrs: conv, InShape: picture.Shape}, []ops.Arg{picture, kernel}, nil
	case ops.Conv2dGradWeight:
		return ops.ConvWeightAttrs{ConvAttrs: conv, WShape: kernel.Shape}, []ops.Arg{picture, picture}, nil
	case ops.MaxPool2d, ops.AvgPool2d:
		return pool, []ops.Arg{picture}, nil
	case ops.CrossEntropy:
		return ops.CrossEntropyAttrs{Reduction: "mean"}, []ops.Arg{square, classes}, nil
	case ops.AdamStep:
		return ops.AdamAttrs{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, []ops.Arg{square, square, square, {Shape: square.Shape, Lo: 1, Hi: 2}, scalar, scalar}, nil
	case ops.SgdStep:
		return ops.SgdAttrs{Momentum: 0.9}, []ops.Arg{square, square, square, scalar}, nil
	case ops.Dropout:
		return ops.DropoutAttrs{P: 0.5}, []ops.Arg{square, key}, nil
	case ops.Uniform:
		return ops.RandAttrs{DType: t, Shape: square.Shape, Hi: 1}, []ops.Arg{key}, nil
	case ops.Normal:
		return ops.NormalAttrs{DType: t, Shape: square.Shape, Std: 1}, []ops.Arg{key}, nil
	case ops.Take:
		return ops.TakeAttrs{}, []ops.Arg{square, classes}, nil
	case ops.Copy, ops.Mse:
		return nil, slices.Repeat([]ops.Arg{square}, len(strings.Fields(op.Inputs))), nil
	case ops.Cast:
		return ops.CastAttrs{DType: dtype.F64}, []ops.Arg{square}, nil
	}
	switch op.Attrs.(type) {
	case ops.ReduceAttrs:
		return ops.ReduceAttrs{Axes: []int{1}}, []ops.Arg{square}, nil
	case ops.ArgAttrs:
		return ops.ArgAttrs{Axis: 1}, []ops.Arg{square}, nil
	}
	if op.Expr != nil && len(op.Cases) > 0 {
		c := op.Cases[0]
		for _, a := range c.In {
			a.Shape, a.Special, a.Distinct, a.Away = square.Shape, false, false, nil
			in = append(in, a)
		}
		return c.Attrs, in, nil
	}
	return nil, nil, fmt.Errorf("op %s has no benchmark: its operands need more than a size", op.Name)
}
