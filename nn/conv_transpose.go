package nn

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// ConvTranspose is transposed convolution, which makes pictures or sequences
// larger: x [N, in, H, W] with W [in, out/groups, k, k], or x [N, in, L] with W
// [in, out/groups, k], and b [out]. It is the gradient of a convolution for its
// input, which the op behind it computes.
type ConvTranspose struct {
	Weight *crease.Tensor
	Bias   *crease.Tensor // nil for none
	Attrs  ops.ConvAttrs  // of the convolution that it transposes
	Extra  int            // elements more at the end of each axis, below the stride
	name   string
	axes   int
}

// NewConvTranspose2d is for pictures. The result has (H-1)·stride - 2·pad +
// dilation·(kernel-1) + extra + 1 lines. Weights and bias are uniform within
// 1/√(out/groups·k²), PyTorch's default.
func NewConvTranspose2d(in, out, kernel, extra int, c ConvConfig, opts ...crease.Option) *ConvTranspose {
	return newConvTranspose("conv_transpose2d", in, out, []int{kernel, kernel}, extra, c.attrs(), opts)
}

// NewConvTranspose1d is for sequences, with the length that NewConvTranspose2d
// has in lines.
func NewConvTranspose1d(in, out, kernel, extra int, c ConvConfig, opts ...crease.Option) *ConvTranspose {
	return newConvTranspose("conv_transpose1d", in, out, []int{kernel}, extra, c.line(), opts)
}

func newConvTranspose(name string, in, out int, kernel []int, extra int, a ops.ConvAttrs, opts []crease.Option) *ConvTranspose {
	if extra < 0 || extra > 0 && extra >= max(a.Stride[1], a.Dilation[1]) {
		panic(&ops.AttrError{Op: name, Reason: fmt.Sprintf("%d extra elements: want fewer than the stride or the dilation, %d and %d", extra, a.Stride[1], a.Dilation[1])})
	}
	dims := append([]int{in, out / a.Groups}, kernel...)
	fan := dims[1]
	for _, k := range kernel {
		fan *= k
	}
	return &ConvTranspose{
		Weight: fanInUniform(dims, fan, opts), Bias: fanInUniform([]int{out}, fan, opts),
		Attrs: a, Extra: extra, name: name, axes: len(kernel),
	}
}

// WithoutBias drops the bias.
func (l *ConvTranspose) WithoutBias() *ConvTranspose {
	l.Bias = dropped(l.Bias)
	return l
}

// Forward maps [N, in, ...] to [N, out, ...].
func (l *ConvTranspose) Forward(x *crease.Tensor) *crease.Tensor {
	wantAxes(l.name, x, 2+l.axes, []string{"", "[N, C, L]", "[N, C, H, W]"}[l.axes])
	return crease.Tidy1(func() *crease.Tensor {
		w := l.Weight
		if l.axes == 1 {
			x, w = x.Unsqueeze(2), w.Unsqueeze(2)
		}
		a := ops.ConvGradAttrs{ConvAttrs: l.Attrs, InShape: l.outShape(x.Shape(), w.Shape())}
		y := crease.Apply(ops.Conv2dGradInput, a, x, w)[0]
		if l.axes == 1 {
			y = y.Squeeze(2)
		}
		if l.Bias != nil {
			y = y.Add(channelwise(l.Bias, y))
		}
		return y
	})
}

// outShape is the shape of the result for 4 axes.
func (l *ConvTranspose) outShape(x, w []int) []int {
	dims := []int{x[0], w[1] * l.Attrs.Groups}
	for i, pad := range []int{l.Attrs.Pad[0] + l.Attrs.Pad[1], l.Attrs.Pad[2] + l.Attrs.Pad[3]} {
		extra := l.Extra
		if i == 0 && l.axes == 1 {
			extra = 0
		}
		dims = append(dims, (x[2+i]-1)*l.Attrs.Stride[i]-pad+l.Attrs.Dilation[i]*(w[2+i]-1)+extra+1)
	}
	return dims
}

// Visit names weight and bias.
func (l *ConvTranspose) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}
