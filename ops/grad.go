package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// This file holds the small vocabulary that gradients and lowerings are
// written in.

// Zeros, Ones and Filled are constant arrays.
func Zeros(b Builder, s Spec) Value { return Filled(b, s, 0) }

// Ones is an array of ones.
func Ones(b Builder, s Spec) Value { return Filled(b, s, 1) }

// Filled is an array of one value.
func Filled(b Builder, s Spec, v float64) Value {
	return Full.With(b, FullAttrs{DType: s.DType, Shape: s.Shape, Value: v})
}

// Scaled is scale*x + shift. A shift of 0 adds nothing: the product keeps the sign of a
// zero.
func Scaled(b Builder, x Value, scale, shift float64) Value {
	if shift == 0 {
		shift = math.Copysign(0, -1)
	}
	return Affine.With(b, AffineAttrs{Scale: scale, Shift: shift}, x)
}

// Reshaped, Permuted and Expanded are views where the strides allow it.
func Reshaped(b Builder, x Value, dims ...int) Value {
	if shape.Equal(x.Spec().Shape, dims) {
		return x
	}
	return Reshape.With(b, ReshapeAttrs{Shape: dims}, x)
}

// Permuted reorders axes.
func Permuted(b Builder, x Value, axes ...int) Value {
	return Permute.With(b, PermuteAttrs{Axes: axes}, x)
}

// Transposed swaps the last two axes.
func Transposed(b Builder, x Value) Value {
	rank := len(x.Spec().Shape)
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	axes[rank-1], axes[rank-2] = rank-2, rank-1
	return Permuted(b, x, axes...)
}

// Expanded broadcasts to dims.
func Expanded(b Builder, x Value, dims []int) Value {
	if shape.Equal(x.Spec().Shape, dims) {
		return x
	}
	return Expand.With(b, ExpandAttrs{Shape: dims}, x)
}

// Casted converts the element type.
func Casted(b Builder, x Value, t dtype.Type) Value {
	if x.Spec().DType == t {
		return x
	}
	return Cast.With(b, CastAttrs{DType: t}, x)
}

// SumOver sums over axes (none: all).
func SumOver(b Builder, x Value, keep bool, axes ...int) Value {
	return Sum.With(b, ReduceAttrs{Axes: axes, Keep: keep}, x)
}

// Unbroadcast sums a gradient over the axes along which its value was
// broadcast from dims: the transpose of broadcasting.
func Unbroadcast(b Builder, d Value, dims []int) Value {
	from := d.Spec().Shape
	if shape.Equal(from, dims) {
		return d
	}
	lead := len(from) - len(dims)
	var axes []int
	for i := range from {
		if i < lead || dims[i-lead] == 1 && from[i] != 1 {
			axes = append(axes, i)
		}
	}
	if len(axes) > 0 {
		d = SumOver(b, d, true, axes...)
	}
	return Reshaped(b, d, dims...)
}

// KeepShape puts size-1 axes back where a reduction over axes dropped them.
func KeepShape(b Builder, reduced Value, in []int, axes []int) Value {
	all, err := shape.Axes(axes, len(in))
	if err != nil {
		panic(err) // the shape rule has accepted these axes
	}
	return Reshaped(b, reduced, shape.Reduce(in, all, true)...)
}
