package nn

import (
	"strconv"

	"github.com/crease-ml/crease"
)

// Module is a layer or a model.
type Module interface {
	Forward(x *crease.Tensor) *crease.Tensor
	// Visit names everything that the module holds, always in the same order.
	Visit(v *Visitor)
}

// Visitor is told what a module holds.
type Visitor struct {
	prefix string
	param  func(name string, t *crease.Tensor)
	buffer func(name string, t *crease.Tensor)
	module func(m Module)
}

// Param names a tensor that is trained. A nil tensor, such as the bias of a layer
// without one, is passed over.
func (v *Visitor) Param(name string, t *crease.Tensor) {
	if t != nil && v.param != nil {
		v.param(v.prefix+name, t)
	}
}

// Buffer names a tensor that is state but not trained.
func (v *Visitor) Buffer(name string, t *crease.Tensor) {
	if t != nil && v.buffer != nil {
		v.buffer(v.prefix+name, t)
	}
}

// Child visits a module inside this one.
func (v *Visitor) Child(name string, m Module) {
	inner := *v
	inner.prefix += name + "."
	inner.visit(m)
}

func (v *Visitor) visit(m Module) {
	if v.module != nil {
		v.module(m)
	}
	m.Visit(v)
}

// Named is a tensor of a module and its path.
type Named struct {
	Name   string
	Tensor *crease.Tensor
}

// Parameters lists the trained tensors.
func Parameters(m Module) (list []Named) {
	v := Visitor{param: func(name string, t *crease.Tensor) { list = append(list, Named{name, t}) }}
	v.visit(m)
	return list
}

// Buffers lists the state that is not trained.
func Buffers(m Module) (list []Named) {
	v := Visitor{buffer: func(name string, t *crease.Tensor) { list = append(list, Named{name, t}) }}
	v.visit(m)
	return list
}

// State lists parameters and buffers.
func State(m Module) []Named { return append(Parameters(m), Buffers(m)...) }

// Tensors drops the names.
func Tensors(list []Named) []*crease.Tensor {
	out := make([]*crease.Tensor, len(list))
	for i, n := range list {
		out[i] = n.Tensor
	}
	return out
}

// Count is the number of trained numbers.
func Count(m Module) (n int) {
	for _, p := range Parameters(m) {
		n += p.Tensor.Len()
	}
	return n
}

// Moder is implemented by modules that behave differently in training.
type Moder interface{ SetTraining(on bool) }

// Train puts a module and all inside it into training mode, the mode they are
// made in. A compiled function keeps the mode it was recorded in.
func Train(m Module) { setTraining(m, true) }

// Eval puts a module and all inside it into evaluation mode: dropout passes
// everything, batch normalisation uses its running statistics.
func Eval(m Module) { setTraining(m, false) }

func setTraining(m Module, on bool) {
	v := Visitor{module: func(m Module) {
		if x, ok := m.(Moder); ok {
			x.SetTraining(on)
		}
	}}
	v.visit(m)
}

// Sequential runs modules one after the other; their names are their positions.
type Sequential struct{ Layers []Module }

// NewSequential chains modules.
func NewSequential(layers ...Module) *Sequential { return &Sequential{layers} }

// Forward runs every layer on the result of the one before.
func (s *Sequential) Forward(x *crease.Tensor) *crease.Tensor {
	for _, m := range s.Layers {
		x = m.Forward(x)
	}
	return x
}

// Visit names the layers.
func (s *Sequential) Visit(v *Visitor) {
	for i, m := range s.Layers {
		v.Child(strconv.Itoa(i), m)
	}
}

// Residual is x + body(x) (He et al. 2016).
type Residual struct{ Body Module }

// NewResidual puts a shortcut around a chain of modules.
func NewResidual(body ...Module) *Residual { return &Residual{NewSequential(body...)} }

// Forward adds the input to the body's result, which has its shape.
func (r *Residual) Forward(x *crease.Tensor) *crease.Tensor { return x.Add(r.Body.Forward(x)) }

// Visit names the body.
func (r *Residual) Visit(v *Visitor) { v.Child("body", r.Body) }

// Function is a module without state.
type Function struct {
	Name string
	F    func(*crease.Tensor) *crease.Tensor
}

// Forward calls the function.
func (f Function) Forward(x *crease.Tensor) *crease.Tensor { return f.F(x) }

// Visit has nothing to name.
func (f Function) Visit(*Visitor) {}

// Activations.
func Relu() Module     { return Function{"relu", (*crease.Tensor).Relu} }
func Gelu() Module     { return Function{"gelu", (*crease.Tensor).Gelu} }
func GeluTanh() Module { return Function{"gelu_tanh", (*crease.Tensor).GeluTanh} }
func Silu() Module     { return Function{"silu", (*crease.Tensor).Silu} }
func Sigmoid() Module  { return Function{"sigmoid", (*crease.Tensor).Sigmoid} }
func Tanh() Module     { return Function{"tanh", (*crease.Tensor).Tanh} }

// LeakyRelu multiplies negative elements by slope.
func LeakyRelu(slope float64) Module {
	return Function{"leaky_relu", func(x *crease.Tensor) *crease.Tensor { return x.LeakyRelu(slope) }}
}

// NewFlatten joins all axes but the first, the batch.
func NewFlatten() Module {
	return Function{"flatten", func(x *crease.Tensor) *crease.Tensor { return x.Flatten(1) }}
}
