package tpu

import (
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/tpu/isa"
)

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
