package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add1("QuantizeLinear", func(c *call) ops.Value {
		to := Uint8
		if c.has(2) {
			to = elemIn(c.value(2))
		}
		to = c.elem("output_dtype", to)
		return c.quantize(c.x(0), c.x(1), c.value2(2), to, c.int("axis", 1), c.int("block_size", 0), c.int("saturate", 1) != 0, c.elem("precision", elemOf(c.spec(1).DType)))
	})
	add1("DequantizeLinear", func(c *call) ops.Value {
		scale := c.x(1)
		out := c.elem("output_dtype", elemOf(scale.Spec().DType)).DType()
		return c.dequantize(c.value(0), scale, c.value2(2), c.int("axis", 1), c.int("block_size", 0), out)
	})
	add("DynamicQuantizeLinear", dynamicQuantize)
	add1("QLinearMatMul", func(c *call) ops.Value {
		x, y := c.shifted(c.x(0), c.opt(2), -2), c.shifted(c.x(3), c.opt(5), -1)
		return c.requantize(c.matmul(x, y), c.x(1), c.x(4), c.x(6), c.x(7))
	})
	add1("QLinearConv", func(c *call) ops.Value {
		g := c.geometry(c.spec(0).Shape, c.spec(3).Shape[min(2, len(c.spec(3).Shape)):])
		rank := len(c.spec(3).Shape)
		perOut := func(v ops.Value) ops.Value {
			if v.Spec().Elements() == 1 {
				return ops.Reshaped(c.b, v)
			}
			return ops.Reshaped(c.b, v, append([]int{v.Spec().Elements()}, slices.Repeat([]int{1}, rank-1)...)...)
		}
		x := ops.Sub.Of(c.b, c.wide(c.x(0)), ops.Reshaped(c.b, c.wide(c.x(2))))
		w := ops.Sub.Of(c.b, c.wide(c.x(3)), perOut(c.wide(c.x(5))))
		y := c.conv(x, w, c.opt(8), g, c.int("group", 1))
		scale := c.x(4)
		if scale.Spec().Elements() > 1 {
			scale = c.perChannel(scale, rank)
		}
		return c.requantize(y, c.x(1), scale, c.x(6), c.x(7))
	})
}

// value2 is an input of any element type, or nil.
func (c *call) value2(i int) ops.Value {
	if !c.has(i) {
		return nil
	}
	return c.value(i)
}

// bounds are the least and the largest number of an integer type.
func (e Elem) bounds() (lo, hi float64, ok bool) {
	switch e {
	case Int8, Int16, Int4, Int2, Int32:
		n := math.Ldexp(1, elems[e].bits-1)
		return -n, n - 1, true
	case Uint8, Uint16, Uint4, Uint2:
		return 0, math.Ldexp(1, elems[e].bits) - 1, true
	}
	return 0, 0, false
}

// spreadScale shapes a scale or zero point so that it broadcasts against an array: one for
// all, one for each place of an axis, or one for each block along it.
func (c *call) spreadScale(v ops.Value, dims []int, axis, block int) ops.Value {
	s := v.Spec().Shape
	switch {
	case v.Spec().Elements() == 1 && len(s) <= 1:
		return ops.Reshaped(c.b, v)
	case len(s) == 1 && block == 0:
		shaped := slices.Repeat([]int{1}, len(dims))
		shaped[c.axisOf(axis, len(dims))] = s[0]
		return ops.Reshaped(c.b, v, shaped...)
	case block < 1 || len(s) != len(dims):
		c.fail("a scale of shape %s for %s", shape.String(s), shape.String(dims))
	}
	axis = c.axisOf(axis, len(dims))
	if s[axis] != (dims[axis]+block-1)/block {
		c.fail("a scale of shape %s for blocks of %d along axis %d of %s", shape.String(s), block, axis, shape.String(dims))
	}
	split := slices.Insert(slices.Clone(s), axis+1, 1)
	wide := slices.Insert(slices.Clone(s), axis+1, block)
	whole := slices.Clone(s)
	whole[axis] *= block
	v = ops.Reshaped(c.b, ops.Expanded(c.b, ops.Reshaped(c.b, v, split...), wide), whole...)
	return c.narrow(v, axis, 0, dims[axis])
}

