package crease

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// finish applies what an option asks of a new tensor.
func (o options) finish(t *Tensor) *Tensor {
	if o.requires {
		t.RequireGrad()
	}
	return t
}

// make runs an op without inputs on the option's device.
func (o options) make(op *ops.Op, attrs any) *Tensor {
	l := state()
	if tr := l.tracing(); tr != nil {
		return wrap(tr.g.Apply(op, attrs)[0], tr.dev, l)
	}
	var room [1]*exec.Array
	res, err := o.dev.engine.Eval(op, attrs, nil, room[:0])
	if err != nil {
		panic(err)
	}
	return wrap(res[0], o.dev, l)
}

// Full is a tensor of one value, rounded to the element type if that is a float. An
// integer type must hold the value: a fraction, NaN and what is out of its range are a
// *ops.AttrError.
func Full[N Number](dims []int, value N, opts ...Option) *Tensor {
	o := collect(opts)
	n := element(value, o.dtype)
	return o.finish(o.make(ops.Full, ops.FullAttrs{DType: o.dtype, Shape: dims, Value: n.Value, Int: n.Int}))
}

// Zeros is a tensor of zeros.
func Zeros(dims []int, opts ...Option) *Tensor { return Full(dims, 0, opts...) }

// Ones is a tensor of ones.
func Ones(dims []int, opts ...Option) *Tensor { return Full(dims, 1, opts...) }

// ZerosLike is a tensor of zeros of the type, shape and device of another.
func ZerosLike(t *Tensor) *Tensor { return Zeros(t.Shape(), As(t.DType()), On(t.dev)) }

// OnesLike is a tensor of ones of the type, shape and device of another.
func OnesLike(t *Tensor) *Tensor { return Ones(t.Shape(), As(t.DType()), On(t.dev)) }

// Scalar is a tensor of rank 0; see [Full] for the value.
func Scalar[N Number](value N, opts ...Option) *Tensor { return Full([]int{}, value, opts...) }

// From copies a Go slice to a tensor of its element type; the As option
// converts. A nil shape makes a vector. The length must be that of the shape.
func From[T dtype.Element](values []T, dims []int, opts ...Option) *Tensor {
	if dims == nil {
		dims = []int{len(values)}
	}
	h, err := ops.HostOf(dims, values)
	if err != nil {
		panic(&ops.ShapeError{Op: "from", Rule: err.Error()})
	}
	o := collect(append([]Option{As(h.DType)}, opts...))
	t := fromHost(h, o.dev)
	if o.dtype != h.DType {
		t = t.Cast(o.dtype)
	}
	return o.finish(t)
}

// FromHost copies a host array to a tensor.
func FromHost(h ops.Host, opts ...Option) *Tensor {
	o := collect(append([]Option{As(h.DType)}, opts...))
	return o.finish(fromHost(h, o.dev).Cast(o.dtype))
}

// Eye is the n×n identity matrix.
func Eye(n int, opts ...Option) *Tensor {
	o := collect(opts)
	idx := o.make(ops.Iota, ops.IotaAttrs{DType: dtype.I64, Shape: []int{n}})
	return o.finish(apply1(ops.OneHot, ops.OneHotAttrs{Classes: n, DType: o.dtype}, idx))
}

// Concat joins tensors along an axis, along which alone they may differ.
func Concat(axis int, list ...*Tensor) *Tensor {
	return apply1(ops.Concat, ops.ConcatAttrs{Axis: axis}, list...)
}

// Stack joins tensors of one shape along a new axis.
func Stack(axis int, list ...*Tensor) *Tensor {
	wide := make([]*Tensor, len(list))
	for i, t := range list {
		wide[i] = t.Unsqueeze(axis)
	}
	return Concat(axis, wide...)
}

// Where is x where cond is true and y elsewhere.
func Where(cond, x, y *Tensor) *Tensor { return apply1(ops.Where, nil, cond, x, y) }
