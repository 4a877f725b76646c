package cpu

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

// pad copies the image into the middle of zeros.
func (j *convJob[T]) pad() {
	p := j.p
	dst := grow(&j.image, p.c*p.paddedPlane()+p.slack())
	clear(dst)
	w, plane := p.paddedWidth(), p.paddedPlane()
	rows, cols := min(p.h, p.paddedHeight()-p.top), min(p.w, w-p.left)
	for c := range p.c {
		for h := range rows {
			copy(dst[c*plane+(h+p.top)*w+p.left:][:cols], j.img[(c*p.h+h)*p.w:])
		}
	}
}

// flatPanels packs the patch matrix over long rows of the padded image.
func (j *convJob[T]) flatPanels(dst []T, width, k0, kc, x0, nx int) {
	p := j.p
	w, plane := p.paddedWidth(), p.paddedPlane()
	panels := (nx + width - 1) / width
	for k := range kc {
		c, kh, kw := p.tap(k0 + k)
		src := j.image[c*plane+kh*p.dilation[0]*w+kw*p.dilation[1]+x0:]
		for q := range panels {
			n := min(width, nx-q*width)
			to := dst[(q*kc+k)*width:][:width]
			copy(to[:n], src[q*width:])
			clear(to[n:])
		}
	}
}
