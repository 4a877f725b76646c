package onnx

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add("BatchNormalization", batchNorm)
	add1("InstanceNormalization", func(c *call) ops.Value {
		c.ignore("consumed_inputs")
		x := c.x(0)
		rank := len(x.Spec().Shape)
		y := c.standardized(x, c.plane(x), c.float("epsilon", 1e-5))
		return ops.Add.Of(c.b, ops.Mul.Of(c.b, y, c.perChannel(c.x(1), rank)), c.perChannel(c.x(2), rank))
	})
	add1("GroupNormalization", groupNorm)
	add("LayerNormalization", layerNorm)
	add1("RMSNormalization", rmsNorm)
	add1("MeanVarianceNormalization", func(c *call) ops.Value {
		axes := c.ints("axes")
		if axes == nil {
			axes = []int{0, 2, 3}
		}
		x := c.x(0)
		return c.standardized(x, c.axesOf(axes, len(x.Spec().Shape)), 1e-18)
	})
	add1("LpNormalization", func(c *call) ops.Value {
		x := c.x(0)
		p := float64(c.int("p", 2))
		a := ops.ReduceAttrs{Axes: []int{c.axis("axis", -1, len(x.Spec().Shape))}, Keep: true}
		norm := c.root(ops.Sum.With(c.b, a, c.power(x, p)), p)
		none := ops.Eq.Of(c.b, norm, c.like(x, 0))
		return ops.Where.Of(c.b, none, c.like(x, 0), ops.Div.Of(c.b, x, norm))
	})
	add1("LRN", lrn)
	add("Dropout", dropout)
}

// standardized is (x - mean) / sqrt(variance + eps) over axes.
func (c *call) standardized(x ops.Value, axes []int, eps float64) ops.Value {
	t := x.Spec().DType
	x = c.precise(x)
	mean := ops.Mean.With(c.b, ops.ReduceAttrs{Axes: axes, Keep: true}, x)
	d := ops.Sub.Of(c.b, x, mean)
	variance := ops.Mean.With(c.b, ops.ReduceAttrs{Axes: axes, Keep: true}, ops.Mul.Of(c.b, d, d))
	return ops.Casted(c.b, ops.Div.Of(c.b, d, ops.Sqrt.Of(c.b, ops.Scaled(c.b, variance, 1, eps))), t)
}

// precise widens 16-bit floats.
func (c *call) precise(x ops.Value) ops.Value { return ops.Casted(c.b, x, x.Spec().DType.Wide()) }

func batchNorm(c *call) []ops.Value {
	c.ignore("spatial", "consumed_inputs")
	if c.int("spatial", 1) == 0 {
		c.refuse("spatial", "is 0, which crease does not do")
	}
	x := c.x(0)
	t, rank := x.Spec().DType, len(x.Spec().Shape)
	if rank < 2 {
		c.fail("its input has shape %s, want [N, C, ...]", shape.String(x.Spec().Shape))
	}
	gamma, beta, mean, variance := c.x(1), c.x(2), c.x(3), c.x(4)
	eps, momentum := c.float("epsilon", 1e-5), c.float("momentum", 0.9)
	training := c.bool("training_mode")
	if c.version() < 7 {
		training = c.int("is_test", 0) == 0 && c.wants(1)
	}
	c.ignore("is_test")
	stats := t.Wide() // of the row
	if !training {
		in := []ops.Value{x, ops.Casted(c.b, gamma, t), ops.Casted(c.b, beta, t), ops.Casted(c.b, mean, stats), ops.Casted(c.b, variance, stats)}
		return []ops.Value{ops.BatchNormInfer.With(c.b, ops.BatchNormAttrs{Eps: eps}, in...)}
	}
	out := ops.BatchNorm.Apply(c.b, ops.BatchNormAttrs{Eps: eps}, x, ops.Casted(c.b, gamma, t), ops.Casted(c.b, beta, t))
	running := func(old, now ops.Value) ops.Value {
		now = ops.Casted(c.b, now, old.Spec().DType)
		return ops.Add.Of(c.b, ops.Scaled(c.b, old, momentum, 0), ops.Scaled(c.b, now, 1-momentum, 0))
	}
	return []ops.Value{out[0], running(mean, out[1]), running(variance, out[2])}
}

// groupNorm standardizes groups of channels. Before version 21 scale and bias were per
// group.
func groupNorm(c *call) ops.Value {
	x, scale, bias := c.x(0), c.x(1), c.x(2)
	c.ignore("stash_type")
	d, groups := x.Spec().Shape, c.int("num_groups", 0)
	if len(d) < 3 || groups < 1 || d[1]%groups != 0 {
		c.fail("%d groups of an input %s", groups, shape.String(d))
	}
	y := c.standardized(ops.Reshaped(c.b, x, d[0], groups, -1), []int{2}, c.float("epsilon", 1e-5))
	per := func(v ops.Value) ops.Value {
		if c.version() < 21 && v.Spec().Elements() == groups && groups != d[1] {
			v = ops.Reshaped(c.b, ops.Expanded(c.b, ops.Reshaped(c.b, v, groups, 1), []int{groups, d[1] / groups}), d[1])
		}
		return c.perChannel(v, len(d))
	}
	return ops.Add.Of(c.b, ops.Mul.Of(c.b, ops.Reshaped(c.b, y, d...), per(scale)), per(bias))
}

