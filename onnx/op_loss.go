package onnx

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add1("NegativeLogLikelihoodLoss", func(c *call) ops.Value { return c.likelihood(c.x(0)) })
	add("SoftmaxCrossEntropyLoss", func(c *call) []ops.Value {
		x := c.x(0)
		if len(x.Spec().Shape) < 2 {
			c.fail("scores of shape %s, want [N, C, ...]", shape.String(x.Spec().Shape))
		}
		logs := ops.LogSoftmax.With(c.b, ops.AxisAttrs{Axis: 1}, x)
		return []ops.Value{c.likelihood(logs), logs}
	})
}

// likelihood is the negative of the logarithm at the target's class, weighted by class.
// Targets equal to ignore_index count nothing, and may be outside the classes.
func (c *call) likelihood(logs ops.Value) ops.Value {
	target := ops.Casted(c.b, c.x(1), dtype.I64)
	reduction := c.oneOf("reduction", "mean", "sum", "none")
	ls, t := logs.Spec().Shape, logs.Spec().DType
	if len(ls) < 2 || !slices.Equal(target.Spec().Shape, slices.Concat(ls[:1], ls[2:])) {
		c.fail("scores %s and targets %s", shape.String(ls), shape.String(target.Spec().Shape))
	}
	var counts ops.Value // bool: whether a target counts
	if a := c.attr("ignore_index"); a != nil {
		counts = ops.Ne.Of(c.b, target, c.like(target, float64(a.I)))
		target = ops.Where.Of(c.b, counts, target, c.like(target, 0))
	}
	wide := slices.Insert(slices.Clone(target.Spec().Shape), 1, 1)
	picked := ops.Gather.With(c.b, ops.GatherAttrs{Axis: 1}, logs, ops.Reshaped(c.b, target, wide...))
	loss := ops.Neg.Of(c.b, ops.Reshaped(c.b, picked, target.Spec().Shape...))
	var weight ops.Value
	if c.has(2) {
		weight = ops.Take.With(c.b, ops.TakeAttrs{}, c.x(2), target)
	}
	if counts != nil {
		zero := c.like(loss, 0)
		loss = ops.Where.Of(c.b, counts, loss, zero)
		if weight == nil {
			weight = ops.Casted(c.b, counts, t)
		} else {
			weight = ops.Where.Of(c.b, counts, weight, zero)
		}
	}
	if weight != nil {
		loss = ops.Mul.Of(c.b, loss, weight)
	}
	switch {
	case reduction == "none":
		return loss
	case reduction == "sum":
		return ops.Sum.With(c.b, ops.ReduceAttrs{}, loss)
	case weight == nil:
		return ops.Mean.With(c.b, ops.ReduceAttrs{}, loss)
	}
	return ops.Div.Of(c.b, ops.Sum.With(c.b, ops.ReduceAttrs{}, loss), ops.Sum.With(c.b, ops.ReduceAttrs{}, weight))
}
