package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Operators that make, look at and rearrange arrays. Those that only move elements keep
// element types that crease does not have.

func init() {
	add1("Identity", func(c *call) ops.Value { return c.value(0) })
	add1("Constant", constant)
	add1("ConstantOfShape", func(c *call) ops.Value {
		value := c.tensor("value")
		dims := c.numbers(0)
		if value == nil {
			return ops.Filled(c.b, ops.Spec{DType: dtype.F32, Shape: dims}, 0)
		}
		e := elemIn(value)
		return as(ops.Expanded(c.b, ops.Reshaped(c.b, plain(value)), c.sizes(dims)), e)
	})
	add1("Shape", func(c *call) ops.Value {
		dims := plain(c.value(0)).Spec().Shape
		start, end := c.int("start", 0), c.int("end", math.MaxInt32)
		from := func(i int) int {
			if i < 0 {
				i += len(dims)
			}
			return min(max(i, 0), len(dims))
		}
		lo, hi := from(start), from(end)
		return c.vector(dims[lo:max(lo, hi)])
	})
	add1("Size", func(c *call) ops.Value {
		return ops.Reshaped(c.b, c.vector([]int{plain(c.value(0)).Spec().Elements()}))
	})
	add1("Reshape", reshape)
	add1("Flatten", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			dims := x.Spec().Shape
			axis := c.int("axis", 1)
			if axis < 0 {
				axis += len(dims)
			}
			if axis < 0 || axis > len(dims) {
				c.refuse("axis", "is out of range for rank %d", len(dims))
			}
			return ops.Reshaped(c.b, x, product(dims[:axis]), product(dims[axis:]))
		})
	})
	add1("Transpose", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			perm := c.ints("perm")
			if perm == nil {
				for i := range x.Spec().Shape {
					perm = append([]int{i}, perm...)
				}
			}
			return ops.Permuted(c.b, x, perm...)
		})
	})
	add1("Squeeze", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			dims, axes := x.Spec().Shape, c.ints("axes")
			if c.has(1) {
				axes = c.numbers(1)
			}
			all := axes == nil
			axes = c.axesOf(axes, len(dims))
			var out []int
			for i, n := range dims {
				drop := slices.Contains(axes, i)
				if drop && n != 1 {
					c.fail("axis %d has size %d, not 1", i, n)
				}
				if !drop && !(all && n == 1) {
					out = append(out, n)
				}
			}
			return ops.Reshaped(c.b, x, out...)
		})
	})
	add1("Unsqueeze", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			dims, axes := x.Spec().Shape, c.ints("axes")
			if c.has(1) {
				axes = c.numbers(1)
			}
			axes = c.axesOf(axes, len(dims)+len(axes))
			var out []int
			for at := 0; len(dims) > 0 || at < len(out)+1 && slices.Contains(axes, at); at++ {
				if slices.Contains(axes, at) {
					out = append(out, 1)
				} else {
					out, dims = append(out, dims[0]), dims[1:]
				}
			}
			return ops.Reshaped(c.b, x, out...)
		})
	})
	add1("Expand", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			dims, err := shape.Broadcast(x.Spec().Shape, c.sizes(c.numbers(1)))
			if err != nil {
				c.fail("%v", err)
			}
			return ops.Expanded(c.b, x, dims)
		})
	})
	add1("Concat", func(c *call) ops.Value {
		in := make([]ops.Value, len(c.in))
		for i := range in {
			in[i] = plain(c.value(i))
		}
		c.first(in)
		axis := c.int("axis", 1)
		return as(ops.Concat.With(c.b, ops.ConcatAttrs{Axis: axis}, in...), elemIn(c.value(0)))
	})
	add("Split", split)
	add1("Slice", slice)
	add1("Tile", func(c *call) ops.Value {
		return c.moved(func(x ops.Value) ops.Value {
			repeats := c.numbers(1)
			if c.version() < 6 {
				repeats = slices.Repeat([]int{1}, len(x.Spec().Shape))
				repeats[c.axisOf(int(c.scalar(2)), len(repeats))] = int(c.scalar(1))
			}
			return c.tile(x, repeats)
		})
	})
	add1("Range", rangeOp)
	add1("EyeLike", func(c *call) ops.Value {
		s := c.spec(0)
		if len(s.Shape) != 2 {
			c.fail("its input has shape %s, want a matrix", shape.String(s.Shape))
		}
		e := c.elem("dtype", elemOf(s.DType))
		rows, cols := c.along(s.Shape[0], 0, 2), c.along(s.Shape[1], 1, 2)
		k := c.like(rows, float64(clampInt(c.int("k", 0))))
		return ops.Casted(c.b, ops.Eq.Of(c.b, ops.Add.Of(c.b, rows, k), cols), e.DType())
	})
	add1("Trilu", func(c *call) ops.Value {
		x, k := c.x(0), 0
		if c.has(1) {
			k = int(min(max(c.scalar(1), math.MinInt32), math.MaxInt32))
		}
		dims := x.Spec().Shape
		if len(dims) < 2 {
			c.fail("its input has shape %s, want a matrix", shape.String(dims))
		}
		rows, cols := c.along(dims[len(dims)-2], 0, 2), c.along(dims[len(dims)-1], 1, 2)
		edge := ops.Add.Of(c.b, rows, c.like(rows, float64(k)))
		keep := ops.Ge.Of(c.b, cols, edge)
		if c.int("upper", 1) == 0 {
			keep = ops.Le.Of(c.b, cols, edge)
		}
		return ops.Where.Of(c.b, keep, x, c.like(x, 0))
	})
	for name, forward := range map[string]bool{"DepthToSpace": true, "SpaceToDepth": false} {
		add1(name, func(c *call) ops.Value {
			mode := "DCR"
			if forward {
				mode = c.oneOf("mode", "DCR", "CRD")
			}
			return c.blocks(c.x(0), c.int("blocksize", 0), forward, mode)
		})
	}
	add1("CenterCropPad", centerCropPad)
}

