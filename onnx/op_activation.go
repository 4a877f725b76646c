package onnx

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Constants of the self-normalising unit (Klambauer et al. 2017), as ONNX gives them.
const (
	seluAlpha = 1.67326319217681884765625
	seluGamma = 1.05070102214813232421875
)

func init() {
	add1("LeakyRelu", func(c *call) ops.Value {
		c.ignore("consumed_inputs")
		return ops.LeakyRelu.With(c.b, ops.LeakyReluAttrs{Slope: c.float("alpha", 0.01)}, c.x(0))
	})
	add1("PRelu", func(c *call) ops.Value {
		x, slope := c.x(0), c.x(1)
		if c.version() < 7 && len(slope.Spec().Shape) == 1 && len(x.Spec().Shape) > 1 {
			slope = c.perChannel(slope, len(x.Spec().Shape))
		}
		return ops.Where.Of(c.b, ops.Lt.Of(c.b, x, c.like(x, 0)), ops.Mul.Of(c.b, x, slope), x)
	})
	add1("Elu", func(c *call) ops.Value {
		c.ignore("consumed_inputs")
		return c.elu(c.x(0), c.float("alpha", 1), 1, 1)
	})
	add1("Celu", func(c *call) ops.Value {
		a := c.float("alpha", 1)
		return c.elu(c.x(0), a, 1/a, 1)
	})
	add1("Selu", func(c *call) ops.Value {
		c.ignore("consumed_inputs")
		return c.elu(c.x(0), c.float("alpha", seluAlpha), 1, c.float("gamma", seluGamma))
	})
	add1("HardSigmoid", func(c *call) ops.Value {
		c.ignore("consumed_inputs")
		return c.hardSigmoid(c.x(0), c.float("alpha", 0.2), c.float("beta", 0.5))
	})
	add1("HardSwish", func(c *call) ops.Value {
		x := c.x(0)
		return ops.Mul.Of(c.b, x, c.hardSigmoid(x, 1.0/6, 0.5))
	})
	add1("Softplus", func(c *call) ops.Value { return c.softplus(c.x(0)) })
	add1("Softsign", func(c *call) ops.Value { return c.softsign(c.x(0)) })
	add1("Mish", func(c *call) ops.Value {
		x := c.x(0)
		return ops.Mul.Of(c.b, x, ops.Tanh.Of(c.b, c.softplus(x)))
	})
	add1("Swish", func(c *call) ops.Value {
		x, a := c.x(0), c.float("alpha", 1)
		if a == 1 {
			return ops.Silu.Of(c.b, x)
		}
		return ops.Mul.Of(c.b, x, ops.Sigmoid.Of(c.b, ops.Scaled(c.b, x, a, 0)))
	})
	add1("Gelu", func(c *call) ops.Value {
		if c.oneOf("approximate", "none", "tanh") == "tanh" {
			return ops.GeluTanh.Of(c.b, c.x(0))
		}
		return ops.Gelu.Of(c.b, c.x(0))
	})
	add1("ThresholdedRelu", func(c *call) ops.Value { return c.thresholded(c.x(0), c.float("alpha", 1)) })
	add1("Shrink", func(c *call) ops.Value {
		x, lambda, bias := c.x(0), c.float("lambd", 0.5), c.float("bias", 0)
		high := ops.Sub.Of(c.b, x, c.like(x, bias))
		low := ops.Add.Of(c.b, x, c.like(x, bias))
		if t := x.Spec().DType; !t.IsFloat() {
			// The threshold is a float: compare in one.
			f := ops.Casted(c.b, x, dtype.F64)
			return ops.Where.Of(c.b, ops.Gt.Of(c.b, f, c.like(f, lambda)), high,
				ops.Where.Of(c.b, ops.Lt.Of(c.b, f, c.like(f, -lambda)), low, c.like(x, 0)))
		}
		return ops.Where.Of(c.b, ops.Gt.Of(c.b, x, c.like(x, lambda)), high,
			ops.Where.Of(c.b, ops.Lt.Of(c.b, x, c.like(x, -lambda)), low, c.like(x, 0)))
	})
	for name, row := range map[string]**ops.Op{"Softmax": &ops.Softmax, "LogSoftmax": &ops.LogSoftmax} {
		add1(name, func(c *call) ops.Value {
			return c.coerced(c.x(0), func(x ops.Value, axis int) ops.Value { return (*row).With(c.b, ops.AxisAttrs{Axis: axis}, x) })
		})
	}
	add1("Hardmax", func(c *call) ops.Value {
		return c.coerced(c.x(0), func(x ops.Value, axis int) ops.Value {
			s := x.Spec()
			top := ops.Argmax.With(c.b, ops.ArgAttrs{Axis: axis, Keep: true}, x)
			at := c.along(s.Shape[axis], axis, len(s.Shape))
			return ops.Casted(c.b, ops.Eq.Of(c.b, at, top), s.DType)
		})
	})
}

