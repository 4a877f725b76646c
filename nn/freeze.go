package nn

import "slices"

// Freeze makes no gradients flow to the parameters of a module and drops those
// that are there. Give an optimiser [Trainable]. Batch normalisation inside goes
// on to count its running statistics; [Eval] ends that.
func Freeze(m Module) {
	for _, p := range Parameters(m) {
		p.Tensor.ZeroGrad()
		p.Tensor.StopGrad()
	}
}

// Unfreeze makes gradients flow to the parameters of a module.
func Unfreeze(m Module) {
	for _, p := range Parameters(m) {
		p.Tensor.RequireGrad()
	}
}

// Trainable lists the parameters that gradients flow to.
func Trainable(m Module) []Named { return slices.DeleteFunc(Parameters(m), frozen) }

func frozen(p Named) bool { return !p.Tensor.RequiresGrad() }
