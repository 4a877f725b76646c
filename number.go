package crease

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Number is a Go number that becomes an element. A 64-bit integer keeps all its digits.
type Number interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64 | float32 | float64
}

// element is a number as an element of a type. What an integer type does not hold is
// refused by the row that gets it.
func element[N Number](v N, t dtype.Type) ops.Number {
	switch v := any(v).(type) {
	case float64:
		return ops.Number{Value: v}
	case float32:
		return ops.Number{Value: float64(v)}
	case uint:
		return unsigned(uint64(v), t)
	case uint64:
		return unsigned(v, t)
	case int:
		return signed(int64(v), t)
	case int64:
		return signed(v, t)
	}
	return ops.Number{Value: float64(v)} // at most 32 bits
}

func signed(v int64, t dtype.Type) ops.Number {
	if t.IsFloat() || t == dtype.I64 || t == dtype.U64 && v >= 0 {
		return ops.NumberOf(v)
	}
	return ops.Number{Value: float64(v)} // exact wherever the type holds it
}

func unsigned(v uint64, t dtype.Type) ops.Number {
	switch {
	case v <= math.MaxInt64:
		return signed(int64(v), t)
	case t == dtype.U64:
		return ops.Number{Int: int64(v)}
	}
	return ops.Number{Value: float64(v)}
}

// maxWhole is the first whole number that a float64 may have been rounded to.
const maxWhole = 1 << 53

// with returns the tensor and a number as two operands of one element type. Floats keep
// their type. Integers keep theirs for a whole number in its range; any other number makes
// both float32, as an operand of that type would. Truth values count as i64 or, beside a
// number that is not whole, as float32. It panics with a *ops.AttrError for a whole
// number out of the type's range, and for one so large that it may have been rounded on its
// way into a float64.
func (t *Tensor) with(op string, c float64) (x, y *Tensor) {
	x = t
	switch of := t.DType(); {
	case of.IsFloat():
	case c != math.Trunc(c) || math.IsInf(c, 0): // NaN too
		x = t.Cast(dtype.F32)
	case of == dtype.Bool:
		x = t.Cast(dtype.I64)
	}
	if of := x.DType(); !of.IsFloat() {
		if why := ops.NotHeld(of, c); why != "" {
			panic(&ops.AttrError{Op: op, Reason: why})
		}
		if math.Abs(c) >= maxWhole {
			panic(&ops.AttrError{Op: op, Reason: fmt.Sprintf("%.0f may be the rounding of another integer, for a float64 does not hold all of that size: use a tensor, crease.Scalar(n, crease.As(dtype.%s))", c, goName(of))})
		}
	}
	return x, Scalar(c, As(x.DType()), On(t.dev))
}

// goName is the name of an element type in package dtype.
func goName(t dtype.Type) string {
	if t.IsUnsigned() {
		return fmt.Sprintf("U%d", 8*t.Size())
	}
	return fmt.Sprintf("I%d", 8*t.Size())
}

// AddScalar is t + c. An integer tensor keeps its type if c is a whole number in the
// range of that type, and its elements wrap as integers do; for any other c, NaN and
// infinities too, the result is float32, as PyTorch promotes. A whole number out of the
// range is an error.
func (t *Tensor) AddScalar(c float64) *Tensor {
	if t.DType().IsFloat() {
		return t.affine(1, c)
	}
	return t.byScalar(ops.Add, c)
}

// MulScalar is c·t, by the rules of [Tensor.AddScalar].
func (t *Tensor) MulScalar(c float64) *Tensor {
	if t.DType().IsFloat() {
		return t.affine(c, math.Copysign(0, -1)) // adding -0 keeps the sign of a zero
	}
	return t.byScalar(ops.Mul, c)
}

// affine is scale·t + shift, computed in float32 for the 16-bit floats and rounded once.
func (t *Tensor) affine(scale, shift float64) *Tensor {
	return apply1(ops.Affine, ops.AffineAttrs{Scale: scale, Shift: shift}, t)
}

// byScalar applies an op of two operands to an integer tensor and a number.
func (t *Tensor) byScalar(op *ops.Op, c float64) *Tensor {
	return Tidy1(func() *Tensor {
		x, y := t.with(op.Name, c)
		return apply1(op, nil, x, y)
	})
}

// PowScalar is t raised to c. Integers become float32 for a c that is not whole; there is
// no whole power of integers, Cast them. A 16-bit float is raised in float32, to
// all digits of c, and rounded once.
func (t *Tensor) PowScalar(c float64) *Tensor {
	return Tidy1(func() *Tensor {
		if of := t.DType(); of == dtype.F16 || of == dtype.BF16 {
			return t.Cast(dtype.F32).PowScalar(c).Cast(of)
		}
		x, y := t.with(ops.Pow.Name, c)
		return x.Pow(y)
	})
}
