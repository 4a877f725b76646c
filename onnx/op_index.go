package onnx

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add1("Gather", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			axis := c.axis("axis", 0, len(x.Spec().Shape))
			return ops.Take.With(c.b, ops.TakeAttrs{Axis: axis}, x, c.index(c.x(1), x.Spec().Shape[axis]))
		})
	})
	add1("GatherElements", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			axis := c.axis("axis", 0, len(x.Spec().Shape))
			return ops.Gather.With(c.b, ops.GatherAttrs{Axis: axis}, x, c.index(c.x(1), x.Spec().Shape[axis]))
		})
	})
	add1("GatherND", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value { return c.gatherND(x, c.x(1), c.int("batch_dims", 0)) })
	})
	for _, name := range []string{"ScatterElements", "Scatter"} {
		add1(name, func(c *call) ops.Value {
			x := c.x(0)
			axis := c.axis("axis", 0, len(x.Spec().Shape))
			return c.scatter(c.reduction(), axis, x, c.index(c.x(1), x.Spec().Shape[axis]), c.x(2))
		})
	}
	add1("ScatterND", scatterND)
	add1("OneHot", oneHot)
	add1("Compress", compress)
	add1("ReverseSequence", reverseSequence)
	add1("TensorScatter", tensorScatter)
	add1("Pad", pad)
}

// index makes indices that count from the end count from the start. Known ones are checked.
func (c *call) index(idx ops.Value, n int) ops.Value {
	if t := idx.Spec().DType; t != dtype.I64 && t != dtype.I32 {
		if t.IsFloat() || t == dtype.Bool {
			c.fail("its indices are of %v", t)
		}
		idx = ops.Casted(c.b, idx, dtype.I64)
	}
	k, ok := idx.(*known)
	if !ok {
		return c.fromStart(idx, n)
	}
	h := k.host.Clone()
	for i := range h.Elements() {
		v := h.Int(i)
		if v < -int64(n) || v >= int64(n) {
			c.fail("index %d is outside its axis, which has size %d", v, n)
		}
		if v < 0 {
			h.SetInt(i, v+int64(n))
		}
	}
	return c.b.Const(h)
}

// fromStart adds n to negative numbers.
func (c *call) fromStart(idx ops.Value, n int) ops.Value {
	return ops.Where.Of(c.b, ops.Lt.Of(c.b, idx, c.like(idx, 0)), ops.Add.Of(c.b, idx, c.like(idx, float64(n))), idx)
}

// reduction is what scattering does with an element that is there.
func (c *call) reduction() string { return c.oneOf("reduction", "none", "add", "mul", "max", "min") }

// scatter puts updates at indices along an axis.
func (c *call) scatter(mode string, axis int, x, idx, updates ops.Value) ops.Value {
	switch mode {
	case "none":
		return ops.Scatter.With(c.b, ops.ScatterAttrs{Axis: axis}, x, idx, updates)
	case "add":
		return ops.ScatterAdd.With(c.b, ops.ScatterAttrs{Axis: axis}, x, idx, updates)
	}
	return ops.ScatterReduce.With(c.b, ops.ScatterReduceAttrs{Axis: axis, Mode: mode}, x, idx, updates)
}

// linear turns the last axis of indices, which has a number for each of the leading dims,
// into one number for all of them; one that is out of range becomes one that is.
func (c *call) linear(idx ops.Value, dims []int) ops.Value {
	s := idx.Spec()
	last := len(s.Shape) - 1
	idx = ops.Casted(c.b, idx, dtype.I64)
	var at, bad ops.Value
	for i, n := range dims {
		part := ops.Reshaped(c.b, c.narrow(idx, last, i, 1), s.Shape[:last]...)
		part = c.index(part, n)
		outside := ops.Or.Of(c.b, ops.Lt.Of(c.b, part, c.like(part, 0)), ops.Ge.Of(c.b, part, c.like(part, float64(n))))
		part = ops.Mul.Of(c.b, part, c.like(part, float64(product(dims[i+1:]))))
		if at == nil {
			at, bad = part, outside
		} else {
			at, bad = ops.Add.Of(c.b, at, part), ops.Or.Of(c.b, bad, outside)
		}
	}
	return ops.Where.Of(c.b, bad, c.like(at, float64(product(dims))), at)
}