// trailing are the axes from the one named on, and whether a vector of weights has just
// their shape.
func (c *call) trailing(x ops.Value) (axis, count int) {
	rank := len(x.Spec().Shape)
	axis = c.axis("axis", -1, rank)
	return axis, rank - axis
}

func layerNorm(c *call) []ops.Value {
	x, scale, bias := c.x(0), c.x(1), c.opt(2)
	axis, count := c.trailing(x)
	eps := c.float("epsilon", 1e-5)
	stash := c.elem("stash_type", Float32).DType()
	dims := x.Spec().Shape
	own := dims[axis:]
	fits := shape.Equal(scale.Spec().Shape, own) && (bias == nil || shape.Equal(bias.Spec().Shape, own))
	kept := slices.Clone(dims)
	for i := axis; i < len(dims); i++ {
		kept[i] = 1
	}
	in := []ops.Value{x}
	if fits {
		in = append(in, scale)
		if bias != nil {
			in = append(in, bias)
		}
	}
	out := ops.LayerNorm.Apply(c.b, ops.LayerNormAttrs{Axes: count, Eps: eps}, in...)
	y := out[0]
	if !fits {
		if y = ops.Mul.Of(c.b, y, scale); bias != nil {
			y = ops.Add.Of(c.b, y, bias)
		}
	}
	if !c.wants(1) && !c.wants(2) {
		return []ops.Value{y}
	}
	stat := func(v ops.Value) ops.Value { return ops.Casted(c.b, ops.Reshaped(c.b, v, kept...), stash) }
	return []ops.Value{y, stat(out[1]), stat(out[2])}
}

func rmsNorm(c *call) ops.Value {
	x, scale := c.x(0), c.x(1)
	axis, count := c.trailing(x)
	c.ignore("stash_type")
	a := ops.LayerNormAttrs{Axes: count, Eps: c.float("epsilon", 1e-5)}
	t := x.Spec().DType
	if shape.Equal(scale.Spec().Shape, x.Spec().Shape[axis:]) && scale.Spec().DType == t {
		return ops.RMSNorm.Apply(c.b, a, x, scale)[0]
	}
	y := ops.RMSNorm.Apply(c.b, a, x)[0]
	return ops.Mul.Of(c.b, ops.Casted(c.b, y, scale.Spec().DType), scale)
}

// lrn divides by the squares of the neighbouring channels.
func lrn(c *call) ops.Value {
	x, size := c.x(0), c.int("size", 0)
	d := x.Spec().Shape
	if len(d) < 2 || size < 1 || size > 1<<20 {
		c.fail("a size of %d and an input %s", size, shape.String(d))
	}
	alpha, beta, bias := c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1)
	lo, hi := make([]int, len(d)), make([]int, len(d))
	lo[1], hi[1] = (size-1)/2, size-1-(size-1)/2
	squares := ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi}, ops.Mul.Of(c.b, x, x))
	win := ops.Window.With(c.b, ops.WindowAttrs{Axes: []int{1}, Size: []int{size}}, squares)
	sum := ops.Sum.With(c.b, ops.ReduceAttrs{Axes: []int{len(d)}}, win)
	return ops.Div.Of(c.b, x, ops.Pow.Of(c.b, ops.Scaled(c.b, sum, alpha/float64(size), bias), c.like(x, beta)))
}

// dropout passes its input on: models are run, not trained. Training with a ratio above 0
// draws at random, which no file says how to repeat.
func dropout(c *call) []ops.Value {
	x := c.x(0)
	c.ignore("seed", "consumed_inputs", "is_test")
	c.ignore("ratio") // before version 12 nothing is drawn
	if c.version() >= 12 && c.has(2) && c.scalar(2) != 0 {
		if ratio := c.scalarOr(1, 0.5); ratio != 0 {
			c.fail("it is in training mode with a ratio of %v: random results are not repeatable", ratio)
		}
	}
	out := []ops.Value{x}
	if c.wants(1) {
		mask := dtype.Bool
		if c.version() < 10 {
			mask = x.Spec().DType
		}
		out = append(out, ops.Filled(c.b, ops.Spec{DType: mask, Shape: x.Spec().Shape}, 1))
	}
	return out
}

// scalarOr is the only element of an input, or a default.
func (c *call) scalarOr(i int, def float64) float64 {
	if !c.has(i) {
		return def
	}
	return c.scalar(i)
}
