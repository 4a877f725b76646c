package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add("MaxPool", maxPool)
	add1("AveragePool", averagePool)
	add1("LpPool", func(c *call) ops.Value {
		var p float64
		if c.version() >= 2 {
			p = float64(c.int("p", 2))
		} else {
			p = c.float("p", 2)
		}
		g := c.poolGeometry()
		x := c.x(0)
		return c.root(c.summed(c.power(x, p), g), p)
	})
	add1("GlobalAveragePool", func(c *call) ops.Value {
		x := c.x(0)
		if len(x.Spec().Shape) == 4 {
			return ops.GlobalAvgPool2d.Of(c.b, x)
		}
		return ops.Mean.With(c.b, ops.ReduceAttrs{Axes: c.plane(x), Keep: true}, x)
	})
	add1("GlobalMaxPool", func(c *call) ops.Value {
		x := c.x(0)
		return ops.Amax.With(c.b, ops.ReduceAttrs{Axes: c.plane(x), Keep: true}, x)
	})
	add1("GlobalLpPool", func(c *call) ops.Value {
		x, p := c.x(0), float64(c.int("p", 2))
		return c.root(ops.Sum.With(c.b, ops.ReduceAttrs{Axes: c.plane(x), Keep: true}, c.power(x, p)), p)
	})
	add1("MaxUnpool", maxUnpool)
}

// plane are the axes after the second.
func (c *call) plane(x ops.Value) []int {
	if len(x.Spec().Shape) < 3 {
		c.fail("its input has shape %s, want [N, C, ...]", shape.String(x.Spec().Shape))
	}
	return axesFrom(2, len(x.Spec().Shape)-2)
}

func (c *call) poolGeometry() geometry {
	g := c.geometry(c.spec(0).Shape, nil)
	if c.bool("ceil_mode") {
		g.roundUp()
	}
	return g
}

// power is |x|^p.
func (c *call) power(x ops.Value, p float64) ops.Value {
	x = ops.Abs.Of(c.b, x)
	switch p {
	case 1:
		return x
	case 2:
		return ops.Mul.Of(c.b, x, x)
	}
	return ops.Pow.Of(c.b, x, c.like(x, p))
}

func (c *call) root(x ops.Value, p float64) ops.Value {
	switch p {
	case 1:
		return x
	case 2:
		return ops.Sqrt.Of(c.b, x)
	}
	return ops.Pow.Of(c.b, x, c.like(x, 1/p))
}

// summed is the sum over each window.
func (c *call) summed(x ops.Value, g geometry) ops.Value {
	return c.overWindows(ops.Sum, c.padded(x, g, 0), g)
}

func (c *call) overWindows(row *ops.Op, x ops.Value, g geometry) ops.Value {
	return row.With(c.b, ops.ReduceAttrs{Axes: g.windowAxes()}, c.windows(x, g))
}

// plain2d reports whether the pools of planes do a pool: its windows are whole, without
// gaps, and none lies in the padding alone.
func (g geometry) plain2d() bool {
	for i := range g.size {
		if g.dilation[i] != 1 || g.extra[i] != 0 || g.lo[i] < 0 || g.hi[i] < 0 || max(g.lo[i], g.hi[i]) >= g.size[i] {
			return false
		}
	}
	return len(g.size) == 2
}

func (g geometry) pool2d() ops.PoolAttrs {
	return ops.PoolAttrs{Size: [2]int(g.size), Stride: [2]int(g.stride), Pad: [4]int{g.lo[0], g.hi[0], g.lo[1], g.hi[1]}}
}

// averagePool counts the padding only where the node says so, and what lies beyond it
// never.
func averagePool(c *call) ops.Value {
	x, g := c.x(0), c.poolGeometry()
	padding := c.bool("count_include_pad")
	unpadded := !slices.ContainsFunc(slices.Concat(g.lo, g.hi), func(n int) bool { return n != 0 })
	if g.plain2d() && (padding || unpadded) && x.Spec().Elements() > 0 {
		return ops.AvgPool2d.With(c.b, g.pool2d(), x)
	}
	dims := slices.Concat([]int{1, 1}, g.in)
	inside := g
	if padding {
		inside.lo, inside.hi = make([]int, len(g.lo)), make([]int, len(g.hi))
		for i := range g.in {
			dims[2+i] += g.lo[i] + g.hi[i]
		}
	}
	ones := ops.Ones(c.b, ops.Spec{DType: x.Spec().DType, Shape: dims})
	return ops.Div.Of(c.b, c.summed(x, g), c.summed(ones, inside))
}

