package nn

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Conv1d is convolution of sequences x [N, in, L] with W [out, in/groups, k] and
// b [out]: that of pictures of one line.
type Conv1d struct {
	Weight *crease.Tensor
	Bias   *crease.Tensor // nil for none
	Attrs  ops.ConvAttrs
}

// NewConv1d draws weights and bias uniformly within 1/√(in/groups·k), PyTorch's
// default.
func NewConv1d(in, out, kernel int, c ConvConfig, opts ...crease.Option) *Conv1d {
	a := c.line()
	fan := in / a.Groups * kernel
	return &Conv1d{
		Weight: fanInUniform([]int{out, in / a.Groups, kernel}, fan, opts),
		Bias:   fanInUniform([]int{out}, fan, opts),
		Attrs:  a,
	}
}

// line is the geometry along the second axis of two.
func (c ConvConfig) line() ops.ConvAttrs {
	a := c.attrs()
	a.Stride[0], a.Dilation[0], a.Pad[0], a.Pad[1] = 1, 1, 0, 0
	return a
}

// WithoutBias drops the bias.
func (l *Conv1d) WithoutBias() *Conv1d {
	l.Bias = dropped(l.Bias)
	return l
}

// Forward maps [N, in, L] to [N, out, L'].
func (l *Conv1d) Forward(x *crease.Tensor) *crease.Tensor {
	wantAxes("conv1d", x, 3, "[N, C, L]")
	return crease.Tidy1(func() *crease.Tensor {
		in := []*crease.Tensor{x.Unsqueeze(2), l.Weight.Unsqueeze(2)}
		if l.Bias != nil {
			in = append(in, l.Bias)
		}
		return crease.Apply(ops.Conv2d, l.Attrs, in...)[0].Squeeze(2)
	})
}

// Visit names weight and bias.
func (l *Conv1d) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// NewMaxPool1d is the maximum of windows of sequences [N, C, L]. A zero stride
// stands for the size.
func NewMaxPool1d(size int, c ConvConfig) Module { return pool1d("max_pool1d", ops.MaxPool2d, size, c) }

// NewAvgPool1d is the mean of windows of sequences [N, C, L], padding included.
func NewAvgPool1d(size int, c ConvConfig) Module { return pool1d("avg_pool1d", ops.AvgPool2d, size, c) }

func pool1d(name string, op *ops.Op, size int, c ConvConfig) Module {
	if c.Stride == 0 {
		c.Stride = size
	}
	a := ops.PoolAttrs{Size: [2]int{1, size}, Stride: [2]int{1, c.Stride}, Pad: [4]int{0, 0, c.Pad, c.Pad}}
	return &Function{name, func(x *crease.Tensor) *crease.Tensor {
		wantAxes(name, x, 3, "[N, C, L]")
		return crease.Tidy1(func() *crease.Tensor { return crease.Apply(op, a, x.Unsqueeze(2))[0].Squeeze(2) })
	}}
}

// wantAxes panics for a tensor of another rank.
func wantAxes(op string, x *crease.Tensor, rank int, form string) {
	if x.Rank() != rank {
		panic(&ops.ShapeError{Op: op, In: []ops.Spec{x.Spec()}, Rule: "takes " + form})
	}
}
