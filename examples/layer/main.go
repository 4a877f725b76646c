// Command layer writes a layer of one's own: a gated linear unit with a residual
// connection. Two methods make a module; its parameters, its state and its names in a
// file follow from Visit.
package main

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

// Gated is x + scale · (value(x) · sigmoid(gate(x))).
type Gated struct {
	value, gate *nn.Linear
	scale       *crease.Tensor
}

// NewGated is a gated layer of the given width.
func NewGated(width int, opts ...crease.Option) *Gated {
	return &Gated{
		value: nn.NewLinear(width, width, opts...),
		gate:  nn.NewLinear(width, width, opts...).WithAct("sigmoid"), // fused into the product
		scale: crease.Full([]int{width}, 0.1, crease.RequireGrad()),
	}
}

// Forward maps [..., width] to [..., width].
func (l *Gated) Forward(x *crease.Tensor) *crease.Tensor {
	return x.Add(l.value.Forward(x).Mul(l.gate.Forward(x)).Mul(l.scale))
}

// Visit names what the layer holds.
func (l *Gated) Visit(v *nn.Visitor) {
	v.Child("value", l.value)
	v.Child("gate", l.gate)
	v.Param("scale", l.scale)
}

func main() {
	g := crease.NewGenerator(4)
	model := nn.NewSequential(nn.NewLinear(3, 16, crease.By(g)), NewGated(16, crease.By(g)), NewGated(16, crease.By(g)), nn.NewLinear(16, 1, crease.By(g)))
	for _, p := range nn.Parameters(model) {
		fmt.Printf("%-16s %s\n", p.Name, p.Tensor.Spec())
	}

	// It learns to tell the product of three numbers.
	x := crease.RandUniform([]int{512, 3}, -1, 1, crease.By(g))
	y := x.ProdKeep(1)
	opt := optim.NewAdam(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 1e-2})
	var first, last float64
	for step := range 200 {
		crease.Tidy(func() []*crease.Tensor {
			loss := nn.Huber(model.Forward(x), y, 1)
			loss.Backward()
			opt.Step()
			opt.ZeroGrad()
			if last = loss.Item(); step == 0 {
				first = last
			}
			return nil
		})
	}
	fmt.Printf("the loss fell to less than a tenth: %v\n", last < first/10)
}
