package onnx

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func init() {
	add1("Cast", func(c *call) ops.Value {
		return c.cast(c.value(0), c.elem("to", Undefined), c.int("saturate", 1) != 0, c.oneOf("round_mode", "up", "down", "nearest"))
	})
	add1("CastLike", func(c *call) ops.Value {
		return c.cast(c.value(0), elemIn(c.value(1)), c.int("saturate", 1) != 0, c.oneOf("round_mode", "up", "down", "nearest"))
	})
	add1("BitCast", func(c *call) ops.Value {
		x := c.x(0)
		e := c.elem("to", Undefined)
		t := e.DType()
		if elems[e].narrow || t.Size() != x.Spec().DType.Size() {
			c.refuse("to", "is %v, which has not as many bits as %v", e, elemIn(x))
		}
		if t == dtype.Bool || x.Spec().DType == dtype.Bool {
			return ops.Casted(c.b, x, t) // a truth value is the byte 0 or 1
		}
		return ops.Bitcast.With(c.b, ops.CastAttrs{DType: t}, x)
	})
}

// cast converts elements. What does not fit a type of 8 bits or less becomes its largest
// value, if saturate is set.
func (c *call) cast(v ops.Value, to Elem, saturate bool, round string) ops.Value {
	x := plain(v)
	if to.DType() == dtype.Invalid {
		panic(&NodeError{c.n.label(), &TypeError{Elem: to}})
	}
	if elemIn(v) == to {
		return v
	}
	switch to {
	case Int4, Int2, Uint4, Uint2:
		return as(c.wrapped(x, to), to)
	case Float8E8M0:
		return as(c.powerOfTwo(x, round, saturate), to)
	}
	if f, ok := smallFloats[to]; ok {
		return as(c.toSmall(x, to, f, saturate), to)
	}
	return ops.Casted(c.b, c.whole(x, to.DType()), to.DType())
}

// whole prepares floats that become unsigned or short: they go by way of 64 bits, so that
// what does not fit wraps, as from a wider integer.
func (c *call) whole(x ops.Value, to dtype.Type) ops.Value {
	if x.Spec().DType.IsFloat() && !to.IsFloat() && to != dtype.Bool && to.Size() < 4 {
		return ops.Casted(c.b, x, dtype.I32)
	}
	if t := x.Spec().DType; (t == dtype.F8E4M3 || t == dtype.F8E5M2) && to != dtype.F32 {
		return ops.Casted(c.b, x, dtype.F32)
	}
	return x
}

// wrapped keeps the low bits of whole numbers.
func (c *call) wrapped(x ops.Value, to Elem) ops.Value {
	bits := elems[to].bits
	x = ops.Casted(c.b, c.float32(x), dtype.I32)
	n := math.Ldexp(1, bits)
	low := ops.Mod.Of(c.b, x, c.like(x, n))
	if to == Int4 || to == Int2 {
		half := c.like(x, n/2)
		low = ops.Where.Of(c.b, ops.Ge.Of(c.b, low, half), ops.Sub.Of(c.b, low, c.like(x, n)), low)
	}
	return ops.Casted(c.b, low, to.DType())
}

// float32 widens floats that rows cannot compute with.
func (c *call) float32(x ops.Value) ops.Value {
	if t := x.Spec().DType; t == dtype.F8E4M3 || t == dtype.F8E5M2 {
		return ops.Casted(c.b, x, dtype.F32)
	}
	return c.precise(x)
}

// toSmall rounds to a float of 8 or 4 bits, to nearest, ties to even.
func (c *call) toSmall(x ops.Value, to Elem, f smallFloat, saturate bool) ops.Value {
	x = c.float32(ops.Casted(c.b, c.float32(x), dtype.F32))
	y := c.rounded(x, f)
	if !f.nan {
		y = ops.Where.Of(c.b, ops.IsNaN.Of(c.b, y), c.like(y, 0), y)
	}
	size := ops.Abs.Of(c.b, y)
	over := ops.Gt.Of(c.b, size, c.like(y, f.max))
	limit := ops.Mul.Of(c.b, ops.Sign.Of(c.b, y), c.like(y, f.max))
	switch {
	case saturate || !f.nan && !f.inf:
		y = ops.Where.Of(c.b, over, limit, y)
	case f.inf:
		y = ops.Where.Of(c.b, over, ops.Mul.Of(c.b, ops.Sign.Of(c.b, y), c.like(y, math.Inf(1))), y)
	default:
		y = ops.Where.Of(c.b, over, c.like(y, math.NaN()), y)
	}
	return ops.Casted(c.b, y, to.DType())
}

// rounded rounds to a number of mantissa bits. The distance of neighbours is found by
// comparing with the powers of two that the type has, which is exact.
func (c *call) rounded(x ops.Value, f smallFloat) ops.Value {
	size := ops.Abs.Of(c.b, x)
	step := c.like(x, math.Ldexp(1, f.minExp()-f.mantissa))
	for e := f.minExp() + 1; math.Ldexp(1, e) <= f.max; e++ {
		step = ops.Where.Of(c.b, ops.Ge.Of(c.b, size, c.like(x, math.Ldexp(1, e))), c.like(x, math.Ldexp(1, e-f.mantissa)), step)
	}
	y := ops.Mul.Of(c.b, ops.Round.Of(c.b, ops.Div.Of(c.b, x, step)), step)
	return ops.Where.Of(c.b, ops.IsInf.Of(c.b, x), x, y)
}

// powerOfTwo rounds to the exponent of a float. The elements are looked at on the host,
// where the bits of a float can be.
func (c *call) powerOfTwo(x ops.Value, round string, saturate bool) ops.Value {
	in := c.b.host(ops.Casted(c.b, c.float32(x), dtype.F32))
	out := ops.NewHost(in.Spec)
	for i := range in.Elements() {
		out.Set(i, exponentOnly(in.At(i), round, saturate))
	}
	return c.b.Const(out)
}

func exponentOnly(v float64, round string, saturate bool) float64 {
	const least, most = -127, 127
	if math.IsNaN(v) || v < 0 {
		return math.NaN()
	}
	frac, e := math.Frexp(v) // v = frac * 2^e with frac in [0.5, 1)
	e--
	switch {
	case v == 0 || math.IsInf(v, 0):
	case round == "up" && frac > 0.5, round == "nearest" && frac >= 0.75:
		e++
	}
	switch {
	case v == 0 || e < least:
		if !saturate {
			return math.NaN()
		}
		e = least
	case math.IsInf(v, 0) || e > most:
		if !saturate {
			return math.NaN()
		}
		e = most
	}
	return math.Ldexp(1, e)
}
