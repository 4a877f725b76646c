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
	top, left int // padding
}

func (p *patches) rows() int { return p.c * p.kh * p.kw }
func (p *patches) cols() int { return p.oh * p.ow }

// matrix reports whether the patches are the image as it lies in memory: those of
// one tap that visits every pixel.
func (p *patches) matrix() bool {
	return p.kh*p.kw == 1 && p.stride == [2]int{1, 1} && p.top == 0 && p.left == 0 && p.oh == p.h && p.ow == p.w
}

// row is the image row that tap row kh sees from output row oh, false for padding.
func (p *patches) row(kh, oh int) (int, bool) {
	ih := oh*p.stride[0] + kh*p.dilation[0] - p.top
	return ih, ih >= 0 && ih < p.h
}

// line is a row of taps: len(dst) values of one output row, from output column ow
// on, as kernel tap (kh, kw) of channel c sees them.
func line[T gemm.Float](p *patches, img []T, dst []T, c, kh, kw, oh, ow int) {
	ih, ok := p.row(kh, oh)
	if !ok {
		clear(dst)
		return
	}
	row := img[(c*p.h+ih)*p.w:][:p.w]
	iw := ow*p.stride[1] + kw*p.dilation[1] - p.left
	if p.stride[1] == 1 {
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
		dst[i] = 0
		if iw >= 0 && iw < len(row) {
			dst[i] = row[iw]
		}
		iw += p.stride[1]
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
		stride: a.Stride, dilation: a.Dilation, top: a.Pad[0], left: a.Pad[2],
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
	matrix, flat := p.matrix(), p.flat()
	d.workers.For(images*groups, func(i int) {
		g := i % groups
		ep := &gemm.EpilogueOf[T]{}
		if bias != nil {
			ep.BiasM = bias[g*o : (g+1)*o]
		}
		img := x[i*p.c*p.h*p.w:][:p.c*p.h*p.w]
		weights := gemm.OperandOf[T]{Data: w[g*o*rows:][:o*rows], Layout: gemm.RowMajor(rows)}
		out := y[i*o*cols:][:o*cols]
		switch {
		case p.depthwise(o):
			var shift T
			if bias != nil {
				shift = bias[g]
			}
			direct(d, p, out, img, weights.Data, shift)
			return
		case matrix:
			gemm.Gemm(d.gemm, o, cols, rows, weights, gemm.OperandOf[T]{Data: img, Layout: gemm.RowMajor(cols)}, out, cols, false, ep)
			return
		case !flat:
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
