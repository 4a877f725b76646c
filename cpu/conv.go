package cpu

import (
	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Convolution is a matrix product whose right operand is never written down: the
// packing step of the product reads patches straight from the image (implicit
// GEMM: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014).
// Images are spread over the threads, each product runs on one.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Conv2d.Name, nil, conv2d[float32](d))
		d.addFloats(ops.Conv2dGradInput.Name, nil, convGradInput[float32](d))
		d.addFloats(ops.Conv2dGradWeight.Name, nil, convGradWeight[float32](d))
		d.add(ops.Conv2d.Name, dtype.F64, nil, conv2d[float64](d))
		d.add(ops.Conv2dGradInput.Name, dtype.F64, nil, convGradInput[float64](d))
		d.add(ops.Conv2dGradWeight.Name, dtype.F64, nil, convGradWeight[float64](d))
	})
}

// patches is the matrix [C·KH·KW, OH·OW] of an image [C, H, W]: column x holds
// what the kernel sees at output position x.
type patches struct {
	c, h, w   int // the image
	kh, kw    int
	oh, ow    int
	stride    [2]int
	dilation  [2]int
	top, left int    // padding
	spread    [2]int // the image's pixels are this far apart, zeros between
}

func (p *patches) rows() int { return p.c * p.kh * p.kw }
func (p *patches) cols() int { return p.oh * p.ow }

// line is a row of taps: n values of one output row, from output column ow on,
// as kernel tap (kh, kw) of channel c sees them.
func line[T gemm.Float](p *patches, img []T, dst []T, c, kh, kw, oh, ow int) {
	ih := oh*p.stride[0] + kh*p.dilation[0] - p.top
	if ih < 0 || ih%p.spread[0] != 0 || ih/p.spread[0] >= p.h {
		clear(dst)
		return
	}
	row := img[(c*p.h+ih/p.spread[0])*p.w:][:p.w]
	iw := ow*p.stride[1] + kw*p.dilation[1] - p.left
	if p.stride[1] == 1 && p.spread[1] == 1 {
		lo := min(max(-iw, 0), len(dst))
		hi := max(min(p.w-iw, len(dst)), lo)
		clear(dst[:lo])
		if hi-lo > 0 {
			copyShort(dst[lo:hi], row[iw+lo:iw+hi])
		}
		clear(dst[hi:])
		return
	}
	for i := range dst {
		at := iw + i*p.stride[1]
		dst[i] = 0
		if at >= 0 && at%p.spread[1] == 0 && at/p.spread[1] < p.w {
			dst[i] = row[at/p.spread[1]]
		}
	}
}

// copyShort copies a few elements without the call that copy costs.
func copyShort[T any](dst, src []T) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = src[i]
	}
}

// tap splits a row of the patch matrix.
func (p *patches) tap(k int) (c, kh, kw int) { return k / (p.kh * p.kw), k / p.kw % p.kh, k % p.kw }

// pack is the patch matrix as a right operand (see gemm.PackFuncOf).
func pack[T gemm.Float](p *patches, img []T) gemm.PackFuncOf[T] {
	return func(dst []T, width, k0, kc, x0, nx int) {
		panels := (nx + width - 1) / width
		for q := range panels {
			n := min(width, nx-q*width)
			oh0, ow0 := (x0+q*width)/p.ow, (x0+q*width)%p.ow
			for k := range kc {
				c, kh, kw := p.tap(k0 + k)
				to := dst[(q*kc+k)*width:][:width]
				oh, ow := oh0, ow0
				for i := 0; i < n; {
					run := min(n-i, p.ow-ow)
					line(p, img, to[i:i+run], c, kh, kw, oh, ow)
					i, oh, ow = i+run, oh+1, 0
				}
				clear(to[n:])
			}
		}
	}
}

// packTransposed is the transposed patch matrix [OH·OW, C·KH·KW] as a right
// operand: its columns are taps.
func packTransposed[T gemm.Float](p *patches, img []T) gemm.PackFuncOf[T] {
	return func(dst []T, width, k0, kc, x0, nx int) {
		panels := (nx + width - 1) / width
		var buf [64]T
		for q := range panels {
			n := min(width, nx-q*width)
			panel := dst[q*kc*width:][:kc*width]
			if n < width {
				clear(panel)
			}
			for lane := range n {
				c, kh, kw := p.tap(x0 + q*width + lane)
				oh, ow := k0/p.ow, k0%p.ow
				for k := 0; k < kc; {
					run := min(kc-k, p.ow-ow, len(buf))
					line(p, img, buf[:run], c, kh, kw, oh, ow)
					at := k*width + lane
					for _, v := range buf[:run] {
						panel[at] = v
						at += width
					}
					k, ow = k+run, ow+run
					if ow == p.ow {
						oh, ow = oh+1, 0
					}
				}
			}
		}
	}
}

// forwardPatches is how a convolution of attributes a sees one group of an image.
func forwardPatches(a ops.ConvAttrs, x, w, y []int) *patches {
	return &patches{
		c: w[1], h: x[2], w: x[3], kh: w[2], kw: w[3], oh: y[2], ow: y[3],
		stride: a.Stride, dilation: a.Dilation, top: a.Pad[0], left: a.Pad[2], spread: [2]int{1, 1},
	}
}

// conv2d is, for every image and group, w [O, C·KH·KW] times the patches.
func conv2d[T gemm.Float](d *device) run {
	return func(c *hal.Call) error {
		a := c.Attrs.(ops.ConvAttrs)
		x, w, y := c.In[0].Shape, c.In[1].Shape, c.Out[0].Shape
		p := forwardPatches(a, x, w, y)
		var bias []T
		if len(c.In) > 2 {
			bias = data[T](c.In[2])
		}
		convolve(d, data[T](c.Out[0]), data[T](c.In[0]), data[T](c.In[1]), p, x[0], a.Groups, w[0]/a.Groups, bias)
		return nil
	}
}

