package optim

import (
	"fmt"

	"github.com/crease-ml/crease/ops"
)

// Part is one of several optimisers that work together.
type Part struct {
	Optimizer
	Scale float64 // its learning rate, as a multiple of the joint one; 0 stands for 1
}

// Join makes one optimiser of several, each with parameters of its own: Muon for
// matrices and AdamW for the rest, or weight decay for some and none for others.
func Join(parts ...Part) Optimizer {
	if len(parts) == 0 {
		panic(&ops.AttrError{Op: "optimizer", Reason: "no optimisers to join"})
	}
	return joint(parts)
}

type joint []Part

func (j joint) Step() {
	for _, p := range j {
		p.Optimizer.Step()
	}
}

func (j joint) ZeroGrad() {
	for _, p := range j {
		p.Optimizer.ZeroGrad()
	}
}

func (j joint) SetLR(lr float64) {
	for _, p := range j {
		p.Optimizer.SetLR(lr * or(p.Scale, 1))
	}
}

func (j joint) State() []State {
	var list []State
	for i, p := range j {
		for _, s := range p.Optimizer.State() {
			list = append(list, State{fmt.Sprintf("%d.%s", i, s.Name), s.Tensor})
		}
	}
	return list
}
