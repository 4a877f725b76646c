package nn

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Conv2d is 2-D convolution of x [N, in, H, W] with W [out, in/groups, k, k] and
// b [out].
type Conv2d struct {
	Weight *crease.Tensor
	Bias   *crease.Tensor // nil for none
	Attrs  ops.ConvAttrs
}

// ConvConfig is the geometry of a convolution or a pool, the same on both axes.
// A zero stride, dilation or number of groups stands for 1.
type ConvConfig struct{ Stride, Pad, Dilation, Groups int }

func (c ConvConfig) attrs() ops.ConvAttrs {
	s, d := max(c.Stride, 1), max(c.Dilation, 1)
	return ops.ConvAttrs{Stride: [2]int{s, s}, Dilation: [2]int{d, d}, Pad: [4]int{c.Pad, c.Pad, c.Pad, c.Pad}, Groups: max(c.Groups, 1)}
}

// NewConv2d draws weights and bias uniformly within 1/√(in/groups·k²), PyTorch's
// default.
func NewConv2d(in, out, kernel int, c ConvConfig, opts ...crease.Option) *Conv2d {
	a := c.attrs()
	fan := in / a.Groups * kernel * kernel
	return &Conv2d{
		Weight: fanInUniform([]int{out, in / a.Groups, kernel, kernel}, fan, opts),
		Bias:   fanInUniform([]int{out}, fan, opts),
		Attrs:  a,
	}
}

// WithoutBias drops the bias, which a normalisation that follows would cancel.
func (l *Conv2d) WithoutBias() *Conv2d {
	l.Bias = dropped(l.Bias)
	return l
}

// Forward maps [N, in, H, W] to [N, out, H', W'].
func (l *Conv2d) Forward(x *crease.Tensor) *crease.Tensor {
	in := []*crease.Tensor{x, l.Weight}
	if l.Bias != nil {
		in = append(in, l.Bias)
	}
	return crease.Apply(ops.Conv2d, l.Attrs, in...)[0]
}

// Visit names weight and bias.
func (l *Conv2d) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// NewMaxPool2d is the maximum of size×size windows. A zero stride stands for the
// size.
func NewMaxPool2d(size int, c ConvConfig) Module { return pool("max_pool2d", ops.MaxPool2d, size, c) }

// NewAvgPool2d is the mean of size×size windows, padding included.
func NewAvgPool2d(size int, c ConvConfig) Module { return pool("avg_pool2d", ops.AvgPool2d, size, c) }

func pool(name string, op *ops.Op, size int, c ConvConfig) Module {
	if c.Stride == 0 {
		c.Stride = size
	}
	a := ops.PoolAttrs{Size: [2]int{size, size}, Stride: [2]int{c.Stride, c.Stride}, Pad: [4]int{c.Pad, c.Pad, c.Pad, c.Pad}}
	return &Function{name, func(x *crease.Tensor) *crease.Tensor { return crease.Apply(op, a, x)[0] }}
}

// NewGlobalAvgPool2d is the mean of every plane: [N, C, H, W] to [N, C].
func NewGlobalAvgPool2d() Module {
	return &Function{"global_avg_pool2d", func(x *crease.Tensor) *crease.Tensor { return x.Mean(2, 3) }}
}
