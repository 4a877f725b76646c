package cpu

import (
	"sync"

	"github.com/crease-ml/crease/cpu/gemm"
)

// With stride 1 a convolution can be computed on the padded image as if its rows
// were one long row: output position x then sees tap (kh, kw) at x + kh·W + kw for
// the padded width W. Packing becomes plain copying; the price is the few columns
// between rows, which are computed and dropped.

// flat reports whether the long-row form applies and pays.
func (p *patches) flat() bool {
	return p.stride == [2]int{1, 1} && p.top >= 0 && p.left >= 0 &&
		p.ow > 0 && p.paddedWidth() <= p.ow+max(8, p.ow/4)
}

// paddedWidth and paddedHeight are those of the image with zeros around it, as
// far as the taps reach.
func (p *patches) paddedWidth() int  { return p.ow + p.dilation[1]*(p.kw-1) }
func (p *patches) paddedHeight() int { return p.oh + p.dilation[0]*(p.kh-1) }
func (p *patches) paddedPlane() int  { return p.paddedWidth() * p.paddedHeight() }

// slack is how far the last row's dropped columns read past the image, and a
// vector more.
func (p *patches) slack() int { return p.dilation[1]*(p.kw-1) + 64 }

// pad copies an image into the middle of zeros.
func pad[T gemm.Float](p *patches, dst, img []T) {
	clear(dst)
	w, plane := p.paddedWidth(), p.paddedPlane()
	rows, cols := min(p.h, p.paddedHeight()-p.top), min(p.w, w-p.left)
	for c := range p.c {
		for h := range rows {
			copy(dst[c*plane+(h+p.top)*w+p.left:][:cols], img[(c*p.h+h)*p.w:])
		}
	}
}

// packFlat is the patch matrix over long rows as a right operand.
func packFlat[T gemm.Float](p *patches, padded []T) gemm.PackFuncOf[T] {
	w, plane := p.paddedWidth(), p.paddedPlane()
	return func(dst []T, width, k0, kc, x0, nx int) {
		panels := (nx + width - 1) / width
		for k := range kc {
			c, kh, kw := p.tap(k0 + k)
			src := padded[c*plane+kh*p.dilation[0]*w+kw*p.dilation[1]+x0:]
			for q := range panels {
				n := min(width, nx-q*width)
				to := dst[(q*kc+k)*width:][:width]
				copy(to[:n], src[q*width:])
				clear(to[n:])
			}
		}
	}
}

// convScratch is a padded image and a result with its dropped columns.
type convScratch[T gemm.Float] struct{ image, result []T }

var scratches32, scratches64 sync.Pool

func scratchesOf[T gemm.Float]() *sync.Pool {
	if _, single := any(T(0)).(float32); single {
		return &scratches32
	}
	return &scratches64
}

func takeScratch[T gemm.Float]() *convScratch[T] {
	if s, ok := scratchesOf[T]().Get().(*convScratch[T]); ok {
		return s
	}
	return &convScratch[T]{}
}

func putScratch[T gemm.Float](s *convScratch[T]) { scratchesOf[T]().Put(s) }
