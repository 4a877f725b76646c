package optim

import (
	"cmp"
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Group is an optimiser of some of the parameters, and by how much its learning rate
// differs from that of the others: SetLR of the groups gives it Scale times the rate.
// A Scale of 0 stands for 1.
type Group struct {
	Optimizer
	Scale float64
}

// Groups is several optimisers as one: PyTorch's parameter groups. Each has its own
// parameters and settings, and may be of another kind.
//
//	opt := optim.NewGroups(
//		optim.Group{Optimizer: optim.NewAdamW(weights, optim.AdamConfig{LR: 1e-3, WeightDecay: 0.01})},
//		optim.Group{Optimizer: optim.NewAdamW(biases, optim.AdamConfig{LR: 1e-3})},
//		optim.Group{Optimizer: optim.NewSGD(head, optim.SGDConfig{LR: 1e-2}), Scale: 10},
//	)
type Groups struct{ list []Group }

// NewGroups joins optimisers. A parameter in two of them would make two steps at once, and
// panics with a *ops.AttrError.
func NewGroups(groups ...Group) *Groups {
	if len(groups) == 0 {
		panic(&ops.AttrError{Op: "optimizer", Reason: "no groups given"})
	}
	of := map[*crease.Tensor]int{}
	for i, g := range groups {
		if g.Optimizer == nil {
			panic(&ops.AttrError{Op: "optimizer", Reason: fmt.Sprintf("group %d has no optimiser", i)})
		}
		o, ok := g.Optimizer.(interface{ parameters() []*crease.Tensor })
		if !ok {
			continue // from another package
		}
		for _, p := range o.parameters() {
			if first, twice := of[p]; twice && first != i {
				panic(&ops.AttrError{Op: "optimizer", Reason: fmt.Sprintf("a parameter (%s) is in group %d and in group %d", p.Spec(), first, i)})
			}
			of[p] = i
		}
	}
	return &Groups{groups}
}

func (b *base) parameters() []*crease.Tensor { return b.params }

func (g *Groups) parameters() (all []*crease.Tensor) {
	for _, o := range g.list {
		if o, ok := o.Optimizer.(interface{ parameters() []*crease.Tensor }); ok {
			all = append(all, o.parameters()...)
		}
	}
	return all
}

// Step makes one step in every group.
func (g *Groups) Step() {
	for _, o := range g.list {
		o.Step()
	}
}

// ZeroGrad drops the gradients of all groups.
func (g *Groups) ZeroGrad() {
	for _, o := range g.list {
		o.ZeroGrad()
	}
}

// SetLR changes the learning rate of every group, to the rate times the group's Scale.
func (g *Groups) SetLR(lr float64) {
	for _, o := range g.list {
		o.SetLR(lr * cmp.Or(o.Scale, 1))
	}
}

// State is that of all groups; names begin with the group's number.
func (g *Groups) State() (list []State) {
	for i, o := range g.list {
		for _, s := range o.Optimizer.State() {
			list = append(list, State{fmt.Sprintf("%d.%s", i, s.Name), s.Tensor})
		}
	}
	return list
}
