package crease

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// MatMul is the matrix product of the last two axes; axes before them broadcast. As in
// torch.matmul, a vector on the left is one row and a vector on the right one column, and
// the result does not have their axis: two vectors give their dot product, of rank 0.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if t.Rank() == 0 || y.Rank() == 0 {
		panic(&ops.ShapeError{Op: "matmul", In: ops.SpecsOf([]*Tensor{t, y}), Rule: "a scalar has no matrix product: use Mul"})
	}
	if t.Rank() != 1 && y.Rank() != 1 {
		return apply1(ops.MatMul, nil, t, y)
	}
	return Tidy1(func() *Tensor {
		a, b := t, y
		if t.Rank() == 1 {
			a = t.Unsqueeze(0)
		}
		if y.Rank() == 1 {
			b = y.Unsqueeze(1)
		}
		z := apply1(ops.MatMul, nil, a, b)
		dims := slices.Clone(z.Shape())
		if y.Rank() == 1 {
			dims = dims[:len(dims)-1]
		}
		if t.Rank() == 1 {
			at := len(dims) - 1
			if y.Rank() != 1 {
				at--
			}
			dims = slices.Delete(dims, at, at+1)
		}
		return z.Reshape(dims...)
	})
}

// Dot is the sum of the products of two vectors of one length.
func (t *Tensor) Dot(y *Tensor) *Tensor {
	t.wantVectors("dot", y)
	return t.MatMul(y)
}

// Outer is the matrix of the products of the elements of two vectors: t's along the rows'
// axis, y's along the columns'.
func (t *Tensor) Outer(y *Tensor) *Tensor {
	t.wantVectors("outer", y)
	return Tidy1(func() *Tensor { return t.Unsqueeze(1).Mul(y) })
}

func (t *Tensor) wantVectors(op string, y *Tensor) {
	if t.Rank() != 1 || y.Rank() != 1 {
		panic(&ops.ShapeError{Op: op, In: ops.SpecsOf([]*Tensor{t, y}), Rule: "takes two vectors, of rank 1: use MatMul or Mul for others"})
	}
}

// Norm is the p-norm over axes, all of them when none is given: (Σ|x|^p)^(1/p). p may be
// infinite, for the largest magnitude, or the smallest at -Inf, and 0 counts what is not 0.
// The gradient at 0 is 0, as in PyTorch. The axes that are reduced go, see [Tensor.NormKeep].
func (t *Tensor) Norm(p float64, axes ...int) *Tensor { return t.norm(p, false, axes) }

// NormKeep is Norm that keeps the reduced axes with size 1.
func (t *Tensor) NormKeep(p float64, axes ...int) *Tensor { return t.norm(p, true, axes) }

func (t *Tensor) norm(p float64, keep bool, axes []int) *Tensor {
	if !t.DType().IsFloat() {
		panic(&ops.DTypeError{Op: "norm", In: []ops.Spec{t.Spec()}, Rule: "is not defined on " + t.DType().String() + ": Cast it to a float first"})
	}
	if math.IsNaN(p) {
		panic(&ops.AttrError{Op: "norm", Reason: "p is NaN"})
	}
	return Tidy1(func() *Tensor {
		x := t
		if size := t.DType().Size(); size < dtype.F32.Size() {
			x = t.Cast(dtype.F32) // squares of 16-bit floats leave their range
		}
		sum := func(x *Tensor) *Tensor { return apply1(ops.Sum, ops.ReduceAttrs{Axes: axes, Keep: keep}, x) }
		var y *Tensor
		switch {
		case math.IsInf(p, 1):
			y = apply1(ops.Amax, ops.ReduceAttrs{Axes: axes, Keep: keep}, x.Abs())
		case math.IsInf(p, -1):
			y = apply1(ops.Amin, ops.ReduceAttrs{Axes: axes, Keep: keep}, x.Abs())
		case p == 0:
			y = sum(x.Ne(x.number(0)).Cast(x.DType()))
		case p == 1:
			y = sum(x.Abs())
		case p == 2:
			y = sum(x.Square()).awayFromZero((*Tensor).Sqrt)
		default:
			power := func(p float64) func(*Tensor) *Tensor {
				return func(x *Tensor) *Tensor { return x.Pow(x.number(p)) }
			}
			if p < 1 {
				y = sum(x.Abs().awayFromZero(power(p)))
			} else {
				y = sum(power(p)(x.Abs()))
			}
			y = y.awayFromZero(power(1 / p))
		}
		return y.Cast(t.DType())
	})
}

// awayFromZero is f where the tensor is not 0, and elsewhere 0 with a gradient of 0.
func (t *Tensor) awayFromZero(f func(*Tensor) *Tensor) *Tensor {
	zero := t.Eq(t.number(0))
	return Where(zero, t.number(0), f(Where(zero, t.number(1), t)))
}

// number is a scalar of the tensor's type on its device, which holds it exactly.
func (t *Tensor) number(v float64) *Tensor { return Scalar(v, As(t.DType()), On(t.dev)) }

// SumAs is Sum of the elements converted to a type first: where integers of a narrow type
// would wrap, say dtype.I64.
func (t *Tensor) SumAs(to dtype.Type, axes ...int) *Tensor {
	return Tidy1(func() *Tensor { return t.Cast(to).Sum(axes...) })
}

// ProdAs is Prod of the elements converted to a type first.
func (t *Tensor) ProdAs(to dtype.Type, axes ...int) *Tensor {
	return Tidy1(func() *Tensor { return t.Cast(to).Prod(axes...) })
}

// MeanAs is Mean of the elements converted to a type of floats first: the mean of
// integers and of truth values.
func (t *Tensor) MeanAs(to dtype.Type, axes ...int) *Tensor {
	return Tidy1(func() *Tensor { return t.Cast(to).Mean(axes...) })
}

// Diagonal is a view of the elements at which the positions on the last two axes differ
// by offset, along a new last axis: 0 is the main diagonal, positive ones are to its right.
// It copies where the matrices are not dense and square.
func (t *Tensor) Diagonal(offset int) *Tensor {
	rank := t.Rank()
	if rank < 2 {
		panic(&ops.ShapeError{Op: "diagonal", In: []ops.Spec{t.Spec()}, Rule: "needs at least two axes"})
	}
	rows, cols := t.Shape()[rank-2], t.Shape()[rank-1]
	top, left := max(0, -offset), max(0, offset)
	n := max(0, min(rows-top, cols-left))
	lead := shape.Clone(t.Shape()[:rank-2])
	return Tidy1(func() *Tensor {
		if n == 0 {
			return t.Slice(Rest(), Span(0, 0), Span(0, 0)).Reshape(append(lead, 0)...)
		}
		square := t.Narrow(rank-2, top, n).Narrow(rank-1, left, n)
		return square.Reshape(append(lead, n*n)...).Slice(Rest(), Span(0, n*n, n+1))
	})
}