// moved applies a function that only moves elements.
func (c *call) moved(f func(x ops.Value) ops.Value) ops.Value {
	v := c.value(0)
	if _, ok := v.(*list); ok {
		c.fail("input 0 is a sequence, want a tensor")
	}
	return as(f(plain(v)), elemIn(v))
}

// vector is a known vector of sizes.
func (c *call) vector(v []int) ops.Value { return c.b.Const(vectorOf(v)) }

func vectorOf(v []int) ops.Host {
	h := ops.NewHost(ops.Spec{DType: dtype.I64, Shape: []int{len(v)}})
	for i, n := range v {
		h.SetInt(i, int64(n))
	}
	return h
}

// sizes checks sizes that come from a file.
func (c *call) sizes(dims []int) []int {
	if _, err := shape.Elements(dims); err != nil {
		c.fail("%v", err)
	}
	return dims
}

// maxMade limits arrays that are made element by element on the host.
const maxMade = 1 << 24

// made checks the size of an array that is made on the host.
func (c *call) made(dims []int) []int {
	if n, err := shape.Elements(dims); err != nil || n > maxMade {
		c.fail("an array of shape %s is more than is made on the host, %d elements", shape.String(dims), maxMade)
	}
	return dims
}

func constant(c *call) ops.Value {
	if v := c.tensor("value"); v != nil {
		return v
	}
	number := func(h ops.Host, err error) ops.Value {
		if err != nil {
			c.fail("%v", err)
		}
		return c.b.Const(h)
	}
	if a := c.attr("value_float"); a != nil {
		return number(ops.HostOf([]int{}, []float32{a.F}))
	}
	if a := c.attr("value_int"); a != nil {
		return number(ops.HostOf([]int{}, []int64{a.I}))
	}
	if a := c.attr("value_floats"); a != nil {
		return number(ops.HostOf([]int{len(a.Floats)}, a.Floats))
	}
	if a := c.attr("value_ints"); a != nil {
		return number(ops.HostOf([]int{len(a.Ints)}, a.Ints))
	}
	if a := c.attr("sparse_value"); a != nil && a.Sparse != nil {
		if a.Sparse.Values == nil || a.Sparse.Indices == nil {
			c.refuse("sparse_value", "lacks its values or indices")
		}
		check := checker{m: &Model{files: c.f.files}}
		if err := check.sparse(a.Sparse); err != nil {
			c.refuse("sparse_value", "%v", err)
		}
		v, err := c.f.scattered(a.Sparse)
		if err != nil {
			c.fail("%v", err)
		}
		return v
	}
	if c.attr("value_string") != nil || c.attr("value_strings") != nil {
		panic(&NodeError{c.n.label(), &TypeError{Elem: String}})
	}
	c.fail("it has no value")
	return nil
}

