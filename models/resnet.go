package models

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
)

// ResNet is a residual network (He et al. 2016) for small pictures: a convolution
// and a pool, stages of blocks of which each begins at half the size with twice
// the channels, and a mean over every plane.
type ResNet struct {
	layers *nn.Sequential
}

// NewResNet is for pictures [N, channels, H, W]. Stages has the number of blocks of
// each stage; the first has width channels.
func NewResNet(channels, classes, width int, stages []int, opts ...crease.Option) (m *ResNet, err error) {
	if channels < 1 || classes < 1 || width < 1 || len(stages) == 0 {
		return nil, fmt.Errorf("resnet: %d channels, %d classes, width %d, stages %v: want positive numbers", channels, classes, width, stages)
	}
	err = crease.Try(func() {
		layers := []nn.Module{
			nn.NewConv2d(channels, width, 3, nn.ConvConfig{Pad: 1}, opts...).WithoutBias(), nn.NewBatchNorm2d(width, opts...), nn.Relu(),
			nn.NewMaxPool2d(2, nn.ConvConfig{}),
		}
		in, out := width, width
		for stage, blocks := range stages {
			for k := range blocks {
				stride := 1
				if stage > 0 && k == 0 {
					stride = 2
				}
				layers = append(layers, NewBasicBlock(in, out, stride, opts...))
				in = out
			}
			out *= 2
		}
		layers = append(layers, nn.NewGlobalAvgPool2d(), nn.NewLinear(in, classes, opts...))
		m = &ResNet{nn.NewSequential(layers...)}
	})
	return m, err
}

// Forward maps pictures to scores [N, classes].
func (m *ResNet) Forward(x *crease.Tensor) *crease.Tensor { return nn.Call(m.layers, x) }

// Visit names the layers by their positions.
func (m *ResNet) Visit(v *nn.Visitor) { m.layers.Visit(v) }

// BasicBlock is two convolutions with a shortcut, which has a convolution of its
// own where sizes differ. Its state has torchvision's names.
type BasicBlock struct {
	conv1, conv2 *nn.Conv2d
	bn1, bn2     *nn.BatchNorm2d
	short        *nn.Sequential // nil for the input itself
}

// NewBasicBlock draws weights as nn.NewConv2d does.
func NewBasicBlock(in, out, stride int, opts ...crease.Option) *BasicBlock {
	conv := func(in, kernel, stride, pad int) *nn.Conv2d {
		return nn.NewConv2d(in, out, kernel, nn.ConvConfig{Stride: stride, Pad: pad}, opts...).WithoutBias()
	}
	b := &BasicBlock{conv1: conv(in, 3, stride, 1), bn1: nn.NewBatchNorm2d(out, opts...), conv2: conv(out, 3, 1, 1), bn2: nn.NewBatchNorm2d(out, opts...)}
	if in != out || stride != 1 {
		b.short = nn.NewSequential(conv(in, 1, stride, 0), nn.NewBatchNorm2d(out, opts...))
	}
	return b
}

// Forward maps [N, in, H, W] to [N, out, H/stride, W/stride].
func (b *BasicBlock) Forward(x *crease.Tensor) *crease.Tensor {
	return crease.Tidy1(func() *crease.Tensor {
		y := nn.Call(b.bn1, nn.Call(b.conv1, x)).Relu()
		y = nn.Call(b.bn2, nn.Call(b.conv2, y))
		if b.short != nil {
			x = nn.Call(b.short, x)
		}
		return y.Add(x).Relu()
	})
}

// Visit names the layers.
func (b *BasicBlock) Visit(v *nn.Visitor) {
	v.Child("conv1", b.conv1)
	v.Child("bn1", b.bn1)
	v.Child("conv2", b.conv2)
	v.Child("bn2", b.bn2)
	if b.short != nil {
		v.Child("downsample", b.short)
	}
}