// convolve multiplies w [groups, o, rows] by the patches of every image and group.
func convolve[T gemm.Float](d *device, y, x, w []T, p *patches, images, groups, o int, bias []T) {
	if len(y) == 0 {
		return
	}
	rows, cols := p.rows(), p.cols()
	if rows == 0 {
		clear(y)
	}
	flat := p.flat()
	d.workers.For(images*groups, func(i int) {
		g := i % groups
		ep := &gemm.EpilogueOf[T]{}
		if bias != nil {
			ep.BiasM = bias[g*o : (g+1)*o]
		}
		img := x[i*p.c*p.h*p.w:][:p.c*p.h*p.w]
		weights := gemm.OperandOf[T]{Data: w[g*o*rows:][:o*rows], Layout: gemm.RowMajor(rows)}
		out := y[i*o*cols:][:o*cols]
		if !flat {
			gemm.Gemm(d.gemm, o, cols, rows, weights, gemm.OperandOf[T]{Pack: pack(p, img)}, out, cols, false, ep)
			return
		}
		scratch := takeScratch[T]()
		defer putScratch(scratch)
		padded := grow(&scratch.image, p.c*p.paddedPlane()+p.slack())
		pad(p, padded, img)
		wide := grow(&scratch.result, o*p.oh*p.paddedWidth())
		gemm.Gemm(d.gemm, o, p.oh*p.paddedWidth(), rows, weights, gemm.OperandOf[T]{Pack: packFlat(p, padded)}, wide, p.oh*p.paddedWidth(), false, ep)
		for r := range o * p.oh {
			copyShort(out[r*p.ow:(r+1)*p.ow], wide[r*p.paddedWidth():])
		}
	})
}

// convGradInput is a convolution of d with the kernel turned round: in and out
// channels exchanged, taps reversed, and the stride turned into zeros between
// the pixels of d.
func convGradInput[T gemm.Float](d *device) run {
	return func(c *hal.Call) error {
		a := c.Attrs.(ops.ConvGradAttrs)
		dims, w, x := c.In[0].Shape, c.In[1].Shape, a.InShape
		o, cg, kh, kw := w[0]/a.Groups, w[1], w[2], w[3]
		p := &patches{
			c: o, h: dims[2], w: dims[3], kh: kh, kw: kw, oh: x[2], ow: x[3],
			stride: [2]int{1, 1}, dilation: a.Dilation, spread: a.Stride,
			top: a.Dilation[0]*(kh-1) - a.Pad[0], left: a.Dilation[1]*(kw-1) - a.Pad[2],
		}
		src := data[T](c.In[1])
		buf, err := d.Alloc(len(src) * c.In[1].DType.Size())
		if err != nil {
			return err
		}
		defer buf.Free()
		turned := dtype.Slice[T](buf.(*buffer).bytes())
		taps := kh * kw
		for g := range a.Groups {
			for i := range o {
				for j := range cg {
					from := src[((g*o+i)*cg+j)*taps:][:taps]
					to := turned[((g*cg+j)*o+i)*taps:][:taps]
					for k, v := range from {
						to[taps-1-k] = v
					}
				}
			}
		}
		convolve(d, data[T](c.Out[0]), data[T](c.In[0]), turned, p, x[0], a.Groups, cg, nil)
		return nil
	}
}

// weightSlabs is how many parts the images are summed in: more than there are
// threads to share, few enough that adding the parts costs little.
const weightSlabs = 8

// convGradWeight sums, over the images, d [O, OH·OW] times the transposed
// patches. Every slab of images has a sum of its own; slabs are added in order.
func convGradWeight[T gemm.Float](d *device) run {
	return func(c *hal.Call) error {
		a := c.Attrs.(ops.ConvWeightAttrs)
		y, x, w := c.In[0].Shape, c.In[1].Shape, a.WShape
		p := forwardPatches(a.ConvAttrs, x, w, y)
		g, img, out := data[T](c.In[0]), data[T](c.In[1]), data[T](c.Out[0])
		images, groups, o := x[0], a.Groups, w[0]/a.Groups
		rows, cols := p.rows(), p.cols()
		clear(out)
		if len(out) == 0 || images*cols == 0 {
			return nil
		}
		slabs := min(weightSlabs, images)
		buf, err := d.Alloc((slabs - 1) * len(out) * c.Out[0].DType.Size())
		if err != nil {
			return err
		}
		defer buf.Free()
		parts := dtype.Slice[T](buf.(*buffer).bytes())
		part := func(s int) []T {
			if s == 0 {
				return out
			}
			return parts[(s-1)*len(out) : s*len(out)]
		}
		d.workers.For(slabs*groups, func(i int) {
			s, grp := i/groups, i%groups
			to := part(s)[grp*o*rows:][:o*rows]
			first := s * images / slabs
			for n := first; n < (s+1)*images/slabs; n++ {
				k := n*groups + grp
				gemm.Gemm(d.gemm, o, rows, cols,
					gemm.OperandOf[T]{Data: g[k*o*cols:][:o*cols], Layout: gemm.RowMajor(cols)},
					gemm.OperandOf[T]{Pack: packTransposed(p, img[k*p.c*p.h*p.w:][:p.c*p.h*p.w])},
					to, rows, n > first, nil)
			}
		})
		for s := 1; s < slabs; s++ {
			for i, v := range part(s) {
				out[i] += v
			}
		}
		return nil
	}
}
