package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add1("GridSample", gridSample)
	add1("AffineGrid", affineGrid)
	add1("DeformConv", deformConv)
	add1("RoiAlign", roiAlign)
	add1("Col2Im", colToImage)
}

// sampling reads an array between its elements.
type sampling struct {
	mode    string // nearest, linear, cubic
	padding string // zeros, border, reflection
	corners bool   // the outermost elements are the border, not their outer edges
}

func gridSample(c *call) ops.Value {
	x, grid := c.x(0), c.x(1)
	xs, gs := x.Spec().Shape, grid.Spec().Shape
	s := sampling{mode: c.oneOf("mode", "linear", "bilinear", "nearest", "cubic", "bicubic"),
		padding: c.oneOf("padding_mode", "zeros", "border", "reflection"), corners: c.bool("align_corners")}
	if len(xs) < 3 || len(gs) != len(xs) || gs[0] != xs[0] || gs[len(gs)-1] != len(xs)-2 {
		c.fail("a grid %s for an input %s", shape.String(gs), shape.String(xs))
	}
	rank, points := len(xs)-2, product(gs[1:len(gs)-1])
	coords := make([]ops.Value, rank)
	for i := range rank {
		v := ops.Reshaped(c.b, c.narrow(grid, len(gs)-1, rank-1-i, 1), xs[0], points)
		n := float64(xs[2+i])
		if s.corners {
			v = ops.Scaled(c.b, v, (n-1)/2, (n-1)/2)
		} else {
			v = ops.Scaled(c.b, v, n/2, (n-1)/2)
		}
		coords[i] = v
	}
	y := c.sample(x, coords, s)
	return ops.Reshaped(c.b, y, slices.Concat(xs[:2], gs[1:len(gs)-1])...)
}

// sample reads x [N, C, ...] at coordinates [N, P], one array for each axis. The result is
// [N, C, P].
func (c *call) sample(x ops.Value, coords []ops.Value, s sampling) ops.Value {
	xs := x.Spec().Shape
	rank, size := len(coords), product(xs[2:])
	points := coords[0].Spec().Shape[1]
	channelsLast := slices.Concat([]int{0}, axesFrom(2, rank), []int{1})
	flat := ops.Reshaped(c.b, ops.Permuted(c.b, x, channelsLast...), xs[0]*size, xs[1])
	// For each axis the taps: an element and a weight, [N, P].
	type tap struct{ at, weight ops.Value }
	taps := make([][]tap, rank)
	for i, v := range coords {
		n := xs[2+i]
		if s.mode == "nearest" {
			v = ops.Round.Of(c.b, v)
		}
		v = c.bounded(v, n, s)
		low := ops.Floor.Of(c.b, v)
		part := ops.Sub.Of(c.b, v, low)
		put := func(offset int, w ops.Value) {
			at := ops.Add.Of(c.b, low, c.like(low, float64(offset)))
			if s.padding == "zeros" {
				inside := ops.And.Of(c.b, ops.Ge.Of(c.b, at, c.like(at, 0)), ops.Lt.Of(c.b, at, c.like(at, float64(n))))
				in := ops.Casted(c.b, inside, low.Spec().DType)
				if w == nil {
					w = in
				} else {
					w = ops.Mul.Of(c.b, w, in)
				}
			} else {
				at = c.bounded(at, n, s)
			}
			at = ops.Clamp.With(c.b, ops.ClampAttrs{Lo: 0, Hi: float64(max(n-1, 0))}, ops.Trunc.Of(c.b, at))
			taps[i] = append(taps[i], tap{ops.Casted(c.b, at, dtype.I64), w})
		}
		switch s.mode {
		case "nearest":
			put(0, nil)
		case "linear", "bilinear":
			put(0, ops.Scaled(c.b, part, -1, 1))
			put(1, part)
		default:
			for k, w := range c.cubicWeights(part) {
				put(k-1, w)
			}
		}
	}
	base := ops.Reshaped(c.b, ops.Iota.With(c.b, ops.IotaAttrs{DType: dtype.I64, Shape: []int{xs[0]}}), xs[0], 1)
	var sum ops.Value
	var walk func(axis int, at, weight ops.Value)
	walk = func(axis int, at, weight ops.Value) {
		if axis == rank {
			v := ops.Take.With(c.b, ops.TakeAttrs{}, flat, at) // [N, P, C]
			if weight != nil {
				v = ops.Mul.Of(c.b, v, ops.Reshaped(c.b, weight, xs[0], points, 1))
			}
			if sum == nil {
				sum = v
			} else {
				sum = ops.Add.Of(c.b, sum, v)
			}
			return
		}
		for _, t := range taps[axis] {
			next := ops.Add.Of(c.b, ops.Mul.Of(c.b, at, c.like(at, float64(xs[2+axis]))), t.at)
			w := t.weight
			if w != nil && weight != nil {
				w = ops.Mul.Of(c.b, weight, w)
			} else if w == nil {
				w = weight
			}
			walk(axis+1, next, w)
		}
	}
	walk(0, base, nil)
	return ops.Permuted(c.b, sum, 0, 2, 1)
}

