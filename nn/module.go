package nn

import (
	"strconv"
	"strings"

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
	prefix  string
	param   func(name string, t *crease.Tensor)
	buffer  func(name string, t *crease.Tensor)
	foreign func(name string)
	module  func(path string, m Module)
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

// Foreign names a tensor that state dictionaries of other programs have and the
// module has no use for. Loading passes over it.
func (v *Visitor) Foreign(name string) {
	if v.foreign != nil {
		v.foreign(v.prefix + name)
	}
}

// Child visits a module inside this one. A nil module, such as a layer that the
// settings leave out, is passed over.
func (v *Visitor) Child(name string, m Module) {
	if m == nil {
		return
	}
	inner := *v
	inner.prefix += name + "."
	inner.visit(m)
}

func (v *Visitor) visit(m Module) {
	if v.module != nil {
		v.module(strings.TrimSuffix(v.prefix, "."), m)
	}
	m.Visit(v)
}

// Named is a tensor of a module and its path.
type Named struct {
	Name   string
	Tensor *crease.Tensor
	Also   []string // further paths of the same tensor, where weights are tied
}

// collector appends tensors to a list, each once.
func collector(list *[]Named) func(name string, t *crease.Tensor) {
	at := map[*crease.Tensor]int{}
	return func(name string, t *crease.Tensor) {
		if i, seen := at[t]; seen {
			(*list)[i].Also = append((*list)[i].Also, name)
			return
		}
		at[t] = len(*list)
		*list = append(*list, Named{Name: name, Tensor: t})
	}
}

// Parameters lists the trained tensors, those that several modules share once. A module whose
// Visit forgets something is a panic with a *ModuleError.
func Parameters(m Module) []Named {
	check(m)
	params, _ := named(m)
	return params
}

// Buffers lists the state that is not trained.
func Buffers(m Module) []Named {
	check(m)
	_, buffers := named(m)
	return buffers
}

// State lists parameters and buffers.
func State(m Module) []Named {
	check(m)
	params, buffers := named(m)
	return append(params, buffers...)
}

// named asks a module for its tensors and does not look for those that it forgot.
func named(m Module) (params, buffers []Named) {
	v := Visitor{param: collector(&params), buffer: collector(&buffers)}
	v.visit(m)
	return params, buffers
}

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
	check(m)
	v := Visitor{module: func(_ string, m Module) {
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
		x = Call(m, x)
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
func (r *Residual) Forward(x *crease.Tensor) *crease.Tensor { return x.Add(Call(r.Body, x)) }

// Visit names the body.
func (r *Residual) Visit(v *Visitor) { v.Child("body", r.Body) }
