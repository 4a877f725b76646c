package onnx

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add1("Conv", func(c *call) ops.Value {
		g := c.geometry(c.spec(0).Shape, c.spec(1).Shape[min(2, len(c.spec(1).Shape)):])
		return c.conv(c.x(0), c.x(1), c.opt(2), g, c.int("group", 1))
	})
	add1("ConvTranspose", convTranspose)
	add1("ConvInteger", func(c *call) ops.Value {
		g := c.geometry(c.spec(0).Shape, c.spec(1).Shape[min(2, len(c.spec(1).Shape)):])
		x, w := c.shifted(c.x(0), c.opt(2), 0), c.shifted(c.x(1), c.opt(3), 0)
		return c.conv(x, w, nil, g, c.int("group", 1))
	})
	add("CausalConvWithState", causalConv)
}

// geometry is how a window moves over the axes of a plane, one number per axis.
type geometry struct {
	in       []int // sizes of the plane
	size     []int // of the window
	stride   []int
	dilation []int
	lo, hi   []int // padding
	out      []int // positions
	// extra is what the last window reaches beyond the padding, where sizes are rounded up.
	extra []int
}

// geometry reads the attributes that convolutions and pools share.
func (c *call) geometry(x, window []int) geometry {
	if len(x) < 3 {
		c.fail("its input has shape %s, want [N, C, ...]", shape.String(x))
	}
	rank := len(x) - 2
	g := geometry{in: x[2:], size: c.ints("kernel_shape")}
	if g.size == nil {
		g.size = window
	}
	if len(g.size) != rank || window != nil && !slices.Equal(g.size, window) {
		c.fail("the window %v does not fit the input %s or the weight", g.size, shape.String(x))
	}
	g.stride, g.dilation = c.intsOr("strides", rank, 1), c.intsOr("dilations", rank, 1)
	pads := c.intsOr("pads", 2*rank, 0)
	g.lo, g.hi = slices.Clone(pads[:rank]), slices.Clone(pads[rank:])
	auto := c.oneOf("auto_pad", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "")
	g.out, g.extra = make([]int, rank), make([]int, rank)
	for i := range rank {
		if g.stride[i] < 1 || g.dilation[i] < 1 || g.size[i] < 1 || max(g.stride[i], g.dilation[i], g.size[i]) > 1<<31 {
			c.fail("the window %v with strides %v and dilations %v has a number below 1 or beyond all sizes", g.size, g.stride, g.dilation)
		}
		if min(g.lo[i], g.hi[i]) < -1<<31 || max(g.lo[i], g.hi[i]) > 1<<31 {
			c.fail("the padding %v is beyond all sizes", pads)
		}
		span := g.dilation[i]*(g.size[i]-1) + 1
		switch auto {
		case "VALID":
			g.lo[i], g.hi[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			count := (g.in[i] + g.stride[i] - 1) / g.stride[i]
			total := max((count-1)*g.stride[i]+span-g.in[i], 0)
			g.lo[i] = total / 2
			if auto == "SAME_LOWER" {
				g.lo[i] = total - total/2
			}
			g.hi[i] = total - g.lo[i]
		}
		room := g.in[i] + g.lo[i] + g.hi[i] - span
		if room < 0 {
			c.fail("the window spans %d elements of axis %d, the padded input has %d", span, i+2, g.in[i]+g.lo[i]+g.hi[i])
		}
		g.out[i] = room/g.stride[i] + 1
	}
	return g
}

// roundUp makes room for a last window that is not whole, if it starts inside the input.
func (g *geometry) roundUp() {
	for i := range g.out {
		span := g.dilation[i]*(g.size[i]-1) + 1
		room := g.in[i] + g.lo[i] + g.hi[i] - span
		n := (room+g.stride[i]-1)/g.stride[i] + 1
		if (n-1)*g.stride[i] >= g.in[i]+g.lo[i] {
			n--
		}
		if n > g.out[i] {
			g.extra[i] = (n-1)*g.stride[i] + span - (g.in[i] + g.lo[i] + g.hi[i])
			g.out[i] = n
		}
	}
}

// padded puts a value around the plane.
func (c *call) padded(x ops.Value, g geometry, value float64) ops.Value {
	hi := make([]int, len(g.hi))
	for i := range hi {
		hi[i] = g.hi[i] + g.extra[i]
	}
	if !slices.ContainsFunc(slices.Concat(g.lo, hi), func(n int) bool { return n != 0 }) {
		return x
	}
	lead := []int{0, 0}
	return ops.Pad.With(c.b, ops.PadAttrs{Lo: slices.Concat(lead, g.lo), Hi: slices.Concat(lead, hi), Value: value}, x)
}

// windows are the windows of a padded plane: [N, C, positions..., window...].
func (c *call) windows(x ops.Value, g geometry) ops.Value {
	return ops.Window.With(c.b, ops.WindowAttrs{Axes: axesFrom(2, len(g.size)), Size: g.size, Stride: g.stride, Dilation: g.dilation}, x)
}

// windowAxes are the last axes of windows, those inside of each.
func (g geometry) windowAxes() []int { return axesFrom(2+len(g.size), len(g.size)) }

// attrs2d are the attributes of a 2-D row; a row of elements is a plane of height 1.
func (g geometry) attrs2d(groups int) ops.ConvAttrs {
	a := ops.ConvAttrs{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: groups}
	first := 2 - len(g.size)
	for i := range g.size {
		a.Stride[first+i], a.Dilation[first+i] = g.stride[i], g.dilation[i]
		a.Pad[2*(first+i)], a.Pad[2*(first+i)+1] = g.lo[i], g.hi[i]
	}
	return a
}

// plane2d shows rows of elements as planes of height 1.
func (c *call) plane2d(x ops.Value) ops.Value {
	if d := x.Spec().Shape; len(d) == 3 {
		return ops.Reshaped(c.b, x, d[0], d[1], 1, d[2])
	}
	return x
}

func negative(lists ...[]int) bool {
	return slices.ContainsFunc(slices.Concat(lists...), func(n int) bool { return n < 0 })
}

// conv is a convolution of any rank. Those of planes and rows of floats are one op; others
// are a matrix product with the windows.
func (c *call) conv(x, w, bias ops.Value, g geometry, groups int) ops.Value {
	xs, ws := x.Spec().Shape, w.Spec().Shape
	if groups < 1 || len(ws) != len(xs) || xs[1] != ws[1]*groups || ws[0]%groups != 0 {
		c.fail("%d groups of an input %s and a weight %s", groups, shape.String(xs), shape.String(ws))
	}
	out := slices.Concat([]int{xs[0], ws[0]}, g.out)
	if len(g.size) <= 2 && x.Spec().DType.IsFloat() && !negative(g.lo, g.hi) && xs[0] > 0 {
		in := []ops.Value{c.plane2d(x), c.plane2d(w)}
		if bias != nil {
			in = append(in, bias)
		}
		return ops.Reshaped(c.b, ops.Conv2d.With(c.b, g.attrs2d(groups), in...), out...)
	}
	win := c.windows(c.padded(x, g, 0), g)
	// [N, G, C, P..., K...] to [N, G, C·K, P].
	rank, positions, taps := len(g.size), product(g.out), product(g.size)
	perm := slices.Concat([]int{0, 1}, g.windowAxes(), axesFrom(2, rank))
	cols := ops.Reshaped(c.b, ops.Permuted(c.b, win, perm...), xs[0], groups, ws[1]*taps, positions)
	y := ops.MatMul.Of(c.b, ops.Reshaped(c.b, w, groups, ws[0]/groups, ws[1]*taps), cols)
	y = ops.Reshaped(c.b, y, out...)
	if bias != nil {
		y = ops.Add.Of(c.b, y, c.perChannel(bias, len(xs)))
	}
	return y
}

// convTranspose is the gradient of a convolution. Planes and rows are one op; others are
// a convolution, with the weight turned round, of the input with zeros between its
// elements.
func convTranspose(c *call) ops.Value {
	x, w := c.x(0), c.x(1)
	xs, ws := x.Spec().Shape, w.Spec().Shape
	groups := c.int("group", 1)
	rank := len(xs) - 2
	if rank < 1 || len(ws) != len(xs) || groups < 1 || xs[1] != ws[0] || xs[1]%groups != 0 {
		c.fail("%d groups of an input %s and a weight %s", groups, shape.String(xs), shape.String(ws))
	}
	size := c.ints("kernel_shape")
	if size == nil {
		size = ws[2:]
	}
	if !slices.Equal(size, ws[2:]) {
		c.refuse("kernel_shape", "is %v, the weight is %s", size, shape.String(ws))
	}
	stride, dilation := c.intsOr("strides", rank, 1), c.intsOr("dilations", rank, 1)
	more := c.intsOr("output_padding", rank, 0)
	pads := slices.Clone(c.intsOr("pads", 2*rank, 0))
	want := c.ints("output_shape")
	if len(want) == len(xs) {
		want = want[2:]
	}
	if want != nil && len(want) != rank {
		c.refuse("output_shape", "has %d values, want %d", len(want), rank)
	}
	auto := c.oneOf("auto_pad", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "")
	out := make([]int, rank)
	for i := range rank {
		if stride[i] < 1 || dilation[i] < 1 || max(stride[i], dilation[i], more[i]) > 1<<31 || more[i] < 0 {
			c.fail("strides %v, dilations %v and output_padding %v", stride, dilation, more)
		}
		full := stride[i]*(xs[2+i]-1) + more[i] + dilation[i]*(size[i]-1) + 1
		same := auto == "SAME_UPPER" || auto == "SAME_LOWER"
		switch {
		case want != nil || same:
			target := xs[2+i] * stride[i]
			if want != nil {
				target = want[i]
			}
			total := full - target
			half := total / 2
			if total < 0 {
				// More is asked for than the windows cover.
				half = 0
			}
			if auto == "SAME_UPPER" {
				pads[i], pads[rank+i] = half, total-half
			} else {
				pads[i], pads[rank+i] = total-half, half
			}
			if total < 0 {
				pads[i], pads[rank+i] = 0, total
			}
		case auto == "VALID":
			pads[i], pads[rank+i] = 0, 0
		}
		out[i] = full - pads[i] - pads[rank+i]
		if out[i] < 1 {
			c.fail("axis %d of the result has size %d", i+2, out[i])
		}
	}
	dims := slices.Concat([]int{xs[0], ws[1] * groups}, out)
	g := geometry{in: out, size: size, stride: stride, dilation: dilation, lo: pads[:rank], hi: pads[rank:], out: xs[2:]}
	var y ops.Value
	if rank <= 2 && x.Spec().DType.IsFloat() && !negative(pads) && slices.Max(more) == 0 && want == nil {
		in := dims
		if rank == 1 {
			in = []int{dims[0], dims[1], 1, dims[2]}
		}
		y = ops.Conv2dGradInput.With(c.b, ops.ConvGradAttrs{ConvAttrs: g.attrs2d(groups), InShape: in}, c.plane2d(x), c.plane2d(w))
		y = ops.Reshaped(c.b, y, dims...)
	} else {
		y = c.spread(x, w, g, groups)
	}
	if c.has(2) {
		y = ops.Add.Of(c.b, y, c.perChannel(c.x(2), len(xs)))
	}
	return y
}

// spread is a transposed convolution to planes of size g.in.
func (c *call) spread(x, w ops.Value, g geometry, groups int) ops.Value {
	rank, ws := len(g.size), w.Spec().Shape
	lo, hi, between := make([]int, rank+2), make([]int, rank+2), make([]int, rank+2)
	for i := range rank {
		span := g.dilation[i] * (g.size[i] - 1)
		lo[2+i], between[2+i] = span-g.lo[i], g.stride[i]-1
		wide := (g.out[i]-1)*g.stride[i] + 1
		hi[2+i] = g.in[i] + span - wide - lo[2+i]
	}
	x = ops.Pad.With(c.b, ops.PadAttrs{Lo: lo, Hi: hi, Interior: between}, x)
	// The weight is [C, O/G, K...]: each group's channels change places, and the window
	// turns round.
	for i := range rank {
		w = c.reversed(w, 2+i)
	}
	deep := ws[0] / groups
	apart := slices.Concat([]int{groups, deep, ws[1]}, ws[2:])
	perm := append([]int{0, 2, 1}, axesFrom(3, rank)...)
	w = ops.Reshaped(c.b, ops.Permuted(c.b, ops.Reshaped(c.b, w, apart...), perm...), slices.Concat([]int{groups * ws[1], deep}, ws[2:])...)
	ones, zeros := slices.Repeat([]int{1}, rank), make([]int, rank)
	plain := geometry{in: x.Spec().Shape[2:], size: g.size, stride: ones, dilation: g.dilation, lo: zeros, hi: zeros, out: g.in, extra: zeros}
	return c.conv(x, w, nil, plain, groups)
}

// causalConv convolves each channel with its own window over what came before, of which
// the last elements are kept for the next call.
func causalConv(c *call) []ops.Value {
	x, w := c.x(0), c.x(1)
	xs, ws := x.Spec().Shape, w.Spec().Shape
	if len(xs) != 3 || len(ws) != 3 || ws[1] != 1 || ws[0] != xs[1] || ws[2] < 1 {
		c.fail("an input %s and a weight %s, want [N, C, L] and [C, 1, K]", shape.String(xs), shape.String(ws))
	}
	keep := ws[2] - 1
	past := c.opt(3)
	if past == nil {
		past = ops.Zeros(c.b, ops.Spec{DType: x.Spec().DType, Shape: []int{xs[0], xs[1], keep}})
	}
	whole := ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 2}, past, x)
	g := geometry{in: whole.Spec().Shape[2:], size: ws[2:], stride: []int{1}, dilation: []int{1}, lo: []int{0}, hi: []int{0}, out: xs[2:], extra: []int{0}}
	y := c.conv(whole, w, c.opt(2), g, xs[1])
	switch c.oneOf("activation", "none", "silu", "swish") {
	case "silu", "swish":
		y = ops.Silu.Of(c.b, y)
	}
	n := whole.Spec().Shape[2]
	return []ops.Value{y, ops.Copy.Of(c.b, c.narrow(whole, 2, n-keep, keep))}
}

// wide casts 8- and 16-bit whole numbers to 32 bits.
func (c *call) wide(x ops.Value) ops.Value { return ops.Casted(c.b, x, dtype.I32) }
