package onnx

import (
	"slices"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add1("MatMul", func(c *call) ops.Value { return c.matmul(c.x(0), c.x(1)) })
	add1("Gemm", gemm)
	add1("Einsum", func(c *call) ops.Value {
		equation := c.string("equation", "")
		return c.tensorwise(c.all(), func(t []*crease.Tensor) *crease.Tensor { return crease.Einsum(equation, t...) })
	})
	add1("MatMulInteger", func(c *call) ops.Value {
		x, y := c.shifted(c.x(0), c.opt(2), -2), c.shifted(c.x(1), c.opt(3), -1)
		return c.matmul(x, y)
	})
}

// matmul is NumPy's: vectors are rows on the left and columns on the right.
func (c *call) matmul(x, y ops.Value) ops.Value {
	a, b := x.Spec().Shape, y.Spec().Shape
	if len(a) == 0 || len(b) == 0 {
		c.fail("it multiplies a scalar")
	}
	if len(a) == 1 {
		x = ops.Reshaped(c.b, x, 1, a[0])
	}
	if len(b) == 1 {
		y = ops.Reshaped(c.b, y, b[0], 1)
	}
	z := ops.MatMul.Of(c.b, x, y)
	dims := slices.Clone(z.Spec().Shape)
	if len(b) == 1 {
		dims = dims[:len(dims)-1]
	}
	if len(a) == 1 {
		at := len(dims) - 2
		if len(b) == 1 {
			at = len(dims) - 1
		}
		dims = slices.Delete(dims, at, at+1)
	}
	if len(a) == 1 || len(b) == 1 {
		z = ops.Reshaped(c.b, z, dims...)
	}
	return z
}

// gemm is alpha*A*B + beta*C, of which a plain layer is one op.
func gemm(c *call) ops.Value {
	x, w := c.x(0), c.x(1)
	c.ignore("broadcast")
	for _, v := range []ops.Value{x, w} {
		if len(v.Spec().Shape) != 2 {
			c.fail("an operand has shape %s, want a matrix", shape.String(v.Spec().Shape))
		}
	}
	if c.bool("transA") {
		x = ops.Transposed(c.b, x)
	}
	transposed := c.bool("transB")
	alpha, beta := c.float("alpha", 1), c.float("beta", 1)
	bias := c.opt(2)
	isVector := bias != nil && (len(bias.Spec().Shape) == 1 || len(bias.Spec().Shape) == 2 && bias.Spec().Shape[0] == 1)
	outs := w.Spec().Shape[1]
	if transposed {
		outs = w.Spec().Shape[0]
	}
	if x.Spec().DType.IsFloat() && alpha == 1 && (bias == nil || beta == 1 && isVector && bias.Spec().Elements() == outs) {
		if !transposed {
			w = ops.Transposed(c.b, w)
		}
		in := []ops.Value{x, w}
		if bias != nil {
			in = append(in, ops.Reshaped(c.b, bias, outs))
		}
		return ops.Linear.With(c.b, ops.LinearAttrs{}, in...)
	}
	if transposed {
		w = ops.Transposed(c.b, w)
	}
	y := c.scaled(ops.MatMul.Of(c.b, x, w), alpha)
	if bias != nil && beta != 0 {
		y = ops.Add.Of(c.b, y, c.scaled(bias, beta))
	}
	return y
}

// scaled is a times x, for any type.
func (c *call) scaled(x ops.Value, a float64) ops.Value {
	switch t := x.Spec().DType; {
	case a == 1:
		return x
	case t.IsFloat():
		return ops.Scaled(c.b, x, a, 0)
	default:
		return ops.Casted(c.b, ops.Scaled(c.b, ops.Casted(c.b, x, dtype.F64), a, 0), t)
	}
}

// shifted is x less its zero point, in 32 bits. A vector of zero points is along an axis.
func (c *call) shifted(x, zero ops.Value, axis int) ops.Value {
	x = ops.Casted(c.b, x, dtype.I32)
	if zero == nil {
		return x
	}
	z := ops.Casted(c.b, zero, dtype.I32)
	if n := len(z.Spec().Shape); n == 1 && z.Spec().Elements() > 1 && axis == -2 {
		z = ops.Reshaped(c.b, z, z.Spec().Elements(), 1)
	} else if n == 1 && z.Spec().Elements() == 1 {
		z = ops.Reshaped(c.b, z)
	}
	return ops.Sub.Of(c.b, x, z)
}

// tensorwise applies what is a function of tensors and no row.
func (c *call) tensorwise(in []ops.Value, f func([]*crease.Tensor) *crease.Tensor) ops.Value {
	var from inputSet
	t := make([]*crease.Tensor, len(in))
	for i, v := range in {
		if d, ok := v.(*dense); ok {
			from |= d.from
		}
		t[i] = c.b.tensor(v)
	}
	return &dense{t: f(t), from: from}
}