// bounded brings coordinates that are outside back in, as the padding says.
func (c *call) bounded(v ops.Value, n int, s sampling) ops.Value {
	lo, hi := -0.5, float64(n)-0.5
	if s.corners {
		lo, hi = 0, float64(n-1)
	}
	switch {
	case s.padding == "border":
		return ops.Clamp.With(c.b, ops.ClampAttrs{Lo: 0, Hi: float64(max(n-1, 0))}, v)
	case s.padding == "reflection" && hi > lo:
		span := hi - lo
		d := ops.Mod.Of(c.b, ops.Abs.Of(c.b, ops.Scaled(c.b, v, 1, -lo)), c.like(v, 2*span))
		return ops.Scaled(c.b, ops.Min.Of(c.b, d, ops.Scaled(c.b, d, -1, 2*span)), 1, lo)
	case s.padding == "reflection":
		return ops.Zeros(c.b, v.Spec())
	}
	return v
}

// cubicWeights are those of Keys (1981) of the four elements around a place a part of the
// way between two.
func (c *call) cubicWeights(part ops.Value) []ops.Value {
	const a = -0.75
	near := func(d ops.Value) ops.Value { // 0 <= d <= 1
		p := ops.Scaled(c.b, d, a+2, -(a + 3))
		return ops.Scaled(c.b, ops.Mul.Of(c.b, p, ops.Mul.Of(c.b, d, d)), 1, 1)
	}
	far := func(d ops.Value) ops.Value { // 1 <= d <= 2
		p := ops.Scaled(c.b, d, a, -5*a)
		p = ops.Scaled(c.b, ops.Mul.Of(c.b, p, d), 1, 8*a)
		return ops.Scaled(c.b, ops.Mul.Of(c.b, p, d), 1, -4*a)
	}
	rest := ops.Scaled(c.b, part, -1, 1)
	return []ops.Value{far(ops.Scaled(c.b, part, 1, 1)), near(part), near(rest), far(ops.Scaled(c.b, rest, 1, 1))}
}

// affineGrid maps the places of an output to those of an input.
func affineGrid(c *call) ops.Value {
	theta, size := c.x(0), c.sizes(c.numbers(1))
	corners := c.bool("align_corners")
	rank := len(size) - 2
	ts := theta.Spec().Shape
	if rank < 2 || rank > 3 || !slices.Equal(ts, []int{size[0], rank, rank + 1}) {
		c.fail("a matrix %s for an output %s", shape.String(ts), shape.String(size))
	}
	points := product(size[2:])
	c.made([]int{points, rank + 1})
	h := ops.NewHost(ops.Spec{DType: theta.Spec().DType, Shape: []int{rank + 1, points}})
	for p := range points {
		left := p
		for i := rank - 1; i >= 0; i-- {
			n := size[2+i]
			at := float64(left % n)
			left /= n
			v := (2*at+1)/float64(n) - 1
			if corners {
				v = 2*at/float64(max(n-1, 1)) - 1
			}
			h.Set((rank-1-i)*points+p, v) // the last axis comes first
		}
		h.Set(rank*points+p, 1)
	}
	y := ops.MatMul.Of(c.b, theta, c.b.Const(h))
	return ops.Reshaped(c.b, ops.Permuted(c.b, y, 0, 2, 1), slices.Concat(size[:1], size[2:], []int{rank})...)
}

