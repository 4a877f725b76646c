package cpu

import (
	"sync"

	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/ops"
)

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

// forwardPatches is how a convolution of attributes a sees one group of an image.
func forwardPatches(a ops.ConvAttrs, x, w, y []int) *patches {
	return &patches{
		c: w[1], h: x[2], w: x[3], kh: w[2], kw: w[3], oh: y[2], ow: y[3],
		stride: a.Stride, dilation: a.Dilation, top: a.Pad[0], left: a.Pad[2],
	}
}

// convJob is the patches of one image as operands of a product, with scratch. Jobs are
// pooled: a product takes its packing function by value, and one that is bound to an
// image would be garbage after it.
type convJob[T gemm.Float] struct {
	p   *patches
	img []T

	image, result []T // a padded image, and a result with its dropped columns

	// The patch matrix, its transpose, and the one over long rows (see conv_flat.go) as
	// right operands, bound once.
	pack, packTransposed, packFlat gemm.PackFuncOf[T]
}

var convJobs32, convJobs64 sync.Pool

func convJobsOf[T gemm.Float]() *sync.Pool {
	if _, single := any(T(0)).(float32); single {
		return &convJobs32
	}
	return &convJobs64
}

// takeConv gives a job for an image, which has to be put back.
func takeConv[T gemm.Float](p *patches, img []T) *convJob[T] {
	j, ok := convJobsOf[T]().Get().(*convJob[T])
	if !ok {
		j = &convJob[T]{}
		j.pack, j.packTransposed, j.packFlat = j.panels, j.transposedPanels, j.flatPanels
	}
	j.p, j.img = p, img
	return j
}

// put gives the job back, without the caller's memory.
func (j *convJob[T]) put() {
	j.p, j.img = nil, nil
	convJobsOf[T]().Put(j)
}

// panels packs the patch matrix (see gemm.PackFuncOf).
func (j *convJob[T]) panels(dst []T, width, k0, kc, x0, nx int) {
	p, img := j.p, j.img
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

// transposedPanels packs the transposed patch matrix [OH·OW, C·KH·KW]: its columns are
// taps.
func (j *convJob[T]) transposedPanels(dst []T, width, k0, kc, x0, nx int) {
	p, img := j.p, j.img
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
