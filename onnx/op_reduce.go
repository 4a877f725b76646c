package onnx

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	reduction := func(name string, f func(c *call, x ops.Value, r reduced) ops.Value) {
		add1(name, func(c *call) ops.Value {
			x := c.x(0)
			return f(c, x, c.reduced(x))
		})
	}
	reduction("ReduceSum", func(c *call, x ops.Value, r reduced) ops.Value { return r.by(c, ops.Sum, x) })
	reduction("ReduceProd", func(c *call, x ops.Value, r reduced) ops.Value { return r.by(c, ops.Prod, x) })
	reduction("ReduceMean", func(c *call, x ops.Value, r reduced) ops.Value {
		if x.Spec().DType.IsFloat() {
			return r.by(c, ops.Mean, x)
		}
		return ops.Div.Of(c.b, r.by(c, ops.Sum, x), c.like(x, float64(r.count)))
	})
	reduction("ReduceMax", func(c *call, x ops.Value, r reduced) ops.Value { return r.extremum(c, x, ops.Amax, ops.AnyTrue, false) })
	reduction("ReduceMin", func(c *call, x ops.Value, r reduced) ops.Value { return r.extremum(c, x, ops.Amin, ops.AllTrue, true) })
	reduction("ReduceL1", func(c *call, x ops.Value, r reduced) ops.Value { return r.by(c, ops.Sum, c.magnitude(x)) })
	reduction("ReduceSumSquare", func(c *call, x ops.Value, r reduced) ops.Value { return r.by(c, ops.Sum, ops.Mul.Of(c.b, x, x)) })
	reduction("ReduceL2", func(c *call, x ops.Value, r reduced) ops.Value {
		return c.inFloat(r.by(c, ops.Sum, ops.Mul.Of(c.b, x, x)), ops.Sqrt)
	})
	reduction("ReduceLogSum", func(c *call, x ops.Value, r reduced) ops.Value { return c.inFloat(r.by(c, ops.Sum, x), ops.Log) })
	reduction("ReduceLogSumExp", func(c *call, x ops.Value, r reduced) ops.Value {
		t := x.Spec().DType
		if !t.IsFloat() {
			x = ops.Casted(c.b, x, dtype.F64)
		}
		switch {
		case len(r.axes) == 0:
		case r.count == 0:
			x = r.filled(c, x.Spec().DType, negInf)
		default:
			x = ops.LogSumExp.With(c.b, ops.ReduceAttrs{Axes: r.axes, Keep: r.keep}, x)
		}
		return ops.Casted(c.b, x, t)
	})
	for name, row := range map[string]**ops.Op{"ArgMax": &ops.Argmax, "ArgMin": &ops.Argmin} {
		add1(name, func(c *call) ops.Value {
			x := c.x(0)
			axis := c.axis("axis", 0, len(x.Spec().Shape))
			a := ops.ArgAttrs{Axis: axis, Keep: c.int("keepdims", 1) != 0}
			if !c.bool("select_last_index") {
				return (*row).With(c.b, a, x)
			}
			// The last one is the first one of the reversed axis.
			at := (*row).With(c.b, a, c.reversed(x, axis))
			return ops.Sub.Of(c.b, c.like(at, float64(x.Spec().Shape[axis]-1)), at)
		})
	}
}

// reduced is what a reduction is over.
type reduced struct {
	axes  []int // none: nothing is reduced
	keep  bool
	count int   // elements behind a result
	in    []int // shape
}

// reduced reads the axes, an attribute or from version 13 or 18 on an input.
func (c *call) reduced(x ops.Value) reduced {
	dims := x.Spec().Shape
	r := reduced{keep: c.int("keepdims", 1) != 0, in: dims, count: 1}
	axes := c.ints("axes")
	if c.has(1) {
		axes = c.numbers(1)
	}
	noop := c.bool("noop_with_empty_axes")
	r.axes = c.axesOf(axes, len(dims))
	if len(axes) == 0 && !noop {
		r.axes = axesFrom(0, len(dims))
	}
	for _, a := range r.axes {
		r.count *= dims[a]
	}
	return r
}

func (r reduced) by(c *call, row *ops.Op, x ops.Value) ops.Value {
	if len(r.axes) == 0 {
		return x // a row takes no axes for all
	}
	return row.With(c.b, ops.ReduceAttrs{Axes: r.axes, Keep: r.keep}, x)
}

func (r reduced) filled(c *call, t dtype.Type, v float64) ops.Value {
	return ops.Filled(c.b, ops.Spec{DType: t, Shape: shape.Reduce(r.in, r.axes, r.keep)}, v)
}

// extremum is the largest or smallest element. Over none it is the one that loses to all.
func (r reduced) extremum(c *call, x ops.Value, row, truth *ops.Op, least bool) ops.Value {
	t := x.Spec().DType
	if t == dtype.Bool {
		return r.by(c, truth, x)
	}
	if r.count > 0 || len(r.axes) == 0 {
		return r.by(c, row, x)
	}
	v := math.Inf(-1)
	if least {
		v = math.Inf(1)
	}
	return r.filled(c, t, v) // an integer saturates
}

// magnitude is |x| of any type.
func (c *call) magnitude(x ops.Value) ops.Value {
	if x.Spec().DType.IsUnsigned() {
		return x
	}
	return ops.Abs.Of(c.b, x)
}

// inFloat applies a row of floats; whole numbers go there and back.
func (c *call) inFloat(x ops.Value, row *ops.Op) ops.Value {
	t := x.Spec().DType
	if t.IsFloat() {
		return row.Of(c.b, x)
	}
	return ops.Casted(c.b, row.Of(c.b, ops.Casted(c.b, x, dtype.F64)), t)
}

// Running sums and products, and elements in order.
func init() {
	for name, row := range map[string]**ops.Op{"CumSum": &ops.Cumsum, "CumProd": &ops.Cumprod} {
		add1(name, func(c *call) ops.Value {
			x := c.x(0)
			axis := c.axisOf(int(c.scalar(1)), len(x.Spec().Shape))
			return (*row).With(c.b, ops.ScanAttrs{Axis: axis, Exclusive: c.bool("exclusive"), Reverse: c.bool("reverse")}, x)
		})
	}
	add("TopK", func(c *call) []ops.Value {
		x := c.x(0)
		k := c.int("k", 0)
		if c.version() >= 10 {
			k = int(c.scalar(1))
		}
		axis := c.axis("axis", -1, len(x.Spec().Shape))
		return ops.TopK.Apply(c.b, ops.TopKAttrs{K: k, Axis: axis, Largest: c.int("largest", 1) != 0, Sorted: c.int("sorted", 1) != 0}, x)
	})
}
