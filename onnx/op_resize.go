package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func init() {
	add1("Resize", resize)
	add1("Upsample", func(c *call) ops.Value {
		x := c.x(0)
		scales := c.scalesAttr()
		if c.version() >= 9 {
			scales = c.floats(1)
		}
		r := resizing{mode: c.oneOf("mode", "nearest", "linear", "bilinear"), coordinates: "asymmetric", nearest: "floor"}
		dims := x.Spec().Shape
		return c.resized(x, r, c.targets(dims, axesFrom(0, len(dims)), scales))
	})
}

// scalesAttr are the scales of the first versions of Upsample.
func (c *call) scalesAttr() []float64 {
	a := c.attr("scales")
	if a == nil {
		if c.version() >= 9 {
			return nil
		}
		return []float64{1, 1, c.float("height_scale", 1), c.float("width_scale", 1)}
	}
	var out []float64
	for _, f := range a.Floats {
		out = append(out, float64(f))
	}
	return out
}

// maxTaps limits how many old elements a new one is made of, along one axis.
const maxTaps = 1 << 10

// resizing says how the elements of a resized axis follow from the old ones.
type resizing struct {
	mode        string // nearest, linear, cubic
	coordinates string
	nearest     string
	cubic       float64
	exclude     bool
	antialias   bool
	outside     float64 // where tf_crop_and_resize reads beyond the input
}

// target is the new size of an axis.
type target struct {
	axis, size int
	scale      float64
	lo, hi     float64 // region of interest
}

// targets are the sizes of axes by scales.
func (c *call) targets(dims, axes []int, scales []float64) []target {
	if len(scales) != len(axes) {
		c.fail("%d scales for %d axes", len(scales), len(axes))
	}
	list := make([]target, len(axes))
	for i, s := range scales {
		size := math.Floor(float64(dims[axes[i]]) * s)
		if !(s > 0) || size > 1<<31 {
			c.fail("a scale of %v", s)
		}
		list[i] = target{axis: axes[i], size: int(size), scale: s, hi: 1}
	}
	return list
}

