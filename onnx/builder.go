package onnx

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// builder is what operators are written with. It computes small known values on the host
// by the rows' references and everything else with tensors: eagerly, or into the graph
// that is being recorded.
type builder struct {
	dev *crease.Device
	// recording says that tensors stand for values to come.
	recording bool
	limit     int // bytes of one array
	// foldAll computes known values of any size on the host: their elements are needed.
	foldAll bool
	// kept are the tensors of known values that last as long as the builder.
	kept map[*known]*crease.Tensor
	// static are the inputs of the model that are known.
	static inputSet
}

// foldLimit is the work, in operations or elements, up to which known values are computed
// on the host.
const foldLimit = 1 << 15

// maxResult limits one array where the session does not: a file must not make a machine
// swap.
const maxResult = 1 << 32

// Apply runs, records or folds an op. It panics as crease.Apply does.
func (b *builder) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	var from inputSet
	folds := true
	for i, v := range in {
		in[i] = plain(v)
		switch v := in[i].(type) {
		case *known:
		case *dense:
			folds = false
			from |= v.from
		case nil:
			panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("input %d is not there", i)})
		default:
			panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("input %d is a sequence", i)})
		}
	}
	specs, err := op.Specs(attrs, ops.SpecsOf(in))
	if err != nil {
		panic(err)
	}
	for _, s := range specs {
		if s.Bytes() > b.limit {
			panic(&ops.ShapeError{Op: op.Name, In: ops.SpecsOf(in), Rule: fmt.Sprintf("its result %s takes more than %d bytes, the limit of the session (MaxBytes)", s, b.limit)})
		}
	}
	if full, ok := attrs.(ops.FullAttrs); ok && len(in) == 0 {
		return []ops.Value{b.full(full, specs[0])}
	}
	if folds && (b.foldAll || b.cheap(op, attrs, in, specs)) {
		return b.fold(op, attrs, in)
	}
	tensors := make([]*crease.Tensor, len(in))
	for i, v := range in {
		tensors[i] = b.tensor(v)
	}
	out := make([]ops.Value, 0, len(specs))
	for _, t := range b.apply(op, attrs, tensors) {
		out = append(out, &dense{t: t, from: from})
	}
	return out
}

// apply runs a row on the builder's device, also where there is no input to say which.
func (b *builder) apply(op *ops.Op, attrs any, in []*crease.Tensor) []*crease.Tensor {
	if len(in) > 0 {
		return crease.Apply(op, attrs, in...)
	}
	iota, ok := attrs.(ops.IotaAttrs)
	if !ok {
		panic(&ops.AttrError{Op: op.Name, Reason: "has no input, and the importer does not know how to make it"})
	}
	h := ops.NewHost(ops.Spec{DType: iota.DType, Shape: iota.Shape})
	op.Ref(attrs, nil, []ops.Host{h})
	return []*crease.Tensor{crease.FromHost(h, crease.On(b.dev))}
}

func (b *builder) full(a ops.FullAttrs, s ops.Spec) ops.Value {
	if !b.foldAll && s.Elements() > foldLimit {
		return &dense{t: crease.Full(a.Shape, a.Value, crease.As(a.DType), crease.On(b.dev))}
	}
	h := ops.NewHost(s)
	ops.Full.Ref(a, nil, []ops.Host{h})
	return &known{h, &a}
}

// cheap reports whether the host computes something at once.
func (b *builder) cheap(op *ops.Op, attrs any, in []ops.Value, out []ops.Spec) bool {
	cost := op.Cost(attrs, ops.SpecsOf(in), out)
	return cost.Flops <= foldLimit && cost.Bytes <= 8*foldLimit
}

func (b *builder) fold(op *ops.Op, attrs any, in []ops.Value) []ops.Value {
	hosts := make([]ops.Value, len(in))
	for i, v := range in {
		hosts[i] = &ops.HostValue{Host: v.(*known).host}
	}
	out := ops.Interpreter{}.Apply(op, attrs, hosts...)
	for i, v := range out {
		out[i] = &known{host: v.(*ops.HostValue).Host}
	}
	return out
}

// Const is a known value.
func (b *builder) Const(h ops.Host) ops.Value { return &known{host: h} }

// tensor is a value on the device.
func (b *builder) tensor(v ops.Value) *crease.Tensor {
	switch v := plain(v).(type) {
	case *dense:
		return v.t
	case *known:
		if t := b.kept[v]; t != nil {
			return t
		}
		var t *crease.Tensor
		if v.fill != nil {
			t = crease.Full(v.fill.Shape, v.fill.Value, crease.As(v.fill.DType), crease.On(b.dev))
		} else {
			t = crease.FromHost(v.host, crease.On(b.dev))
		}
		if b.recording {
			b.kept[v] = t
		}
		return t
	}
	panic(&ops.AttrError{Op: "onnx", Reason: "a sequence stands where a tensor is wanted"})
}

// keep makes the tensor of a known value last.
func (b *builder) keep(k *known) {
	if b.kept[k] == nil && !b.recording {
		t := b.tensor(k)
		t.Keep()
		b.kept[k] = t
	}
}

// unknown is panicked with when a graph that is being recorded needs the elements of a
// value that depends on inputs.
type unknown struct{ from inputSet }

// host is the elements of a value. Eagerly it waits for them.
func (b *builder) host(v ops.Value) ops.Host {
	switch v := plain(v).(type) {
	case *known:
		return v.host
	case *dense:
		if b.recording {
			panic(unknown{v.from &^ b.static})
		}
		return v.t.Host()
	}
	panic(&ops.AttrError{Op: "onnx", Reason: "a sequence stands where a tensor is wanted"})
}
