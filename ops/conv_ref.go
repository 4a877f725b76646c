package ops

// The references of convolution are direct loops over the output positions
// and the taps of the window.

// eachTap calls f for every product of the convolution of x with w that reads
// inside the input, with the element indices of the three arrays.
func (a ConvAttrs) eachTap(x, w, y []int, f func(xi, wi, yi int)) {
	perGroup := w[0] / a.Groups
	for n := range y[0] {
		for o := range y[1] {
			for oh := range y[2] {
				for ow := range y[3] {
					yi := ((n*y[1]+o)*y[2]+oh)*y[3] + ow
					for c := range w[1] {
						ch := o/perGroup*w[1] + c
						for kh := range w[2] {
							h := oh*a.Stride[0] + kh*a.Dilation[0] - a.Pad[0]
							if h < 0 || h >= x[2] {
								continue
							}
							for kw := range w[3] {
								col := ow*a.Stride[1] + kw*a.Dilation[1] - a.Pad[2]
								if col < 0 || col >= x[3] {
									continue
								}
								f(((n*x[1]+ch)*x[2]+h)*x[3]+col, ((o*w[1]+c)*w[2]+kh)*w[3]+kw, yi)
							}
						}
					}
				}
			}
		}
	}
}

func convRef(attrs any, in, out []Host) { setAll(out[0], attrs.(ConvAttrs).sums(in, out[0])) }

// sums are the elements of the convolution y, before they are rounded.
func (a ConvAttrs) sums(in []Host, y Host) []float64 {
	x, w := in[0], in[1]
	sum := make([]float64, y.Elements())
	if len(in) > 2 {
		plane := y.Shape[2] * y.Shape[3]
		for i := range sum {
			sum[i] = in[2].At(i / plane % y.Shape[1])
		}
	}
	a.eachTap(x.Shape, w.Shape, y.Shape, func(xi, wi, yi int) {
		sum[yi] += x.At(xi) * w.At(wi)
	})
	return sum
}

func convGradInputRef(attrs any, in, out []Host) {
	d, w, dx := in[0], in[1], out[0]
	sum := make([]float64, dx.Elements())
	attrs.(ConvGradAttrs).eachTap(dx.Shape, w.Shape, d.Shape, func(xi, wi, yi int) {
		sum[xi] += d.At(yi) * w.At(wi)
	})
	setAll(dx, sum)
}

func convGradWeightRef(attrs any, in, out []Host) {
	d, x, dw := in[0], in[1], out[0]
	sum := make([]float64, dw.Elements())
	attrs.(ConvWeightAttrs).eachTap(x.Shape, dw.Shape, d.Shape, func(xi, wi, yi int) {
		sum[wi] += d.At(yi) * x.At(xi)
	})
	setAll(dw, sum)
}

// setAll stores sums that were accumulated in float64.
func setAll(h Host, values []float64) {
	for i, v := range values {
		h.Set(i, v)
	}
}