// gatherND gathers slices by a position in several axes. The first batch axes of both are
// walked together.
func (c *call) gatherND(x, idx ops.Value, batch int) ops.Value {
	xs, is := x.Spec().Shape, idx.Spec().Shape
	if len(is) == 0 || batch < 0 || batch >= len(is) || batch >= len(xs) || is[len(is)-1] > len(xs)-batch || !slices.Equal(xs[:batch], is[:batch]) {
		c.fail("indices %s with %d batch axes into %s", shape.String(is), batch, shape.String(xs))
	}
	depth := is[len(is)-1]
	lead := xs[:batch+depth]
	inner := xs[batch+depth:]
	idx = ops.Casted(c.b, idx, dtype.I64)
	if batch > 0 {
		// A batch axis becomes one more number of every index.
		wide := slices.Concat(is[:len(is)-1], []int{1})
		parts := []ops.Value{}
		for i := range batch {
			parts = append(parts, ops.Expanded(c.b, c.along(is[i], i, len(is)), wide))
		}
		parts = append(parts, idx)
		idx = ops.Concat.With(c.b, ops.ConcatAttrs{Axis: len(is) - 1}, parts...)
	}
	out := slices.Concat(is[:len(is)-1], inner)
	if len(lead) == 0 {
		return ops.Expanded(c.b, x, out)
	}
	flat := ops.Reshaped(c.b, x, slices.Concat([]int{product(lead)}, inner)...)
	return ops.Reshaped(c.b, ops.Take.With(c.b, ops.TakeAttrs{}, flat, c.linear(idx, lead)), out...)
}

func scatterND(c *call) ops.Value {
	x, idx, updates := c.x(0), c.x(1), c.x(2)
	mode := c.reduction()
	xs, is := x.Spec().Shape, idx.Spec().Shape
	if len(is) == 0 || is[len(is)-1] > len(xs) {
		c.fail("indices %s into %s", shape.String(is), shape.String(xs))
	}
	depth := is[len(is)-1]
	n, inner := product(is[:len(is)-1]), product(xs[depth:])
	if want := slices.Concat(is[:len(is)-1], xs[depth:]); !slices.Equal(updates.Spec().Shape, want) {
		c.fail("updates of shape %s, want %s", shape.String(updates.Spec().Shape), shape.String(want))
	}
	if depth == 0 {
		c.fail("indices of no axis")
	}
	flat := ops.Reshaped(c.b, x, product(xs[:depth]), inner)
	at := ops.Reshaped(c.b, c.linear(idx, xs[:depth]), n, 1)
	y := c.scatter(mode, 0, flat, ops.Copy.Of(c.b, ops.Expanded(c.b, at, []int{n, inner})), ops.Reshaped(c.b, updates, n, inner))
	return ops.Reshaped(c.b, y, xs...)
}

func oneHot(c *call) ops.Value {
	idx, values := c.x(0), c.x(2)
	depth := int(c.scalar(1))
	if depth < 0 || depth > 1<<31 {
		c.fail("a depth of %d", depth)
	}
	if !slices.Equal(values.Spec().Shape, []int{2}) {
		c.fail("values of shape %s, want [2]", shape.String(values.Spec().Shape))
	}
	dims := idx.Spec().Shape
	axis := c.axis("axis", -1, len(dims)+1)
	idx = ops.Casted(c.b, idx, dtype.I64)
	idx = c.fromStart(idx, depth)
	idx = ops.Reshaped(c.b, idx, slices.Insert(slices.Clone(dims), axis, 1)...)
	hot := ops.Eq.Of(c.b, idx, c.along(depth, axis, len(dims)+1))
	pick := func(i int) ops.Value { return ops.Reshaped(c.b, c.narrow(values, 0, i, 1)) }
	return ops.Where.Of(c.b, hot, pick(1), pick(0))
}

// compress keeps the slices for which a condition holds: their number depends on it.
func compress(c *call) ops.Value {
	return c.moved(func(x ops.Value) ops.Value {
		cond := c.host(1)
		axis := 0
		if a := c.attr("axis"); a != nil {
			axis = c.axis("axis", 0, len(x.Spec().Shape))
		} else {
			x = ops.Reshaped(c.b, x, -1)
		}
		var picked []int
		for i := range cond.Elements() {
			if cond.Int(i) != 0 {
				picked = append(picked, i)
			}
		}
		return ops.Take.With(c.b, ops.TakeAttrs{Axis: axis}, x, c.index(c.vector(picked), x.Spec().Shape[axis]))
	})
}

// reverseSequence turns the first lengths[i] elements of sequence i round.
func reverseSequence(c *call) ops.Value {
	return c.moved(func(x ops.Value) ops.Value {
		dims := x.Spec().Shape
		batch, time := c.int("batch_axis", 1), c.int("time_axis", 0)
		if len(dims) < 2 || batch == time || min(batch, time) < 0 || max(batch, time) > 1 {
			c.fail("time axis %d and batch axis %d of an input %s", time, batch, shape.String(dims))
		}
		return c.turned(x, c.x(1), time, batch)
	})
}