// quantize is saturate(round(x / scale) + zero).
func (c *call) quantize(x, scale, zero ops.Value, to Elem, axis, block int, saturate bool, precision Elem) ops.Value {
	dims := x.Spec().Shape
	t := precision.DType()
	if !t.IsFloat() {
		t = dtype.F32
	}
	y := ops.Div.Of(c.b, ops.Casted(c.b, x, t), ops.Casted(c.b, c.spreadScale(scale, dims, axis, block), t))
	y = c.float32(y)
	var z ops.Value
	if zero != nil {
		z = ops.Casted(c.b, c.float32(c.spreadScale(plain(zero), dims, axis, block)), y.Spec().DType)
	}
	lo, hi, whole := to.bounds()
	if !whole {
		if z != nil {
			y = ops.Add.Of(c.b, y, z)
		}
		return c.cast(y, to, saturate, "up")
	}
	y = ops.Round.Of(c.b, y)
	if z != nil {
		y = ops.Add.Of(c.b, y, z)
	}
	y = ops.Clamp.With(c.b, ops.ClampAttrs{Lo: lo, Hi: hi}, y)
	return as(ops.Casted(c.b, y, to.DType()), to)
}

// dequantize is (x - zero) * scale.
func (c *call) dequantize(v, scale, zero ops.Value, axis, block int, out dtype.Type) ops.Value {
	dims := plain(v).Spec().Shape
	number := func(v ops.Value) ops.Value {
		x := c.float32(plain(v))
		if !x.Spec().DType.IsFloat() {
			x = ops.Casted(c.b, x, dtype.I32)
		}
		return x
	}
	x := number(v)
	if zero != nil {
		x = ops.Sub.Of(c.b, x, c.spreadScale(number(zero), dims, axis, block))
	}
	t := scale.Spec().DType
	y := ops.Mul.Of(c.b, ops.Casted(c.b, x, t), c.spreadScale(scale, dims, axis, block))
	return ops.Casted(c.b, y, out)
}

func dynamicQuantize(c *call) []ops.Value {
	x := c.x(0)
	zero := c.like(x, 0)
	hi := ops.Max.Of(c.b, ops.Amax.With(c.b, ops.ReduceAttrs{}, x), zero)
	lo := ops.Min.Of(c.b, ops.Amin.With(c.b, ops.ReduceAttrs{}, x), zero)
	scale := ops.Div.Of(c.b, ops.Sub.Of(c.b, hi, lo), c.like(x, 255))
	z := ops.Round.Of(c.b, ops.Clamp.With(c.b, ops.ClampAttrs{Lo: 0, Hi: 255}, ops.Div.Of(c.b, ops.Neg.Of(c.b, lo), scale)))
	z = ops.Casted(c.b, z, dtype.U8)
	return []ops.Value{c.quantize(x, scale, z, Uint8, 0, 0, true, Float32), scale, z}
}

// requantize brings a sum of products of quantized numbers to the scale of the result.
func (c *call) requantize(sum, xs, ws, ys, yz ops.Value) ops.Value {
	f := func(v ops.Value) ops.Value {
		v = ops.Casted(c.b, v, dtype.F32)
		if v.Spec().Elements() == 1 {
			v = ops.Reshaped(c.b, v)
		}
		return v
	}
	scale := ops.Div.Of(c.b, ops.Mul.Of(c.b, f(xs), f(ws)), f(ys))
	to := elemIn(yz)
	lo, hi, ok := to.bounds()
	if !ok {
		c.fail("a result of %v", to)
	}
	y := ops.Round.Of(c.b, ops.Mul.Of(c.b, ops.Casted(c.b, sum, dtype.F32), scale))
	y = ops.Add.Of(c.b, y, f(yz))
	return ops.Casted(c.b, ops.Clamp.With(c.b, ops.ClampAttrs{Lo: lo, Hi: hi}, y), to.DType())
}
