package onnx

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func init() {
	for name, row := range map[string]**ops.Op{
		"Ceil": &ops.Ceil, "Floor": &ops.Floor, "Round": &ops.Round, "Sqrt": &ops.Sqrt, "Reciprocal": &ops.Recip, "Exp": &ops.Exp, "Log": &ops.Log,
		"Sin": &ops.Sin, "Cos": &ops.Cos, "Tan": &ops.Tan, "Asin": &ops.Asin, "Acos": &ops.Acos, "Atan": &ops.Atan, "Sinh": &ops.Sinh, "Cosh": &ops.Cosh,
		"Asinh": &ops.Asinh, "Acosh": &ops.Acosh, "Atanh": &ops.Atanh, "Tanh": &ops.Tanh, "Erf": &ops.Erf, "Sigmoid": &ops.Sigmoid, "Not": &ops.Not, "IsNaN": &ops.IsNaN,
		"BitwiseNot": &ops.BitNot, "Neg": &ops.Neg, "Relu": &ops.Relu,
	} {
		add1(name, func(c *call) ops.Value {
			c.ignore("consumed_inputs")
			return (*row).Of(c.b, c.x(0))
		})
	}
	for name, row := range map[string]**ops.Op{
		"Add": &ops.Add, "Sub": &ops.Sub, "Mul": &ops.Mul, "Div": &ops.Div, "Equal": &ops.Eq, "Greater": &ops.Gt, "GreaterOrEqual": &ops.Ge, "Less": &ops.Lt,
		"LessOrEqual": &ops.Le, "And": &ops.And, "Or": &ops.Or, "Xor": &ops.Xor, "BitwiseAnd": &ops.BitAnd, "BitwiseOr": &ops.BitOr, "BitwiseXor": &ops.BitXor,
	} {
		add1(name, func(c *call) ops.Value {
			x, y := c.legacy(c.x(0), c.x(1))
			return (*row).Of(c.b, x, y)
		})
	}
	for name, row := range map[string]**ops.Op{"Max": &ops.Max, "Min": &ops.Min, "Sum": &ops.Add, "Mean": &ops.Add} {
		add1(name, func(c *call) ops.Value {
			c.ignore("consumed_inputs")
			in := c.all()
			y := c.first(in)
			for _, x := range in[1:] {
				y = (*row).Of(c.b, y, x)
			}
			if name == "Mean" {
				y = ops.Scaled(c.b, y, 1/float64(len(in)), 0)
			}
			return y
		})
	}
	add1("Abs", func(c *call) ops.Value {
		c.ignore("consumed_inputs")
		return c.magnitude(c.x(0))
	})
	add1("Sign", func(c *call) ops.Value {
		x := c.x(0)
		if t := x.Spec().DType; t.IsUnsigned() {
			return ops.Casted(c.b, ops.Ne.Of(c.b, x, c.like(x, 0)), t)
		}
		return ops.Sign.Of(c.b, x)
	})
	add1("IsInf", func(c *call) ops.Value {
		x := c.x(0)
		y := ops.IsInf.Of(c.b, x)
		if c.int("detect_negative", 1) == 0 {
			y = ops.And.Of(c.b, y, ops.Gt.Of(c.b, x, c.like(x, 0)))
		}
		if c.int("detect_positive", 1) == 0 {
			y = ops.And.Of(c.b, y, ops.Lt.Of(c.b, x, c.like(x, 0)))
		}
		return y
	})
	add1("Where", func(c *call) ops.Value { return ops.Where.Of(c.b, c.x(0), c.x(1), c.x(2)) })
	add1("Pow", pow)
	add1("Mod", func(c *call) ops.Value {
		if c.bool("fmod") || c.spec(0).DType.IsFloat() {
			return ops.Fmod.Of(c.b, c.x(0), c.x(1))
		}
		return ops.Mod.Of(c.b, c.x(0), c.x(1))
	})
	add1("BitShift", func(c *call) ops.Value {
		if c.oneOf("direction", "", "LEFT", "RIGHT") == "LEFT" {
			return ops.ShiftLeft.Of(c.b, c.x(0), c.x(1))
		}
		return ops.ShiftRight.Of(c.b, c.x(0), c.x(1))
	})
	add1("Clip", clip)
}

// first is the first of a list that must not be empty.
func (c *call) first(in []ops.Value) ops.Value {
	if len(in) == 0 {
		c.fail("it has no input")
	}
	return in[0]
}

// like is a scalar of the type of x.
func (c *call) like(x ops.Value, v float64) ops.Value {
	return ops.Filled(c.b, ops.Spec{DType: x.Spec().DType}, v)
}

// legacy applies the broadcast of operators before version 7: y is stretched where the
// node says so, along the axes of x from the given one on.
func (c *call) legacy(x, y ops.Value) (ops.Value, ops.Value) {
	if c.version() >= 7 {
		return x, y
	}
	c.ignore("consumed_inputs")
	if !c.bool("broadcast") {
		c.ignore("axis")
		return x, y
	}
	rank, own := len(x.Spec().Shape), len(y.Spec().Shape)
	axis := c.int("axis", rank-own)
	if axis < 0 {
		axis += rank
	}
	dims := append([]int{}, y.Spec().Shape...)
	for i := axis + own; i < rank; i++ {
		dims = append(dims, 1)
	}
	return x, ops.Reshaped(c.b, y, dims...)
}

// pow computes in the type of the base. The exponent may be of another type.
func pow(c *call) ops.Value {
	x, y := c.legacy(c.x(0), c.x(1))
	base, exponent := x.Spec().DType, y.Spec().DType
	switch {
	case base == exponent && base.IsFloat():
		return ops.Pow.Of(c.b, x, y)
	case base.IsFloat():
		return ops.Pow.Of(c.b, x, ops.Casted(c.b, y, base))
	case exponent.IsFloat():
		p := ops.Pow.Of(c.b, ops.Casted(c.b, x, dtype.F64), ops.Casted(c.b, y, dtype.F64))
		return ops.Casted(c.b, p, base)
	}
	return ops.Pow.Of(c.b, x, ops.Casted(c.b, y, base))
}

// clip limits its input by attributes, or from version 11 on by inputs. Where the lower
// bound is above the upper one, the result is the upper one.
func clip(c *call) ops.Value {
	x := c.x(0)
	if c.version() < 11 {
		c.ignore("consumed_inputs")
		lo, hi := c.float("min", math.Inf(-1)), c.float("max", math.Inf(1))
		if lo <= hi {
			return ops.Clamp.With(c.b, ops.ClampAttrs{Lo: lo, Hi: hi}, x)
		}
		return ops.Min.Of(c.b, ops.Max.Of(c.b, x, c.like(x, lo)), c.like(x, hi))
	}
	bound := func(i int) ops.Value { return ops.Reshaped(c.b, c.x(i)) }
	if c.has(1) {
		x = ops.Max.Of(c.b, x, bound(1))
	}
	if c.has(2) {
		x = ops.Min.Of(c.b, x, bound(2))
	}
	return x
}