// turned reverses the first elements of every sequence.
func (c *call) turned(x, lengths ops.Value, time, batch int) ops.Value {
	dims := x.Spec().Shape
	n := len(dims)
	shaped := slices.Repeat([]int{1}, n)
	shaped[batch] = dims[batch]
	l := ops.Reshaped(c.b, ops.Casted(c.b, lengths, dtype.I64), shaped...)
	at := c.along(dims[time], time, n)
	back := ops.Sub.Of(c.b, ops.Sub.Of(c.b, l, c.like(l, 1)), at)
	idx := ops.Where.Of(c.b, ops.Lt.Of(c.b, at, l), back, at)
	return ops.Gather.With(c.b, ops.GatherAttrs{Axis: time}, x, ops.Copy.Of(c.b, ops.Expanded(c.b, idx, dims)))
}

// tensorScatter writes new slices of a cache at a position per sample.
func tensorScatter(c *call) ops.Value {
	x, updates := c.x(0), c.x(1)
	dims := x.Spec().Shape
	axis := c.axis("axis", -2, len(dims))
	circular := c.oneOf("mode", "linear", "circular") == "circular"
	us := updates.Spec().Shape
	if len(us) != len(dims) || axis == 0 {
		c.fail("an update %s of axis %d of %s", shape.String(us), axis, shape.String(dims))
	}
	at := c.along(us[axis], axis, len(dims))
	if c.has(2) {
		shaped := slices.Repeat([]int{1}, len(dims))
		shaped[0] = dims[0]
		at = ops.Add.Of(c.b, at, ops.Reshaped(c.b, ops.Casted(c.b, c.x(2), dtype.I64), shaped...))
	}
	if circular {
		at = ops.Mod.Of(c.b, at, c.like(at, float64(dims[axis])))
	}
	return c.scatter("none", axis, x, ops.Copy.Of(c.b, ops.Expanded(c.b, at, us)), updates)
}

// pad puts a value or elements of the input around it.
func pad(c *call) ops.Value {
	x := c.x(0)
	rank := len(x.Spec().Shape)
	mode := c.oneOf("mode", "constant", "reflect", "edge", "wrap")
	var pads []int
	var value ops.Value
	constant := 0.0
	switch {
	case c.version() >= 11:
		pads = c.numbers(1)
		value = c.opt(2)
	case c.version() >= 2:
		pads = c.ints("pads")
		constant = c.float("value", 0)
	default:
		pads = c.ints("paddings")
		constant = c.float("value", 0)
	}
	axes := axesFrom(0, rank)
	if c.has(3) {
		axes = c.axesOf(c.numbers(3), rank)
	}
	if len(pads) != 2*len(axes) {
		c.fail("%d numbers of padding for %d axes", len(pads), len(axes))
	}
	lo, hi := make([]int, rank), make([]int, rank)
	for i, a := range axes {
		lo[a], hi[a] = pads[i], pads[len(axes)+i]
	}
	if mode == "constant" {
		return c.filled(x, lo, hi, value, constant)
	}
	for a := range rank {
		if lo[a] == 0 && hi[a] == 0 {
			continue
		}
		x = ops.Take.With(c.b, ops.TakeAttrs{Axis: a}, x, c.around(mode, x.Spec().Shape[a], lo[a], hi[a]))
	}
	return x
}

// filled pads with a value, which may be known only when the node runs.
func (c *call) filled(x ops.Value, lo, hi []int, value ops.Value, constant float64) ops.Value {
	t := x.Spec().DType
	if k, ok := value.(*known); ok && k.host.Elements() == 1 {
		constant, value = k.host.At(0), nil
		if !t.IsFloat() {
			constant = float64(k.host.Int(0))
		}
	}
	if value == nil {
		return ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi, Value: constant}, x)
	}
	inside := ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi}, ops.Filled(c.b, ops.Spec{DType: dtype.Bool, Shape: x.Spec().Shape}, 1))
	return ops.Where.Of(c.b, inside, ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi}, x), ops.Reshaped(c.b, value))
}

// around are the elements that stand at each place of a padded axis.
func (c *call) around(mode string, n, lo, hi int) ops.Value {
	if n == 0 || lo+n+hi < 0 {
		c.fail("an axis of size %d padded by %d and %d with its own elements", n, lo, hi)
	}
	c.made([]int{lo + n + hi})
	at := make([]int, 0, lo+n+hi)
	for i := -lo; i < n+hi; i++ {
		at = append(at, reflected(mode, i, n))
	}
	return c.vector(at)
}

// reflected is the element of an axis of size n that stands at place i outside it.
func reflected(mode string, i, n int) int {
	mod := func(a, m int) int { return ((a % m) + m) % m }
	switch {
	case mode == "edge":
		return min(max(i, 0), n-1)
	case mode == "wrap":
		return mod(i, n)
	case n == 1:
		return 0
	}
	p := mod(i, 2*n-2)
	return min(p, 2*n-2-p)
}
