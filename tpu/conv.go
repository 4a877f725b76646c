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
