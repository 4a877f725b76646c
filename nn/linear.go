package nn

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Linear is x·Wᵀ + b for x [..., in], with W [out, in] and b [out].
type Linear struct {
	Weight *crease.Tensor
	Bias   *crease.Tensor // nil for none
	Act    string         // fused activation: "", "relu", "tanh" or "sigmoid"
}

// NewLinear draws weights and bias uniformly within 1/√in, PyTorch's default.
func NewLinear(in, out int, opts ...crease.Option) *Linear {
	return &Linear{Weight: fanInUniform([]int{out, in}, in, opts), Bias: fanInUniform([]int{out}, in, opts)}
}

// WithAct fuses an activation into the layer: "relu", "tanh" or "sigmoid".
func (l *Linear) WithAct(act string) *Linear {
	l.Act = act
	return l
}

// WithoutBias drops the bias.
func (l *Linear) WithoutBias() *Linear {
	l.Bias = dropped(l.Bias)
	return l
}

// Forward maps [..., in] to [..., out].
func (l *Linear) Forward(x *crease.Tensor) *crease.Tensor {
	in := []*crease.Tensor{x, l.Weight}
	if l.Bias != nil {
		in = append(in, l.Bias)
	}
	return crease.Apply(ops.Linear, ops.LinearAttrs{Act: l.Act}, in...)[0]
}

// Visit names weight and bias.
func (l *Linear) Visit(v *Visitor) {
	v.Param("weight", l.Weight)
	v.Param("bias", l.Bias)
}