func reshape(c *call) ops.Value {
	return c.moved(func(x ops.Value) ops.Value {
		in := x.Spec().Shape
		var dims []int
		if c.version() < 5 {
			c.ignore("consumed_inputs")
			dims = c.ints("shape")
		} else {
			dims = slices.Clone(c.numbers(1))
		}
		if !c.bool("allowzero") {
			for i, n := range dims {
				if n == 0 {
					if i >= len(in) {
						c.fail("size %d of the new shape is to be copied from the input, which has rank %d", i, len(in))
					}
					dims[i] = in[i]
				}
			}
		}
		return ops.Reshaped(c.b, x, dims...)
	})
}

func split(c *call) []ops.Value {
	v := c.value(0)
	x, e := plain(v), elemIn(v)
	dims := x.Spec().Shape
	axis := c.axis("axis", 0, len(dims))
	sizes := c.ints("split")
	if c.has(1) {
		sizes = c.numbers(1)
	}
	n := dims[axis]
	if sizes == nil {
		parts := c.int("num_outputs", len(c.n.Output))
		if parts < 1 || parts > 1<<20 {
			c.fail("it splits into %d parts", parts)
		}
		size := (n + parts - 1) / parts
		for i := range parts {
			sizes = append(sizes, max(min(size, n-i*size), 0))
		}
	}
	c.ignore("num_outputs")
	var out []ops.Value
	at := 0
	for _, size := range sizes {
		if size < 0 || size > n-at {
			c.fail("the parts %v do not make up the axis, which has size %d", sizes, n)
		}
		out = append(out, as(c.narrow(x, axis, at, size), e))
		at += size
	}
	if at != n {
		c.fail("the parts %v do not make up the axis, which has size %d", sizes, n)
	}
	return out
}

// narrow is count elements of an axis from start.
func (c *call) narrow(x ops.Value, axis, start, count int) ops.Value {
	return c.strided(x, axis, start, count, 1)
}

// strided is count elements of an axis from start, step apart.
func (c *call) strided(x ops.Value, axis, start, count, step int) ops.Value {
	dims := x.Spec().Shape
	if start == 0 && count == dims[axis] && step == 1 {
		return x
	}
	a := ops.SliceAttrs{Start: make([]int, len(dims)), Count: slices.Clone(dims), Step: slices.Repeat([]int{1}, len(dims))}
	a.Start[axis], a.Count[axis], a.Step[axis] = start, count, step
	return ops.Slice.With(c.b, a, x)
}

// reversed turns an axis round.
func (c *call) reversed(x ops.Value, axis int) ops.Value {
	n := x.Spec().Shape[axis]
	return c.strided(x, axis, max(n-1, 0), n, -1)
}

func slice(c *call) ops.Value {
	return c.moved(func(x ops.Value) ops.Value {
		rank := len(x.Spec().Shape)
		var starts, ends, axes, steps []int
		if c.version() < 10 {
			starts, ends, axes = c.ints("starts"), c.ints("ends"), c.ints("axes")
		} else {
			starts, ends = c.numbers(1), c.numbers(2)
			if c.has(3) {
				axes = c.numbers(3)
			}
			if c.has(4) {
				steps = c.numbers(4)
			}
		}
		if axes == nil {
			axes = axesFrom(0, len(starts))
		}
		if len(starts) != len(ends) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
			c.fail("its starts, ends, axes and steps have %d, %d, %d and %d values", len(starts), len(ends), len(axes), len(steps))
		}
		for i, axis := range c.axesOf(axes, rank) {
			step := 1
			if steps != nil {
				step = steps[i]
			}
			first, count, err := shape.Slice1(x.Spec().Shape[axis], starts[i], ends[i], step)
			if err != nil {
				c.fail("axis %d: %v", axis, err)
			}
			x = c.strided(x, axis, first, count, step)
		}
		return x
	})
}