// maxPool gives the maxima and, if wanted, their places in the whole input.
func maxPool(c *call) []ops.Value {
	x, g := c.x(0), c.poolGeometry()
	columns := c.bool("storage_order")
	t := x.Spec().DType
	if g.plain2d() && t.IsFloat() && !c.wants(1) && x.Spec().Elements() > 0 {
		return []ops.Value{ops.MaxPool2d.Apply(c.b, g.pool2d(), x)[0]}
	}
	low := math.Inf(-1)
	if !t.IsFloat() {
		low = leastOf(t)
	}
	padded := c.padded(x, g, low)
	y := c.overWindows(ops.Amax, padded, g)
	if !c.wants(1) {
		return []ops.Value{y}
	}
	return []ops.Value{y, c.places(x, y, padded, g, columns)}
}

// leastOf is the smallest whole number of a type.
func leastOf(t dtype.Type) float64 {
	if t.IsUnsigned() {
		return 0
	}
	return -math.Ldexp(1, 8*t.Size()-1)
}

// places are the positions of the first maxima, counted through the whole input.
func (c *call) places(x, y, padded ops.Value, g geometry, columns bool) ops.Value {
	rank, dims := len(g.size), x.Spec().Shape
	// The position of every element of a plane, and one beyond all in the padding.
	beyond := math.Ldexp(1, 52)
	at := c.planeIndex(g.in, columns)
	at = c.windows(ops.Reshaped(c.b, c.padded(at, g, beyond), slices.Concat([]int{1, 1}, padded.Spec().Shape[2:])...), g)
	win := c.windows(padded, g)
	top := ops.Reshaped(c.b, y, slices.Concat(y.Spec().Shape, slices.Repeat([]int{1}, rank))...)
	hit := ops.Eq.Of(c.b, win, top)
	if x.Spec().DType.IsFloat() {
		hit = ops.Or.Of(c.b, hit, ops.IsNaN.Of(c.b, win))
	}
	first := ops.Amin.With(c.b, ops.ReduceAttrs{Axes: g.windowAxes()}, ops.Where.Of(c.b, hit, at, c.like(at, beyond)))
	planes := ops.Reshaped(c.b, ops.Iota.With(c.b, ops.IotaAttrs{DType: dtype.I64, Shape: []int{dims[0] * dims[1]}}), slices.Concat(dims[:2], slices.Repeat([]int{1}, rank))...)
	return ops.Add.Of(c.b, first, ops.Mul.Of(c.b, planes, c.like(planes, float64(product(g.in)))))
}

// planeIndex numbers the elements of a plane, [1, 1, ...], in row-major or, reversed,
// column-major order.
func (c *call) planeIndex(dims []int, columns bool) ops.Value {
	n := product(dims)
	at := ops.Iota.With(c.b, ops.IotaAttrs{DType: dtype.I64, Shape: []int{n}})
	if !columns {
		return ops.Reshaped(c.b, at, slices.Concat([]int{1, 1}, dims)...)
	}
	back := slices.Clone(dims)
	slices.Reverse(back)
	var perm []int
	for i := range dims {
		perm = append(perm, len(dims)-1-i)
	}
	return ops.Reshaped(c.b, ops.Permuted(c.b, ops.Reshaped(c.b, at, back...), perm...), slices.Concat([]int{1, 1}, dims)...)
}

// maxUnpool puts the maxima back; the places of the maxima are counted through the
// input of the pool, which was as large as what the attributes give.
func maxUnpool(c *call) ops.Value {
	x, at := c.x(0), c.x(1)
	xs := x.Spec().Shape
	if len(xs) < 3 {
		c.fail("its input has shape %s, want [N, C, ...]", shape.String(xs))
	}
	rank := len(xs) - 2
	size, stride := c.intsOr("kernel_shape", rank, 1), c.intsOr("strides", rank, 1)
	pads := c.intsOr("pads", 2*rank, 0)
	pooled := slices.Clone(xs)
	for i := range rank {
		pooled[2+i] = (xs[2+i]-1)*stride[i] - pads[i] - pads[rank+i] + size[i]
	}
	c.sizes(pooled)
	flat := ops.Zeros(c.b, ops.Spec{DType: x.Spec().DType, Shape: []int{product(pooled)}})
	n := x.Spec().Elements()
	y := ops.ScatterAdd.With(c.b, ops.ScatterAttrs{}, flat, ops.Reshaped(c.b, at, n), ops.Reshaped(c.b, x, n))
	y = ops.Reshaped(c.b, y, pooled...)
	if !c.has(2) {
		return y
	}
	want := c.sizes(c.numbers(2))
	if len(want) != len(xs) {
		c.fail("an output shape of %d axes for an input of %d", len(want), len(xs))
	}
	hi := make([]int, len(xs))
	for i := range hi {
		hi[i] = want[i] - pooled[i]
	}
	return ops.Pad.With(c.b, ops.PadAttrs{Lo: make([]int, len(xs)), Hi: hi}, y)
}
