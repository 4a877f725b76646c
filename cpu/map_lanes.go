package cpu

import (
	"sync"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops/expr"
)

var scratch32, scratch64, scratchInt sync.Pool

// float32Lanes computes on the device's vector primitives.
func (d *device) float32Lanes() lanes[float32] {
	v := d.vec
	return lanes[float32]{
		dtype: dtype.F32,
		of: func(name string) func(a, b, c float32) float32 {
			f := expr.Float(name)
			return func(a, b, c float32) float32 { return float32(f(float64(a), float64(b), float64(c))) }
		},
		number:  func(x float64) float32 { return float32(x) },
		vector:  func(name string, scalar [3]bool) func(dst, a, b, c []float32) { return vectorForm(v, name, scalar) },
		chain:   v.Chain,
		view:    func(strip []float32) []float32 { return strip },
		scratch: &scratch32,
	}
}

// vectorForm is the primitive of an instruction.
func vectorForm(v *vec.Funcs, name string, scalar [3]bool) func(dst, a, b, c []float32) {
	if f := unary(v, name); f != nil {
		return func(dst, a, _, _ []float32) { f(dst, a) }
	}
	if name == "where" {
		if scalar != [3]bool{} {
			return nil
		}
		return v.Where
	}
	both, right, left := binary(v, name)
	switch {
	case both == nil:
		return nil
	case scalar[0]:
		if left == nil {
			return nil
		}
		return func(dst, a, b, _ []float32) { left(dst, b, a[0]) }
	case scalar[1]:
		if right == nil {
			return nil
		}
		return func(dst, a, b, _ []float32) { right(dst, a, b[0]) }
	}
	return func(dst, a, b, _ []float32) { both(dst, a, b) }
}

func unary(v *vec.Funcs, name string) vec.Unary {
	switch name {
	case "neg":
		return v.Neg
	case "abs":
		return v.Abs
	case "sign":
		return v.Sign
	case "sqrt":
		return v.Sqrt
	case "rsqrt":
		return v.Rsqrt
	case "recip":
		return v.Recip
	case "floor":
		return v.Floor
	case "ceil":
		return v.Ceil
	case "round":
		return v.Round
	case "trunc":
		return v.Trunc
	case "exp":
		return v.Exp
	case "exp2":
		return v.Exp2
	case "expm1":
		return v.Expm1
	case "log":
		return v.Log
	case "log2":
		return v.Log2
	case "log1p":
		return v.Log1p
	case "sin":
		return v.Sin
	case "cos":
		return v.Cos
	case "tanh":
		return v.Tanh
	case "erf":
		return v.Erf
	case "sigmoid":
		return v.Sigmoid
	case "float", expr.OpCopy:
		return v.Copy
	}
	return nil
}

// binary is a function on two slices, with a number on the right, and with a
// number on the left (its operands then come in the order slice, number).
func binary(v *vec.Funcs, name string) (both vec.Binary, right, left vec.Scalar) {
	swapped := func(f vec.Binary) vec.Binary { return func(dst, a, b []float32) { f(dst, b, a) } }
	switch name {
	case "add":
		return v.Add, v.AddS, v.AddS
	case "sub":
		return v.Sub, v.SubS, v.RSubS
	case "mul":
		return v.Mul, v.MulS, v.MulS
	case "div":
		return v.Div, v.DivS, v.RDivS
	case "max":
		return v.Max, v.MaxS, v.MaxS
	case "min":
		return v.Min, v.MinS, v.MinS
	case "lt":
		return v.Lt, v.LtS, v.GtS
	case "le":
		return v.Le, v.LeS, v.GeS
	case "gt":
		return swapped(v.Lt), v.GtS, v.LtS
	case "ge":
		return swapped(v.Le), v.GeS, v.LeS
	case "eq":
		return v.Eq, v.EqS, v.EqS
	case "ne":
		return v.Ne, v.NeS, v.NeS
	}
	return nil, nil, nil
}

// float64Lanes computes in plain Go.
var float64Lanes = lanes[float64]{
	dtype:   dtype.F64,
	of:      expr.Float,
	number:  func(x float64) float64 { return x },
	vector:  plainForm[float64],
	scratch: &scratch64,
}

// intLanes computes on integers of a width, held in 64 bits.
func intLanes(bits int, signed bool) lanes[int64] {
	l := lanes[int64]{
		dtype:   dtype.I64,
		of:      func(name string) func(a, b, c int64) int64 { return expr.Int(name, bits, signed) },
		number:  func(x float64) int64 { return expr.IntOf(x, bits, signed) },
		vector:  func(string, [3]bool) func(dst, a, b, c []int64) { return nil },
		scratch: &scratchInt,
	}
	if bits == 64 {
		l.vector = plainForm[int64] // nothing to wrap
	}
	return l
}

// plainForm is the arithmetic that a loop does without a call per element.
func plainForm[T float64 | int64](name string, scalar [3]bool) func(dst, a, b, c []T) {
	if scalar[0] || scalar[1] {
		return nil
	}
	switch name {
	case "add":
		return func(dst, a, b, _ []T) {
			for i := range dst {
				dst[i] = a[i] + b[i]
			}
		}
	case "sub":
		return func(dst, a, b, _ []T) {
			for i := range dst {
				dst[i] = a[i] - b[i]
			}
		}
	case "mul":
		return func(dst, a, b, _ []T) {
			for i := range dst {
				dst[i] = a[i] * b[i]
			}
		}
	}
	return nil
}
