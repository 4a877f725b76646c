package cpu

import "github.com/crease-ml/crease/cpu/gemm"

// A convolution with one channel in and one out per group has nothing that a
// matrix product could reuse. It is computed tap by tap over whole rows instead.

// depthwise reports whether a group has one input and o = 1 output channel.
func (p *patches) depthwise(o int) bool { return p.c == 1 && o == 1 }

// direct convolves a plane with a kernel [KH, KW].
func direct[T gemm.Float](d *device, p *patches, out, plane, kernel []T, bias T) {
	s := takeConv(p, plane)
	defer s.put()
	width, long := p.ow, 1
	flat := p.flat()
	if flat {
		s.pad()
		width, long = p.paddedWidth(), p.oh
	}
	// The long-row form has one row; otherwise every output row is one.
	scratch := grow(&s.result, 3*width*long)
	acc, row, term := scratch[:width*long], scratch[width*long:2*width*long], scratch[2*width*long:]
	for oh := range p.oh / long {
		fill(acc, bias)
		for k, w := range kernel {
			kh, kw := k/p.kw, k%p.kw
			if flat {
				addScaled(d, acc, s.image[kh*p.dilation[0]*width+kw*p.dilation[1]:], term, w)
			} else if _, ok := p.row(kh, oh); ok {
				line(p, plane, row, 0, kh, kw, oh, 0)
				addScaled(d, acc, row, term, w)
			}
		}
		for r := range long {
			copyShort(out[(oh+r)*p.ow:][:p.ow], acc[r*width:])
		}
	}
}

// directWeight adds to dw [KH, KW] the gradient of such a convolution for its
// kernel.
func directWeight[T gemm.Float](d *device, p *patches, dw, dy, plane []T) {
	s := takeConv(p, plane)
	defer s.put()
	flat := p.flat()
	if flat {
		s.pad()
	}
	row, width := grow(&s.result, p.ow), p.paddedWidth()
	for k := range dw {
		kh, kw := k/p.kw, k%p.kw
		for oh := range p.oh {
			if _, ok := p.row(kh, oh); !ok {
				continue
			}
			if flat {
				row = s.image[(oh+kh*p.dilation[0])*width+kw*p.dilation[1]:]
			} else {
				line(p, plane, row, 0, kh, kw, oh, 0)
			}
			dw[k] += inner(d, dy[oh*p.ow:][:p.ow], row)
		}
	}
}

// fill sets every element.
func fill[T any](dst []T, v T) {
	for i := range dst {
		dst[i] = v
	}
}

// addScaled adds w·x to dst; term is scratch of the same size.
func addScaled[T gemm.Float](d *device, dst, x, term []T, w T) {
	if acc, single := any(dst).([]float32); single {
		t := any(term).([]float32)[:len(acc)]
		d.vec.MulS(t, any(x).([]float32), float32(w))
		d.vec.AddTo(acc, t)
		return
	}
	for i, v := range x[:len(dst)] {
		dst[i] += w * v
	}
}

// inner is the inner product of two rows, as long as a.
func inner[T gemm.Float](d *device, a, b []T) T {
	if x, single := any(a).([]float32); single {
		return T(d.vec.Dot(x, any(b).([]float32)[:len(x)]))
	}
	var s T
	for i, v := range b[:len(a)] {
		s += a[i] * v
	}
	return s
}