// deformConv is a convolution that reads its input at places moved by offsets (Dai et
// al. 2017), each weighted by a mask.
func deformConv(c *call) ops.Value {
	x, w, offset := c.x(0), c.x(1), c.x(2)
	xs, ws, os := x.Spec().Shape, w.Spec().Shape, offset.Spec().Shape
	if len(xs) != 4 || len(ws) != 4 || len(os) != 4 {
		c.fail("an input %s, a weight %s and offsets %s, want planes", shape.String(xs), shape.String(ws), shape.String(os))
	}
	g := c.geometry(xs, ws[2:])
	groups, og := c.int("group", 1), c.int("offset_group", 1)
	taps, points := product(g.size), product(g.out)
	if groups < 1 || og < 1 || xs[1]%og != 0 || xs[1] != ws[1]*groups || ws[0]%groups != 0 || !slices.Equal(os, []int{xs[0], 2 * og * taps, g.out[0], g.out[1]}) {
		c.fail("%d groups and %d of offsets of %s, %s and %s", groups, og, shape.String(xs), shape.String(ws), shape.String(os))
	}
	n := xs[0] * og
	t := x.Spec().DType
	offset = ops.Reshaped(c.b, offset, n, taps, 2, points)
	coords := make([]ops.Value, 2)
	for a := range 2 {
		h := ops.NewHost(ops.Spec{DType: t, Shape: []int{taps, points}})
		for k := range taps {
			for p := range points {
				tap, at := k/g.size[1], p/g.out[1]
				if a == 1 {
					tap, at = k%g.size[1], p%g.out[1]
				}
				h.Set(k*points+p, float64(at*g.stride[a]-g.lo[a]+tap*g.dilation[a]))
			}
		}
		move := ops.Reshaped(c.b, c.narrow(offset, 2, a, 1), n, taps, points)
		coords[a] = ops.Reshaped(c.b, ops.Add.Of(c.b, move, c.b.Const(h)), n, taps*points)
	}
	v := c.sample(ops.Reshaped(c.b, x, n, xs[1]/og, xs[2], xs[3]), coords, sampling{mode: "linear", padding: "zeros", corners: true})
	if c.has(4) {
		v = ops.Mul.Of(c.b, v, ops.Reshaped(c.b, c.x(4), n, 1, taps*points))
	}
	cols := ops.Reshaped(c.b, v, xs[0], groups, ws[1]*taps, points)
	y := ops.MatMul.Of(c.b, ops.Reshaped(c.b, w, groups, ws[0]/groups, ws[1]*taps), cols)
	y = ops.Reshaped(c.b, y, xs[0], ws[0], g.out[0], g.out[1])
	if c.has(3) {
		y = ops.Add.Of(c.b, y, c.perChannel(c.x(3), 4))
	}
	return y
}

// roiAlign pools regions of planes at points between their elements (He et al. 2017). How
// many points a region has may depend on its size, so the regions are read on the host.
func roiAlign(c *call) ops.Value {
	x := c.x(0)
	xs := x.Spec().Shape
	rois, batch := c.floats(1), c.numbers(2)
	mode := c.oneOf("mode", "avg", "max")
	oh, ow := c.int("output_height", 1), c.int("output_width", 1)
	ratio, scale := c.int("sampling_ratio", 0), c.float("spatial_scale", 1)
	offset := 0.0
	if c.version() >= 16 && c.oneOf("coordinate_transformation_mode", "half_pixel", "output_half_pixel") == "half_pixel" {
		offset = 0.5
	}
	if len(xs) != 4 || len(rois) != 4*len(batch) || oh < 1 || ow < 1 || ratio < 0 {
		c.fail("%d numbers of regions and %d batch indices for an input %s", len(rois), len(batch), shape.String(xs))
	}
	type grid struct{ y, x, h, w, ny, nx float64 }
	grids, most := make([]grid, len(batch)), 1
	for i, b := range batch {
		if b < 0 || b >= xs[0] {
			c.fail("region %d is of image %d of %d", i, b, xs[0])
		}
		r := rois[4*i:]
		g := grid{y: r[1]*scale - offset, x: r[0]*scale - offset}
		g.h, g.w = r[3]*scale-offset-g.y, r[2]*scale-offset-g.x
		if offset == 0 {
			g.h, g.w = max(g.h, 1), max(g.w, 1)
		}
		g.ny, g.nx = math.Ceil(g.h/float64(oh)), math.Ceil(g.w/float64(ow))
		if ratio > 0 {
			g.ny, g.nx = float64(ratio), float64(ratio)
		}
		if !(g.ny*g.nx < 1<<20) {
			c.fail("region %d has %v points", i, g.ny*g.nx)
		}
		g.ny, g.nx = max(g.ny, 0), max(g.nx, 0)
		grids[i], most = g, max(most, int(g.ny*g.nx))
	}
	bins := oh * ow
	c.made([]int{len(batch), bins, most, 4})
	at := ops.NewHost(ops.Spec{DType: dtype.I64, Shape: []int{len(batch), bins, most, 4}})
	weight := ops.NewHost(ops.Spec{DType: x.Spec().DType, Shape: []int{len(batch), bins, most, 4, 1}})
	for i, g := range grids {
		count := int(g.ny * g.nx)
		for bin := range bins {
			for k := range most {
				p := k
				if p >= count {
					if mode == "avg" || count == 0 {
						continue
					}
					p = 0 // a point more does not change a maximum
				}
				y := g.y + (float64(bin/ow)+(float64(p/int(g.nx))+0.5)/g.ny)*g.h/float64(oh)
				x := g.x + (float64(bin%ow)+(float64(p%int(g.nx))+0.5)/g.nx)*g.w/float64(ow)
				place := ((i*bins+bin)*most + k) * 4
				for q, tap := range corners(y, x, xs[2], xs[3]) {
					at.SetInt(place+q, int64(batch[i]*xs[2]*xs[3]+tap.at))
					w := tap.weight
					if mode == "avg" {
						w /= float64(max(count, 1))
					}
					weight.Set(place+q, w)
				}
			}
		}
	}
	flat := ops.Reshaped(c.b, ops.Permuted(c.b, x, 0, 2, 3, 1), xs[0]*xs[2]*xs[3], xs[1])
	v := ops.Mul.Of(c.b, ops.Take.With(c.b, ops.TakeAttrs{}, flat, c.b.Const(at)), c.b.Const(weight))
	row := ops.Sum
	if mode == "max" {
		row = ops.Amax
	}
	y := row.With(c.b, ops.ReduceAttrs{Axes: []int{2, 3}}, v) // [R, bins, C]
	return ops.Reshaped(c.b, ops.Permuted(c.b, y, 0, 2, 1), len(batch), xs[1], oh, ow)
}

