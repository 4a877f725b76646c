package nn

import (
	"slices"

	"github.com/crease-ml/crease"
)

// Checkpointed is a module that keeps nothing of what happens in it for Backward and
// runs again there: see [crease.Checkpoint]. Its state has the module's names.
type Checkpointed struct {
	Module
	c crease.Checkpoint
}

// NewCheckpointed checkpoints a module. Draws are the generators of its dropout; a
// module that draws from another would draw other numbers the second time. Batch
// normalisation inside counts every batch twice in its running statistics.
func NewCheckpointed(m Module, draws ...*crease.Generator) *Checkpointed {
	l := &Checkpointed{Module: m}
	l.c.F = func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{Call(m, in[0])} }
	l.c.Draws = draws
	return l
}

// Forward runs the module.
func (l *Checkpointed) Forward(x *crease.Tensor) *crease.Tensor {
	params, _ := named(l.Module) // the check of Trainable would take as long as a small block
	l.c.Params = Tensors(slices.DeleteFunc(params, frozen))
	return l.c.Call(x)[0]
}

// Saved is how many bytes more the device would have held without, in the last
// backward pass.
func (l *Checkpointed) Saved() int { return l.c.Saved() }

// Visit is the module's.
func (l *Checkpointed) Visit(v *Visitor) { v.visit(l.Module) }
