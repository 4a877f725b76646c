package nn

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// GroupNorm normalises groups of channels of [N, C, ...], every sample by itself
// (Wu, He 2018).
type GroupNorm struct {
	Weight, Bias *crease.Tensor // scale and shift [C]; nil for none
	Groups       int
	Eps          float64
}

// NewGroupNorm is for a number of channels that the groups divide, with eps 1e-5.
func NewGroupNorm(groups, channels int, opts ...crease.Option) *GroupNorm {
	if groups < 1 || channels%groups != 0 {
		panic(&ops.AttrError{Op: "group_norm", Reason: fmt.Sprintf("%d groups of %d channels: the groups must divide them", groups, channels)})
	}
	dims := []int{channels}
	return &GroupNorm{Weight: param(crease.Ones(dims, opts...)), Bias: param(crease.Zeros(dims, opts...)), Groups: groups, Eps: 1e-5}
}

// NewInstanceNorm normalises every channel of every sample by itself (Ulyanov et
// al. 2016), without scale and shift unless affine is set, PyTorch's default.
func NewInstanceNorm(channels int, affine bool, opts ...crease.Option) *GroupNorm {
	l := NewGroupNorm(channels, channels, opts...)
	if !affine {
		l.Weight, l.Bias = dropped(l.Weight), dropped(l.Bias)
	}
	return l
}

// Forward keeps the shape.
func (l *GroupNorm) Forward(x *crease.Tensor) *crease.Tensor {
	if x.Rank() < 2 || x.Dim(1)%l.Groups != 0 || l.Weight != nil && l.Weight.Len() != x.Dim(1) {
		panic(&ops.ShapeError{Op: "group_norm", In: []ops.Spec{x.Spec()}, Rule: fmt.Sprintf("takes [N, C, ...] with channels that %d groups divide and its scale has", l.Groups)})
	}
	return crease.Tidy1(func() *crease.Tensor {
		a := ops.LayerNormAttrs{Axes: 1, Eps: l.Eps}
		y := crease.Apply(ops.LayerNorm, a, x.Reshape(x.Dim(0), l.Groups, -1))[0].Reshape(x.Shape()...)
		if l.Weight == nil {
			return y
		}
		return y.Mul(channelwise(l.Weight, y)).Add(channelwise(l.Bias, y))
	})
}

// Visit names weight and bias.
func (l *GroupNorm) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}