// along is 0, 1, 2 ... along an axis of a rank.
func (c *call) along(n, axis, rank int) ops.Value {
	dims := make([]int, rank)
	for i := range dims {
		dims[i] = 1
	}
	dims[axis] = n
	return ops.Reshaped(c.b, ops.Iota.With(c.b, ops.IotaAttrs{DType: dtype.I64, Shape: []int{n}}), dims...)
}

// coerced applies a function along an axis. Before version 13 the axes from that one on
// were taken as one.
func (c *call) coerced(x ops.Value, f func(x ops.Value, axis int) ops.Value) ops.Value {
	dims := x.Spec().Shape
	if c.version() >= 13 {
		if len(dims) == 0 {
			return ops.Reshaped(c.b, f(ops.Reshaped(c.b, x, 1), 0))
		}
		return f(x, c.axis("axis", -1, len(dims)))
	}
	axis := c.int("axis", 1)
	if axis < 0 {
		axis += len(dims)
	}
	if axis < 0 || axis > len(dims) {
		c.refuse("axis", "is out of range for rank %d", len(dims))
	}
	y := f(ops.Reshaped(c.b, x, product(dims[:axis]), product(dims[axis:])), 1)
	return ops.Reshaped(c.b, y, dims...)
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// elu is gamma*x above 0 and gamma*alpha*(exp(x*inner) - 1) below.
func (c *call) elu(x ops.Value, alpha, inner, gamma float64) ops.Value {
	below := ops.Expm1.Of(c.b, ops.Scaled(c.b, ops.Min.Of(c.b, x, c.like(x, 0)), inner, 0))
	y := ops.Where.Of(c.b, ops.Gt.Of(c.b, x, c.like(x, 0)), x, ops.Scaled(c.b, below, alpha, 0))
	if gamma == 1 {
		return y
	}
	return ops.Scaled(c.b, y, gamma, 0)
}

func (c *call) hardSigmoid(x ops.Value, alpha, beta float64) ops.Value {
	return ops.Clamp.With(c.b, ops.ClampAttrs{Lo: 0, Hi: 1}, ops.Scaled(c.b, x, alpha, beta))
}

// softplus is log(1 + exp(x)) without overflow.
func (c *call) softplus(x ops.Value) ops.Value {
	tail := ops.Log1p.Of(c.b, ops.Exp.Of(c.b, ops.Neg.Of(c.b, ops.Abs.Of(c.b, x))))
	return ops.Add.Of(c.b, ops.Max.Of(c.b, x, c.like(x, 0)), tail)
}

// softsign is x/(1 + |x|).
func (c *call) softsign(x ops.Value) ops.Value {
	return ops.Div.Of(c.b, x, ops.Scaled(c.b, ops.Abs.Of(c.b, x), 1, 1))
}

// thresholded is x above alpha and 0 below.
func (c *call) thresholded(x ops.Value, alpha float64) ops.Value {
	return ops.Where.Of(c.b, ops.Gt.Of(c.b, x, c.like(x, alpha)), x, c.like(x, 0))
}

// perChannel shapes a vector so that it broadcasts along axis 1.
func (c *call) perChannel(v ops.Value, rank int) ops.Value {
	dims := []int{1, v.Spec().Elements()}
	for len(dims) < rank {
		dims = append(dims, 1)
	}
	return ops.Reshaped(c.b, v, dims...)
}

var negInf = math.Inf(-1)
