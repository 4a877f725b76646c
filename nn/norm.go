package nn

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// BatchNorm2d normalises every channel of [N, C, H, W] (or [N, C, ...]): by the
// batch's statistics in training, by their running averages in evaluation (Ioffe,
// Szegedy 2015).
type BatchNorm2d struct {
	Weight, Bias            *crease.Tensor // scale and shift [C]
	RunningMean, RunningVar *crease.Tensor // [C], f32 for 16-bit floats
	Momentum                float64        // share of a new batch in the running statistics
	Eps                     float64
	training                bool
}

// NewBatchNorm2d is for a number of channels, with PyTorch's defaults: momentum
// 0.1 and eps 1e-5.
func NewBatchNorm2d(channels int, opts ...crease.Option) *BatchNorm2d {
	dims := []int{channels}
	l := &BatchNorm2d{
		Weight: param(crease.Ones(dims, opts...)), Bias: param(crease.Zeros(dims, opts...)),
		Momentum: 0.1, Eps: 1e-5, training: true,
	}
	stats := append(opts[:len(opts):len(opts)], crease.As(l.Weight.DType().Wide()))
	l.RunningMean, l.RunningVar = crease.Zeros(dims, stats...).Keep(), crease.Ones(dims, stats...).Keep()
	return l
}

// SetTraining chooses between the batch's statistics and the running ones.
func (l *BatchNorm2d) SetTraining(on bool) { l.training = on }

// Forward keeps shape and element type. In training it also updates the running statistics,
// the variance without bias. Statistics of 16-bit floats are computed in f32; a layer in f32
// takes 16-bit input, as in PyTorch.
func (l *BatchNorm2d) Forward(x *crease.Tensor) *crease.Tensor {
	if t := x.DType(); t != l.Weight.DType() && t.Wide() == l.Weight.DType() {
		return l.forward(x.Cast(l.Weight.DType())).Cast(t)
	}
	return l.forward(x)
}

func (l *BatchNorm2d) forward(x *crease.Tensor) *crease.Tensor {
	a := ops.BatchNormAttrs{Eps: l.Eps}
	if !l.training {
		return crease.Apply(ops.BatchNormInfer, a, x, l.Weight, l.Bias, l.RunningMean, l.RunningVar)[0]
	}
	out := crease.Apply(ops.BatchNorm, a, x, l.Weight, l.Bias)
	n := float64(x.Len() / max(1, x.Dim(1)))
	crease.NoGrad(func() {
		crease.Tidy(func() []*crease.Tensor {
			l.track(l.RunningMean, out[1].Detach())
			l.track(l.RunningVar, out[2].Detach().MulScalar(n/max(1, n-1)))
			return nil
		})
	})
	return out[0]
}

func (l *BatchNorm2d) track(running, batch *crease.Tensor) {
	running.Assign(running.MulScalar(1 - l.Momentum).Add(batch.MulScalar(l.Momentum)))
}

// Visit names weight, bias and the running statistics.
func (l *BatchNorm2d) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
	v.Buffer("running_mean", l.RunningMean)
	v.Buffer("running_var", l.RunningVar)
	v.Foreign("num_batches_tracked") // PyTorch's count, of use with a momentum of None only
}

// LayerNorm normalises the trailing axes of every sample (Ba, Kiros, Hinton
// 2016).
type LayerNorm struct {
	Weight, Bias *crease.Tensor // the shape of the normalised axes; Bias may be nil
	Eps          float64
}

// NewLayerNorm is for trailing axes of the given sizes, with eps 1e-5.
func NewLayerNorm(dims []int, opts ...crease.Option) *LayerNorm {
	return &LayerNorm{Weight: param(crease.Ones(dims, opts...)), Bias: param(crease.Zeros(dims, opts...)), Eps: 1e-5}
}

// WithoutBias drops the bias.
func (l *LayerNorm) WithoutBias() *LayerNorm {
	l.Bias = dropped(l.Bias)
	return l
}

// Forward keeps the shape.
func (l *LayerNorm) Forward(x *crease.Tensor) *crease.Tensor {
	in := []*crease.Tensor{x, l.Weight}
	if l.Bias != nil {
		in = append(in, l.Bias)
	}
	return crease.Apply(ops.LayerNorm, ops.LayerNormAttrs{Axes: l.Weight.Rank(), Eps: l.Eps}, in...)[0]
}

// Visit names weight and bias.
func (l *LayerNorm) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}

// RMSNorm divides the trailing axes of every sample by their root mean square
// (Zhang, Sennrich 2019).
type RMSNorm struct {
	Weight *crease.Tensor // the shape of the normalised axes
	Eps    float64
}

// NewRMSNorm is for trailing axes of the given sizes, with eps 1e-5.
func NewRMSNorm(dims []int, opts ...crease.Option) *RMSNorm {
	return &RMSNorm{Weight: param(crease.Ones(dims, opts...)), Eps: 1e-5}
}

// Forward keeps the shape.
func (l *RMSNorm) Forward(x *crease.Tensor) *crease.Tensor {
	return crease.Apply(ops.RMSNorm, ops.LayerNormAttrs{Axes: l.Weight.Rank(), Eps: l.Eps}, x, l.Weight)[0]
}

// Visit names the weight.
func (l *RMSNorm) Visit(v *Visitor) { v.Param("weight", l.Weight) }

// Dropout zeroes elements with probability P in training (Srivastava et al.
// 2014).
type Dropout struct {
	P         float64
	Generator *crease.Generator // nil for the device's default
	training  bool
}

// NewDropout drops with probability p, drawing from g; a nil g stands for the
// default generator of the input's device.
func NewDropout(p float64, g *crease.Generator) *Dropout {
	return &Dropout{P: p, Generator: g, training: true}
}

// SetTraining switches dropping on or off.
func (l *Dropout) SetTraining(on bool) { l.training = on }

// Forward keeps the shape.
func (l *Dropout) Forward(x *crease.Tensor) *crease.Tensor {
	if !l.training || l.P == 0 {
		return x
	}
	return x.Dropout(l.P, l.Generator)
}

// Visit has nothing to name.
func (l *Dropout) Visit(*Visitor) {}
