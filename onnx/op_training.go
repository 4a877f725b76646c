package onnx

import (
	"math"

	"github.com/crease-ml/crease/ops"
)

// Steps of optimisers. Inputs are the learning rate, the number of steps done, and then
// lists of parameters, gradients and states.

func init() {
	const domain = "ai.onnx.preview.training"
	addIn(domain, "Momentum", func(c *call) []ops.Value {
		decay, alpha, beta := c.float("norm_coefficient", 0), c.float("alpha", 0), c.float("beta", 0)
		nesterov := c.oneOf("mode", "standard", "nesterov") == "nesterov"
		return c.optimise(1, func(rate, step ops.Value, x, g ops.Value, s []ops.Value) (ops.Value, []ops.Value) {
			g = c.regularised(g, x, decay)
			one := c.like(g, 1)
			b := ops.Where.Of(c.b, ops.Gt.Of(c.b, step, c.like(step, 0)), c.like(g, beta), one)
			v := ops.Add.Of(c.b, ops.Scaled(c.b, s[0], alpha, 0), ops.Mul.Of(c.b, g, b))
			move := v
			if nesterov {
				move = ops.Add.Of(c.b, g, ops.Scaled(c.b, v, alpha, 0))
			}
			return ops.Sub.Of(c.b, x, ops.Mul.Of(c.b, rate, move)), []ops.Value{v}
		})
	})
	addIn(domain, "Adagrad", func(c *call) []ops.Value {
		decay, eps, slow := c.float("norm_coefficient", 0), c.float("epsilon", 1e-6), c.float("decay_factor", 0)
		return c.optimise(1, func(rate, step ops.Value, x, g ops.Value, s []ops.Value) (ops.Value, []ops.Value) {
			r := ops.Div.Of(c.b, rate, ops.Scaled(c.b, ops.Casted(c.b, step, rate.Spec().DType), slow, 1))
			g = c.regularised(g, x, decay)
			h := ops.Add.Of(c.b, s[0], ops.Mul.Of(c.b, g, g))
			move := ops.Div.Of(c.b, ops.Mul.Of(c.b, r, g), ops.Scaled(c.b, ops.Sqrt.Of(c.b, h), 1, eps))
			return ops.Sub.Of(c.b, x, move), []ops.Value{h}
		})
	})
	addIn(domain, "Adam", func(c *call) []ops.Value {
		decay, after := c.float("norm_coefficient", 0), c.float("norm_coefficient_post", 0)
		alpha, beta, eps := c.float("alpha", 0.9), c.float("beta", 0.999), c.float("epsilon", 1e-6)
		return c.optimise(2, func(rate, step ops.Value, x, g ops.Value, s []ops.Value) (ops.Value, []ops.Value) {
			g = c.regularised(g, x, decay)
			v := ops.Add.Of(c.b, ops.Scaled(c.b, s[0], alpha, 0), ops.Scaled(c.b, g, 1-alpha, 0))
			h := ops.Add.Of(c.b, ops.Scaled(c.b, s[1], beta, 0), ops.Scaled(c.b, ops.Mul.Of(c.b, g, g), 1-beta, 0))
			t := ops.Casted(c.b, step, rate.Spec().DType)
			left := func(base float64) ops.Value { // 1 - base^t
				return ops.Neg.Of(c.b, ops.Expm1.Of(c.b, ops.Scaled(c.b, t, math.Log(base), 0)))
			}
			corrected := ops.Div.Of(c.b, ops.Mul.Of(c.b, rate, ops.Sqrt.Of(c.b, left(beta))), left(alpha))
			r := ops.Where.Of(c.b, ops.Gt.Of(c.b, step, c.like(step, 0)), corrected, rate)
			move := ops.Div.Of(c.b, v, ops.Scaled(c.b, ops.Sqrt.Of(c.b, h), 1, eps))
			y := ops.Sub.Of(c.b, x, ops.Mul.Of(c.b, r, move))
			return ops.Scaled(c.b, y, 1-after, 0), []ops.Value{v, h}
		})
	})
}

// regularised adds decay*x to the gradient.
func (c *call) regularised(g, x ops.Value, decay float64) ops.Value {
	if decay == 0 {
		return g
	}
	return ops.Add.Of(c.b, g, ops.Scaled(c.b, x, decay, 0))
}

// optimise applies a step to every parameter. The results are all parameters and then
// all states, one kind after the other.
func (c *call) optimise(states int, f func(rate, step ops.Value, x, g ops.Value, s []ops.Value) (ops.Value, []ops.Value)) []ops.Value {
	per := 2 + states
	if (len(c.in)-2)%per != 0 || len(c.in) < 2+per {
		c.fail("%d inputs, want 2 and %d per parameter", len(c.in), per)
	}
	n := (len(c.in) - 2) / per
	rate, step := ops.Reshaped(c.b, c.x(0)), ops.Reshaped(c.b, c.x(1))
	out := make([]ops.Value, n*(1+states))
	for i := range n {
		var s []ops.Value
		for k := range states {
			s = append(s, c.x(2+(2+k)*n+i))
		}
		x := c.x(2 + i)
		y, next := f(ops.Casted(c.b, rate, x.Spec().DType), step, x, c.x(2+n+i), s)
		out[i] = y
		for k, v := range next {
			out[(1+k)*n+i] = v
		}
	}
	return out
}