// tile repeats an array along its axes.
func (c *call) tile(x ops.Value, repeats []int) ops.Value {
	dims := x.Spec().Shape
	if len(repeats) != len(dims) {
		c.fail("%d repeats for %d axes", len(repeats), len(dims))
	}
	var apart, wide, out []int
	for i, n := range dims {
		if repeats[i] < 0 {
			c.fail("axis %d is repeated %d times", i, repeats[i])
		}
		apart = append(apart, 1, n)
		wide = append(wide, repeats[i], n)
	}
	c.sizes(wide)
	for i, n := range dims {
		out = append(out, n*repeats[i])
	}
	return ops.Reshaped(c.b, ops.Expanded(c.b, ops.Reshaped(c.b, x, apart...), wide), out...)
}

func rangeOp(c *call) ops.Value {
	t := c.spec(0).DType
	c.ignore("stash_type")
	start, limit, delta := c.scalar(0), c.scalar(1), c.scalar(2)
	n := math.Ceil((limit - start) / delta)
	if delta == 0 || math.IsNaN(n) || n > maxMade {
		c.fail("a range from %v to %v by %v has no end or too many elements", start, limit, delta)
	}
	h := ops.NewHost(ops.Spec{DType: t, Shape: []int{int(max(n, 0))}})
	for i := range h.Elements() {
		if t.IsFloat() {
			h.Set(i, start+float64(i)*delta)
		} else {
			h.SetInt(i, int64(start)+int64(i)*int64(delta))
		}
	}
	return c.b.Const(h)
}

// blocks moves blocks of the plane into channels or back.
func (c *call) blocks(x ops.Value, size int, toSpace bool, mode string) ops.Value {
	d := x.Spec().Shape
	if len(d) != 4 || size < 1 || size > 1<<15 {
		c.fail("blocks of %d in an input of shape %s, want [N, C, H, W]", size, shape.String(d))
	}
	n, ch, h, w := d[0], d[1], d[2], d[3]
	switch {
	case !toSpace:
		if h%size != 0 || w%size != 0 {
			c.fail("height %d and width %d are no multiples of the block size %d", h, w, size)
		}
		y := ops.Reshaped(c.b, x, n, ch, h/size, size, w/size, size)
		return ops.Reshaped(c.b, ops.Permuted(c.b, y, 0, 3, 5, 1, 2, 4), n, ch*size*size, h/size, w/size)
	case ch%(size*size) != 0:
		c.fail("%d channels are no multiple of %d", ch, size*size)
	}
	deep := ch / (size * size)
	if mode == "DCR" {
		y := ops.Permuted(c.b, ops.Reshaped(c.b, x, n, size, size, deep, h, w), 0, 3, 4, 1, 5, 2)
		return ops.Reshaped(c.b, y, n, deep, h*size, w*size)
	}
	y := ops.Permuted(c.b, ops.Reshaped(c.b, x, n, deep, size, size, h, w), 0, 1, 4, 2, 5, 3)
	return ops.Reshaped(c.b, y, n, deep, h*size, w*size)
}

func centerCropPad(c *call) ops.Value {
	return c.moved(func(x ops.Value) ops.Value {
		dims := x.Spec().Shape
		axes := c.ints("axes")
		if axes == nil {
			axes = axesFrom(0, len(dims))
		}
		axes = c.axesOf(axes, len(dims))
		want := c.sizes(c.numbers(1))
		if len(want) != len(axes) {
			c.fail("%d sizes for %d axes", len(want), len(axes))
		}
		lo, hi := make([]int, len(dims)), make([]int, len(dims))
		for i, axis := range axes {
			more := want[i] - dims[axis]
			if more < 0 {
				lo[axis] = -(-more / 2)
			} else {
				lo[axis] = more / 2
			}
			hi[axis] = more - lo[axis]
		}
		return ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi}, x)
	})
}
