package tpu

import (
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// Convolutions are products whose left operand is never written down: the address
// generator of the arrays walks the windows of images, which lie in the buffer with the
// channels of a pixel side by side.

func init() {
	declare("conv2d", floats, hal.Dense, func(p *program) { p.convForward(p.attrs.(ops.ConvAttrs), "") })
	declare("conv2d_act", floats, hal.Dense, func(p *program) {
		a := p.attrs.(ops.ConvActAttrs)
		p.convForward(a.ConvAttrs, a.Act)
	})
	declare("conv2d_grad_input", floats, hal.Dense, (*program).convGradInput)
	declare("conv2d_grad_weight", floats, hal.Dense, (*program).convGradWeight)
}

// convolution is y = fn(x * w + bias) for one group: images with channels in, maps out.
type convolution struct {
	n             int // images
	channels      int // of the image
	height, width int
	x             area // [n, height·width, channels]
	kh, kw        int
	maps          int
	w             area // [maps, kh·kw, channels], or with more axes for the taps
	high, wide    int  // of the result
	y             area // [n, maps, high·wide]
	window        isa.Window
	bias          int64
	fn            num.Function
	t             isa.Type
}

func (p *program) convForward(a ops.ConvAttrs, act string) {
	x, w, y := &p.in[0], &p.in[1], &p.out[0]
	fn, ok := activations[act]
	if !ok {
		p.refuse("activation %s", act)
		return
	}
	bias := int64(-1)
	if len(p.in) > 2 {
		bias = p.biasOf(&p.in[2])
	}
	kh, kw := w.Shape[2], w.Shape[3]
	taps := kh * kw
	c := convolution{
		n: x.Shape[0], channels: w.Shape[1], height: x.Shape[2], width: x.Shape[3], kh: kh, kw: kw, maps: w.Shape[0] / a.Groups, high: y.Shape[2], wide: y.Shape[3], fn: fn, t: spaceType(x.DType),
		window: isa.Window{StrideY: a.Stride[0], StrideX: a.Stride[1], DilateY: a.Dilation[0], DilateX: a.Dilation[1], SpreadY: 1, SpreadX: 1, PadTop: a.Pad[0], PadLeft: a.Pad[2]},
	}
	plane, out := c.height*c.width, c.high*c.wide
	c.w = w.along([]int{c.maps, taps, c.channels}, []int{c.channels * taps, 1, taps})
	c.x = x.along([]int{c.n, plane, c.channels}, []int{x.Shape[1] * plane, 1, plane})
	c.y = y.along([]int{c.n, c.maps, out}, []int{y.Shape[1] * out, out, 1})
	p.groups(a.Groups, func(g int) {
		one := c
		one.w.addr += int64(g * c.maps * taps * c.channels * w.size)
		one.x.addr += int64(g * c.channels * plane * x.size)
		one.y.addr += int64(g * c.maps * out * y.size)
		if one.bias = bias; bias >= 0 {
			one.bias += int64(4 * g * c.maps)
		}
		p.convolve(&one, g)
	})
}

// convGradInput is the convolution of d, spread out by the stride, with the mirrored
// filters, whose channels are the maps.
func (p *program) convGradInput() {
	a := p.attrs.(ops.ConvGradAttrs)
	d, w, y := &p.in[0], &p.in[1], &p.out[0]
	kh, kw := w.Shape[2], w.Shape[3]
	taps := kh * kw
	c := convolution{
		n: d.Shape[0], channels: w.Shape[0] / a.Groups, height: d.Shape[2], width: d.Shape[3], kh: kh, kw: kw, maps: w.Shape[1], high: y.Shape[2], wide: y.Shape[3], bias: -1, t: spaceType(d.DType),
		window: isa.Window{
			StrideY: 1, StrideX: 1, DilateY: a.Dilation[0], DilateX: a.Dilation[1], SpreadY: a.Stride[0], SpreadX: a.Stride[1],
			PadTop: a.Dilation[0]*(kh-1) - a.Pad[0], PadLeft: a.Dilation[1]*(kw-1) - a.Pad[2],
		},
	}
	plane, out := c.height*c.width, c.high*c.wide
	c.w = w.along([]int{c.maps, taps, c.channels}, []int{taps, -1, c.maps * taps})
	c.w.addr += int64((taps - 1) * w.size)
	c.x = d.along([]int{c.n, plane, c.channels}, []int{d.Shape[1] * plane, 1, plane})
	c.y = y.along([]int{c.n, c.maps, out}, []int{y.Shape[1] * out, out, 1})
	p.groups(a.Groups, func(g int) {
		one := c
		one.w.addr += int64(g * c.channels * taps * c.maps * w.size)
		one.x.addr += int64(g * c.channels * plane * d.size)
		one.y.addr += int64(g * c.maps * out * y.size)
		p.convolve(&one, g)
	})
}

func (p *program) groups(n int, f func(g int)) {
	for g := range n {
		if p.failed() {
			return
		}
		f(g)
	}
}

// convolve runs through blocks of maps and of images.
func (p *program) convolve(c *convolution, turn int) {
	depth, plane := c.kh*c.kw*c.channels, c.height*c.width
	if c.n == 0 {
		return
	}
	// Up to half of the buffer is for filters, an eighth at least for results, and the rest
	// for images. Operands are there twice, as they come and in bf16.
	filter := 2 * (c.w.size + 2) * (depth + 4)
	maps := p.room() / 2 / filter
	switch {
	case maps >= c.maps:
		maps = c.maps
	case maps >= p.cfg.Cols:
		maps = maps / p.cfg.Cols * p.cfg.Cols
	default:
		maps = maps / 8 * 8
	}
	image := 2 * (c.x.size + 2) * (plane*c.channels + 4)
	images := min(c.n, (p.room()/8*7-maps*filter)/image)
	if images == 0 || maps == 0 {
		p.refuse("an image of %d×%d×%d or filters of %d do not fit in the buffer", c.height, c.width, c.channels, depth)
		return
	}
	for m0 := 0; m0 < c.maps; m0 += maps {
		block := min(maps, c.maps-m0)
		filters, apart := p.packed(c.w.box(box{[]int{m0, 0, 0}, []int{block, c.w.dims[1], c.w.dims[2]}}), c.t, "w", turn+m0/maps)
		w := weights{filters, apart, true}
		for n0 := 0; n0 < c.n && !p.failed(); n0 += images {
			ni := min(images, c.n-n0)
			at, pitch := p.packed(c.x.box(box{[]int{n0, 0, 0}, []int{ni, plane, c.channels}}), c.t, "x", n0/images)
			p.convBlock(c, w, at, pitch, m0, block, n0, ni, p.room()-maps*filter-images*image)
		}
	}
}

// convBlock convolves images in the buffer with some of the filters, as many positions at
// a time as there are accumulators.
func (p *program) convBlock(c *convolution, w weights, at int64, pitch, m0, maps, n0, images, room int) {
	out := c.high * c.wide
	step := images * out // positions
	g := &grid{k: c.kh * c.kw * c.channels, c: maps, w: w, line: c.wide}
	for {
		g.m = step
		g.settle(p.cfg, 0)
		if g.fits(p.cfg) && 4*step*maps*c.t.Size() <= room {
			break
		}
		switch {
		case step > out:
			step = max(out, step/2/out*out)
		case step > c.wide:
			step = max(c.wide, step/2/c.wide*c.wide)
		default:
			p.refuse("a line of %d positions of %d maps does not fit", c.wide, maps)
			return
		}
	}
	for r0 := 0; r0 < images*out && !p.failed(); {
		// Whole images, or lines of one.
		n := min(step, images*out-r0)
		if step < out {
			n = min(step, out-r0%out)
		}
		turn := p.turns
		p.turns++
		part := *g
		part.m = n
		part.settle(p.cfg, turn)
		part.rows = c.rows(at, pitch, r0, out)
		p.multiply(&part, false)
		f := finish{fn: c.fn, bias: c.bias, out: c.t}
		if f.bias >= 0 {
			f.bias += int64(4 * m0)
		}
		for t, from := range p.drain(&part, f, side("z", turn)) {
			cols := min(p.cfg.Cols, maps-t*p.cfg.Cols)
			whole := max(1, n/out)
			positions := n / whole
			size := c.t.Size()
			to := c.y.box(box{[]int{n0 + r0/out, m0 + t*p.cfg.Cols, r0 % out}, []int{whole, cols, positions}})
			if cols > 1 && positions > 1 {
				m := p.slot(side("zt"+string(rune('a'+t%8)), turn), n*cols*size)
				p.pick(m.Addr, from, 0, []int{whole, cols, positions}, []int{positions * cols, 1, cols}, size)
				from = m.Addr
			}
			p.store(from, to)
		}
		r0 += n
	}
}

// rows are positions of the windows of images, pitch bytes apart, from position r0 on.
func (c *convolution) rows(at int64, pitch, r0, out int) rows {
	return func(x *isa.Product, r, n, k int) run {
		r += r0
		w := c.window
		w.Height, w.Width, w.Channels, w.KernelW = c.height, c.width, c.channels, c.kw
		w.PitchC, w.PitchX, w.PitchY = 2, int64(2*c.channels), int64(2*c.channels*c.width)
		w.K0, w.Y0, w.X0 = k, r%out/c.wide, r%c.wide
		x.Window, x.Buf = &w, at+int64(r/out*pitch)
		switch left := min(n, out-r%out); {
		case left == out: // whole images
			w.High, w.Wide = c.high, c.wide
			return run{out, n / out, int64(pitch)}
		case w.X0 > 0 || left < c.wide: // of one line
			w.High, w.Wide = 1, min(left, c.wide-w.X0)
		default:
			w.High, w.Wide = left/c.wide, c.wide
		}
		return run{w.High * w.Wide, 1, 0}
	}
}

// packed brings an area of three axes into the buffer in bf16, in row-major order; what
// belongs to an index of the first axis begins at a word. It returns where the first is
// and how many bytes they are apart.
func (p *program) packed(a area, t isa.Type, name string, turn int) (addr int64, pitch int) {
	count, b, c := a.dims[0], a.dims[1], a.dims[2]
	n := b * c
	pitch = (2*n + 7) / 8 * 8
	to := p.slot(side(name+"_bf16", turn), count*pitch)
	inner, s := shape.Collapse([]int{b, c}, a.strides[1:])
	strides := s[0]
	lo, hi, err := shape.Extent(inner, strides, 0)
	if err != nil {
		p.refuse("%v", err)
		return to.Addr, pitch
	}
	// As they lie in off-chip memory: one after the other where each is dense by itself,
	// else all with what is between.
	var from isa.Memory
	apart := (n*a.size + 7) / 8 * 8 / a.size // elements from one to the next
	if hi-lo == n && (count == 1 || a.strides[0] > 0) {
		from = p.slot(side(name, turn), count*apart*a.size)
		p.Move(isa.LoadHBM, isa.Transfer{Buf: from.Addr, Mem: a.addr + int64(lo*a.size), Rows: count, RowBytes: n * a.size, BufPitch: apart * a.size, MemPitch: max(a.strides[0], n) * a.size})
	} else {
		var end int
		lo, end, err = shape.Extent(a.dims, a.strides, 0)
		if err != nil || end-lo > 4*count*n {
			p.refuse("operands far apart")
			return to.Addr, pitch
		}
		apart = a.strides[0]
		from = p.slot(side(name, turn), (end-lo)*a.size)
		p.load(from.Addr, area{a.addr + int64(lo*a.size), []int{end - lo}, []int{1}, a.size})
	}
	dense := len(inner) == 0 || len(inner) == 1 && strides[0] == 1
	switch {
	case dense && apart == n && pitch == 2*n && lo == 0:
		p.Vector(isa.VectorOp{Fn: isa.Copy, Count: count * n, Cols: n, Src: [3]int64{from.Addr}, SrcType: [3]isa.Type{t}, Dst: to.Addr, DstType: isa.BF16})
	case pitch == 2*n:
		p.pickAs(to.Addr, from.Addr, int64(-lo), []int{count, b, c}, []int{apart, a.strides[1], a.strides[2]}, t, isa.BF16)
	default:
		for i := range count {
			p.pickAs(to.Addr+int64(i*pitch), from.Addr, int64(i*apart-lo), []int{b, c}, a.strides[1:], t, isa.BF16)
		}
	}
	return to.Addr, pitch
}

// convGradWeight sums, for every filter element, over all positions and images: a product
// whose rows are (channel, tap), whose depth is (position, image), and whose weights are
// d. Its left operand is read by the address generator with stride and dilation
// exchanged, from planes in which the same pixel of all images lies side by side.
func (p *program) convGradWeight() {
	a := p.attrs.(ops.ConvWeightAttrs)
	d, x, y := &p.in[0], &p.in[1], &p.out[0]
	if d.n == 0 {
		p.fill(y.whole(), y.DType, 0)
		return
	}
	maps, channels, kh, kw := y.Shape[0]/a.Groups, y.Shape[1], y.Shape[2], y.Shape[3]
	c := weightGradient{
		n: d.Shape[0], channels: channels, maps: maps, taps: kh * kw, plane: x.Shape[2] * x.Shape[3], out: d.Shape[2] * d.Shape[3], t: spaceType(x.DType),
		window: isa.Window{
			Height: x.Shape[2], Width: x.Shape[3], KernelW: d.Shape[3], StrideY: a.Dilation[0], StrideX: a.Dilation[1], DilateY: a.Stride[0], DilateX: a.Stride[1],
			SpreadY: 1, SpreadX: 1, PadTop: a.Pad[0], PadLeft: a.Pad[2], High: kh, Wide: kw,
		},
	}
	c.d = d.along([]int{maps, c.out, c.n}, []int{c.out, 1, d.Shape[1] * c.out})
	c.x = x.along([]int{channels, c.plane, c.n}, []int{c.plane, 1, x.Shape[1] * c.plane})
	c.y = y.along([]int{maps, channels * c.taps}, []int{channels * c.taps, 1})
	p.groups(a.Groups, func(g int) {
		one := c
		one.d.addr += int64(g * maps * c.out * d.size)
		one.x.addr += int64(g * channels * c.plane * x.size)
		one.y.addr += int64(g * maps * channels * c.taps * y.size)
		p.gradWeight(&one)
	})
}

// weightGradient is the gradient of the filters of one group.
type weightGradient struct {
	n, channels, maps, taps, plane, out int

	d      area // [maps, positions, n]
	x      area // [channels, pixels, n]
	y      area // [maps, channels·taps]
	window isa.Window
	t      isa.Type
}

func (p *program) gradWeight(c *weightGradient) {
	maps, channels, images := min(c.maps, p.cfg.Cols*p.cfg.Arrays), c.channels, c.n
	g := &grid{}
	for {
		g.m, g.c, g.line = channels*c.taps, maps, c.taps
		g.settle(p.cfg, 0)
		fits := g.fits(p.cfg)
		// Both operands twice, as they come and in bf16, and results.
		if fits && 2*(c.x.size+2)*images*(channels*(c.plane+4)+maps*(c.out+4))+16*g.m*maps <= p.room() {
			break
		}
		switch {
		case fits && images > 1:
			images = (images + 1) / 2
		case channels > 1:
			channels = (channels + 1) / 2
		case maps > 1:
			maps = (maps + 1) / 2
		default:
			p.refuse("an image does not fit in the buffer")
			return
		}
	}
	loads := 0
	for m0 := 0; m0 < c.maps; m0 += maps {
		for c0 := 0; c0 < c.channels; c0 += channels {
			nm, nc := min(maps, c.maps-m0), min(channels, c.channels-c0)
			part := &grid{m: nc * c.taps, c: nm, line: c.taps}
			part.settle(p.cfg, p.turns)
			p.turns++
			for n0 := 0; n0 < c.n && !p.failed(); n0 += images {
				ni := min(images, c.n-n0)
				d, pitch := p.packed(c.d.box(box{[]int{m0, 0, n0}, []int{nm, c.out, ni}}), c.t, "d", loads)
				x, apart := p.packed(c.x.box(box{[]int{c0, 0, n0}, []int{nc, c.plane, ni}}), c.t, "x", loads)
				loads++
				part.k, part.w, part.rows = c.out*ni, weights{d, pitch, true}, c.rows(x, apart, ni)
				p.multiply(part, n0 > 0)
			}
			if p.failed() {
				return
			}
			turn := p.turns
			for t, from := range p.drain(part, finish{bias: -1, out: c.t}, side("z", turn)) {
				cols := min(p.cfg.Cols, nm-t*p.cfg.Cols)
				to := p.slot(side("zt"+string(rune('a'+t%8)), turn), cols*part.m*c.t.Size())
				p.Vector(isa.VectorOp{Fn: isa.Transpose, Count: part.m * cols, Cols: cols, Src: [3]int64{from}, SrcType: [3]isa.Type{c.t}, Dst: to.Addr, DstType: c.t})
				p.store(to.Addr, c.y.box(box{[]int{m0 + t*p.cfg.Cols, c0 * c.taps}, []int{cols, part.m}}))
			}
		}
	}
}

// rows are the taps of channels whose planes are pitch bytes apart.
func (c *weightGradient) rows(at int64, pitch, images int) rows {
	return func(x *isa.Product, r, n, k int) run {
		w := c.window
		w.Channels, w.K0 = images, k
		w.PitchC, w.PitchX, w.PitchY = 2, int64(2*images), int64(2*images*w.Width)
		x.Window, x.Buf = &w, at+int64(r/c.taps*pitch)
		if tap := r % c.taps; tap > 0 || n < c.taps {
			w.Y0, w.X0, w.High = tap/w.Wide, tap%w.Wide, 1
			w.Wide = min(w.Wide-w.X0, n, c.taps-tap)
			return run{w.Wide, 1, 0}
		}
		return run{c.taps, n / c.taps, int64(pitch)}
	}
}