func resize(c *call) ops.Value {
	x := c.x(0)
	dims := x.Spec().Shape
	r := resizing{mode: c.oneOf("mode", "nearest", "linear", "cubic")}
	if c.version() < 11 {
		r.coordinates, r.nearest = "asymmetric", "floor"
		return c.resized(x, r, c.targets(dims, axesFrom(0, len(dims)), c.floats(1)))
	}
	r.coordinates = c.oneOf("coordinate_transformation_mode", "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric")
	r.nearest = c.oneOf("nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
	r.cubic = c.float("cubic_coeff_a", -0.75)
	r.exclude, r.antialias = c.bool("exclude_outside"), c.bool("antialias")
	r.outside = c.float("extrapolation_value", 0)
	policy := c.oneOf("keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller")
	axes := c.ints("axes")
	if axes == nil {
		axes = axesFrom(0, len(dims))
	}
	axes = c.axesOf(axes, len(dims))
	var list []target
	if c.has(3) && c.spec(3).Elements() > 0 {
		sizes := c.sizes(c.numbers(3))
		if len(sizes) != len(axes) {
			c.fail("%d sizes for %d axes", len(sizes), len(axes))
		}
		list = c.fit(dims, axes, sizes, policy)
	} else {
		list = c.targets(dims, axes, c.floats(2))
	}
	if r.coordinates == "tf_crop_and_resize" {
		roi := c.floats(1)
		if len(roi) != 2*len(axes) {
			c.fail("a region of %d numbers for %d axes", len(roi), len(axes))
		}
		for i := range list {
			list[i].lo, list[i].hi = roi[i], roi[len(axes)+i]
		}
	}
	return c.resized(x, r, list)
}

// fit works the scales out from sizes, which may have to keep the ratio of the axes.
func (c *call) fit(dims, axes, sizes []int, policy string) []target {
	list := make([]target, len(axes))
	common := math.Inf(1)
	if policy == "not_smaller" {
		common = 0
	}
	for i := range list {
		n := dims[axes[i]]
		if n == 0 {
			c.fail("an axis of size 0 is resized to %d", sizes[i])
		}
		s := float64(sizes[i]) / float64(n)
		list[i] = target{axis: axes[i], size: sizes[i], scale: s, hi: 1}
		if policy == "not_smaller" {
			common = max(common, s)
		} else {
			common = min(common, s)
		}
	}
	if policy == "stretch" {
		return list
	}
	for i := range list {
		list[i].scale = common
		list[i].size = int(math.Floor(common*float64(dims[axes[i]]) + 0.5))
	}
	return list
}

// resized resizes one axis after the other: interpolation is separable.
func (c *call) resized(x ops.Value, r resizing, list []target) ops.Value {
	t := x.Spec().DType
	for _, to := range list {
		n := x.Spec().Shape[to.axis]
		if to.size == n && to.scale == 1 && r.coordinates != "tf_crop_and_resize" {
			continue
		}
		if n == 0 {
			c.fail("axis %d has size 0", to.axis)
		}
		x = c.resizedAxis(x, r, to, n)
	}
	if x.Spec().DType != t {
		x = ops.Casted(c.b, x, t)
	}
	return x
}

// resizedAxis adds up the taps: elements of the old axis, times weights.
func (c *call) resizedAxis(x ops.Value, r resizing, to target, n int) ops.Value {
	places := make([]float64, c.made([]int{to.size})[0])
	outside := make([]bool, to.size)
	anyOutside := false
	for i := range places {
		places[i] = r.place(i, n, to)
		if r.coordinates == "tf_crop_and_resize" && (places[i] < 0 || places[i] > float64(n-1)) {
			outside[i], anyOutside = true, true
		}
	}
	rank := len(x.Spec().Shape)
	var y ops.Value
	if r.mode == "nearest" {
		at := make([]int, to.size)
		for i, p := range places {
			at[i] = min(max(r.nearestTo(p), 0), n-1)
		}
		y = ops.Take.With(c.b, ops.TakeAttrs{Axis: to.axis}, x, c.vector(at))
	} else {
		if !x.Spec().DType.IsFloat() {
			x = ops.Casted(c.b, x, dtype.F32)
		}
		if r.antialias && to.scale*maxTaps < 1 {
			c.fail("a scale of %v: an element would be made of more than %d", to.scale, maxTaps)
		}
		index, weight := r.taps(places, n, to.scale)
		for k := range index {
			part := ops.Take.With(c.b, ops.TakeAttrs{Axis: to.axis}, x, c.vector(index[k]))
			part = ops.Mul.Of(c.b, part, c.column(weight[k], to.axis, rank, x.Spec().DType))
			if y == nil {
				y = part
			} else {
				y = ops.Add.Of(c.b, y, part)
			}
		}
	}
	if anyOutside {
		h := ops.NewHost(ops.Spec{DType: dtype.Bool, Shape: []int{to.size}})
		for i, o := range outside {
			if o {
				h.SetInt(i, 1)
			}
		}
		dims := slices.Repeat([]int{1}, rank)
		dims[to.axis] = to.size
		y = ops.Where.Of(c.b, ops.Reshaped(c.b, c.b.Const(h), dims...), c.like(y, r.outside), y)
	}
	return y
}

// column is a vector of numbers along an axis.
func (c *call) column(v []float64, axis, rank int, t dtype.Type) ops.Value {
	dims := slices.Repeat([]int{1}, rank)
	dims[axis] = len(v)
	h := ops.NewHost(ops.Spec{DType: t, Shape: dims})
	for i, f := range v {
		h.Set(i, f)
	}
	return c.b.Const(h)
}

// place is where on the old axis of n elements element i of the new one lies.
func (r resizing) place(i, n int, to target) float64 {
	x, in := float64(i), float64(n)
	out := to.scale * in
	switch r.coordinates {
	case "align_corners":
		if out == 1 {
			return 0
		}
		return x * (in - 1) / (out - 1)
	case "asymmetric":
		return x / to.scale
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / to.scale
	case "tf_crop_and_resize":
		if to.size <= 1 {
			return (to.lo + to.hi) * (in - 1) / 2
		}
		return to.lo*(in-1) + x*(to.hi-to.lo)*(in-1)/(out-1)
	case "pytorch_half_pixel":
		if out == 1 {
			return -0.5
		}
	case "half_pixel_symmetric":
		return in/2*(1-float64(to.size)/out) + (x+0.5)/to.scale - 0.5
	}
	return (x+0.5)/to.scale - 0.5
}

func (r resizing) nearestTo(p float64) int {
	low := math.Floor(p)
	part := p - low
	switch {
	case part == 0 || r.nearest == "floor":
		return int(low)
	case r.nearest == "ceil", part > 0.5, part == 0.5 && r.nearest == "round_prefer_ceil":
		return int(low) + 1
	}
	return int(low)
}

// taps are the elements that each new one is made of, and their weights; those beyond the
// ends are the last elements.
func (r resizing) taps(places []float64, n int, scale float64) (index [][]int, weight [][]float64) {
	stretch := 1.0
	if r.antialias {
		stretch = min(scale, 1) // the kernel widens where several old elements make a new one
	}
	reach := 1.0
	if r.mode == "cubic" {
		reach = 2
	}
	first := int(math.Floor(-reach/stretch)) + 1
	count := 2 - 2*first
	index, weight = make([][]int, count), make([][]float64, count)
	for k := range count {
		index[k], weight[k] = make([]int, len(places)), make([]float64, len(places))
	}
	for i, p := range places {
		left := math.Ceil(p) - 1
		ratio, sum := p-left, 0.0
		for k := range count {
			at := int(left) + first + k
			w := r.kernel(stretch * (float64(first+k) - ratio))
			if r.exclude && (at < 0 || at >= n) {
				w = 0
			}
			index[k][i], weight[k][i] = min(max(at, 0), n-1), w
			sum += w
		}
		for k := range count {
			if (r.exclude || r.antialias) && sum != 0 {
				weight[k][i] /= sum
			}
		}
	}
	return index, weight
}

// kernel is the weight of an element at a distance: a triangle, or the cubic of Keys
// (1981).
func (r resizing) kernel(d float64) float64 {
	d = math.Abs(d)
	if r.mode != "cubic" {
		return max(1-d, 0)
	}
	a := r.cubic
	switch {
	case d <= 1:
		return ((a+2)*d-(a+3))*d*d + 1
	case d < 2:
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	return 0
}
