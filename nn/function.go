package nn

import "github.com/crease-ml/crease"

// Function is a module without state. A pointer to one can have hooks.
type Function struct {
	Name string
	F    func(*crease.Tensor) *crease.Tensor
}

// Forward calls the function.
func (f Function) Forward(x *crease.Tensor) *crease.Tensor { return f.F(x) }

// Visit has nothing to name.
func (f Function) Visit(*Visitor) {}

// NewFlatten joins all axes but the first, the batch.
func NewFlatten() Module {
	return &Function{"flatten", func(x *crease.Tensor) *crease.Tensor { return x.Flatten(1) }}
}

// NewIdentity passes its input on.
func NewIdentity() Module {
	return &Function{"identity", func(x *crease.Tensor) *crease.Tensor { return x }}
}