// corner is an element of a plane and its share of a value between four.
type corner struct {
	at     int
	weight float64
}

func corners(y, x float64, h, w int) [4]corner {
	if y < -1 || y > float64(h) || x < -1 || x > float64(w) || math.IsNaN(x+y) {
		return [4]corner{}
	}
	split := func(v float64, n int) (low, high int, part float64) {
		v = min(max(v, 0), float64(n-1))
		low = int(v)
		return low, min(low+1, n-1), v - float64(low)
	}
	y0, y1, py := split(y, h)
	x0, x1, px := split(x, w)
	return [4]corner{{y0*w + x0, (1 - py) * (1 - px)}, {y0*w + x1, (1 - py) * px}, {y1*w + x0, py * (1 - px)}, {y1*w + x1, py * px}}
}

// colToImage adds windows up to the image that they are of.
func colToImage(c *call) ops.Value {
	x, image, size := c.x(0), c.sizes(c.numbers(1)), c.numbers(2)
	rank := len(image)
	xs := x.Spec().Shape
	if len(size) != rank || rank < 1 || len(xs) != 3 {
		c.fail("windows %v of an image %v in an input %s", size, image, shape.String(xs))
	}
	stride, dilation, pads := c.intsOr("strides", rank, 1), c.intsOr("dilations", rank, 1), c.intsOr("pads", 2*rank, 0)
	g := geometry{in: image, size: size, stride: stride, dilation: dilation, lo: pads[:rank], hi: pads[rank:], out: make([]int, rank)}
	padded := make([]int, rank)
	for i := range rank {
		if stride[i] < 1 || dilation[i] < 1 || size[i] < 1 {
			c.fail("windows %v with strides %v and dilations %v", size, stride, dilation)
		}
		padded[i] = image[i] + g.lo[i] + g.hi[i]
		room := padded[i] - dilation[i]*(size[i]-1) - 1
		if room < 0 {
			c.fail("windows %v are larger than the image %v", size, image)
		}
		g.out[i] = room/stride[i] + 1
	}
	taps, points := product(size), product(g.out)
	if xs[1]%taps != 0 || xs[2] != points {
		c.fail("an input %s, want [N, C*%d, %d]", shape.String(xs), taps, points)
	}
	// Every element goes to a place of the padded image.
	c.made(append(slices.Clone(padded), taps))
	at := ops.NewHost(ops.Spec{DType: dtype.I64, Shape: []int{taps * points}})
	for k := range taps {
		for p := range points {
			place, tap, pos, unit := 0, k, p, 1
			for i := rank - 1; i >= 0; i-- {
				place += unit * (tap%size[i]*dilation[i] + pos%g.out[i]*stride[i])
				unit *= padded[i]
				tap, pos = tap/size[i], pos/g.out[i]
			}
			at.SetInt(k*points+p, int64(place))
		}
	}
	planes := xs[0] * xs[1] / taps
	zero := ops.Zeros(c.b, ops.Spec{DType: x.Spec().DType, Shape: []int{planes, product(padded)}})
	y := ops.IndexAdd.With(c.b, ops.IndexAddAttrs{Axis: 1}, zero, c.b.Const(at), ops.Reshaped(c.b, x, planes, taps*points))
	lo, hi := []int{0}, []int{0}
	for i := range rank {
		lo, hi = append(lo, -g.lo[i]), append(hi, -g.hi[i])
	}
	y = ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi}, ops.Reshaped(c.b, y, slices.Concat([]int{planes}, padded)...))
	return ops.Reshaped(c.b, y, slices.Concat([]int{xs[0], xs[1] / taps}, image)...)
}
