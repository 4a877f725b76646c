package onnx

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// What flows between nodes is an ops.Value of one of these kinds, or nil for an optional
// value that is not there.

// known is an array whose elements are known before anything runs: an initializer, a
// constant, a shape, and what follows from them. Small arithmetic on known values happens
// on the host, so that shapes cost no launch and are there when a graph is recorded.
type known struct {
	host ops.Host
	// fill says that all elements are one value: a device makes it itself.
	fill *ops.FullAttrs
}

func (k *known) Spec() ops.Spec { return k.host.Spec }

// dense is an array on the device, or the value of a graph being recorded that stands for
// one.
type dense struct {
	t    *crease.Tensor
	from inputSet // the inputs of the model that its elements depend on
	refs int      // names that it has in running graphs
}

func (d *dense) Spec() ops.Spec { return d.t.Spec() }

// narrow is an array of an element type that crease does not have, in its carrier.
type narrow struct {
	ops.Value
	elem Elem
}

// list is a sequence.
type list struct{ items []ops.Value }

func (*list) Spec() ops.Spec { return ops.Spec{} }

// inputSet is a set of inputs of the model. Inputs from 63 on share a bit.
type inputSet uint64

func inputBit(i int) inputSet { return 1 << min(i, 63) }

func (s inputSet) has(i int) bool { return s&inputBit(i) != 0 }

// plain takes the element type off.
func plain(v ops.Value) ops.Value {
	if n, ok := v.(*narrow); ok {
		return n.Value
	}
	return v
}

// elemIn is the ONNX element type of a value.
func elemIn(v ops.Value) Elem {
	if n, ok := v.(*narrow); ok {
		return n.elem
	}
	return elemOf(v.Spec().DType)
}

// as gives a value the element type e, whose carrier it is in.
func as(v ops.Value, e Elem) ops.Value {
	v = plain(v)
	if elems[e].narrow {
		return &narrow{v, e}
	}
	return v
}

// Value is an input or output of a model: a tensor, a sequence, or neither for an optional
// value that is not there.
type Value struct {
	Tensor *crease.Tensor
	// Elem is the element type where crease does not have it and Tensor holds the values in
	// a wider type; else Undefined.
	Elem     Elem
	Sequence []Value
	IsList   bool
}

// Of is the value of a tensor.
func Of(t *crease.Tensor) Value { return Value{Tensor: t} }

// Type is the ONNX element type of a tensor.
func (v Value) Type() Elem {
	switch {
	case v.Elem != Undefined:
		return v.Elem
	case v.Tensor != nil:
		return elemOf(v.Tensor.DType())
	}
	return Undefined
}
