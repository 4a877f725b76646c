package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	for name, f := range map[string]func(x float64) float64{
		"HannWindow":     func(x float64) float64 { return 0.5 - 0.5*math.Cos(x) },
		"HammingWindow":  func(x float64) float64 { return 25.0/46 - 21.0/46*math.Cos(x) },
		"BlackmanWindow": func(x float64) float64 { return 0.42 - 0.5*math.Cos(x) + 0.08*math.Cos(2*x) },
	} {
		add1(name, func(c *call) ops.Value {
			t := c.elem("output_datatype", Float32).DType()
			n := int(c.scalar(0))
			period := float64(n)
			if c.int("periodic", 1) == 0 {
				period--
			}
			h := ops.NewHost(ops.Spec{DType: t, Shape: c.made([]int{n})})
			for i := range n {
				h.Set(i, f(2*math.Pi*float64(i)/period))
			}
			return c.b.Const(h)
		})
	}
	add1("DFT", dft)
	add1("STFT", stft)
	add1("MelWeightMatrix", melWeights)
}

// maxDFT is the longest transform: it is a product with a matrix of the square of its
// length.
const maxDFT = 1 << 13

// dft transforms along an axis. Complex numbers are pairs on the last axis.
func dft(c *call) ops.Value {
	x := c.x(0)
	dims := x.Spec().Shape
	if len(dims) < 2 || dims[len(dims)-1] < 1 || dims[len(dims)-1] > 2 {
		c.fail("its input has shape %s, want real numbers [..., 1] or complex ones [..., 2]", shape.String(dims))
	}
	axis := -2
	if c.version() < 20 {
		axis = c.int("axis", 1)
	} else if c.has(2) {
		axis = int(c.scalar(2))
	}
	axis = c.axisOf(axis, len(dims))
	if axis == len(dims)-1 {
		c.fail("the last axis holds the parts of complex numbers")
	}
	inverse, onesided := c.bool("inverse"), c.bool("onesided")
	n := dims[axis]
	if inverse && onesided {
		n = 2 * (n - 1)
	}
	if c.has(1) {
		n = int(c.scalar(1))
	}
	return c.transform(x, axis, n, inverse, onesided)
}

// transform is a discrete Fourier transform of length n along an axis.
func (c *call) transform(x ops.Value, axis, n int, inverse, onesided bool) ops.Value {
	if n < 1 || n > maxDFT {
		c.fail("a transform of length %d, at least 1 and at most %d are supported", n, maxDFT)
	}
	rank, t := len(x.Spec().Shape), x.Spec().DType
	// The axis goes to the end, cut or filled up with zeros.
	perm := []int{}
	for i := range rank - 1 {
		if i != axis {
			perm = append(perm, i)
		}
	}
	part := func(i int) ops.Value {
		if i >= x.Spec().Shape[rank-1] {
			return nil
		}
		v := c.narrow(x, rank-1, i, 1)
		v = ops.Permuted(c.b, v, append(slices.Clone(perm), rank-1, axis)...)
		d := v.Spec().Shape
		v = ops.Reshaped(c.b, v, append(slices.Clone(d[:rank-2]), d[rank-1])...)
		want := n
		if inverse && onesided {
			want = n/2 + 1
		}
		have := d[rank-1]
		if have == want {
			return v
		}
		hi := make([]int, rank-1)
		hi[rank-2] = want - have
		return ops.Pad.With(c.b, ops.PadAttrs{Lo: make([]int, rank-1), Hi: hi}, v)
	}
	re, im := part(0), part(1)
	in := re.Spec().Shape[rank-2]
	out := n
	if onesided && !inverse {
		out = n/2 + 1
	}
	matrix := func(f func(k, j int) float64) ops.Value {
		h := ops.NewHost(ops.Spec{DType: t, Shape: []int{in, out}})
		for k := range in {
			for j := range out {
				h.Set(k*out+j, f(k, j))
			}
		}
		return c.b.Const(h)
	}
	scale := 1.0
	sign := -1.0
	if inverse {
		scale, sign = 1/float64(n), 1
	}
	// Of a one-sided spectrum all but the ends count twice, once for their mirror images.
	weight := func(k int) float64 {
		if inverse && onesided && k > 0 && !(n%2 == 0 && k == n/2) {
			return 2 * scale
		}
		return scale
	}
	angle := func(k, j int) float64 { return 2 * math.Pi * float64(k*j%n) / float64(n) }
	cos := matrix(func(k, j int) float64 { return weight(k) * math.Cos(angle(k, j)) })
	sin := matrix(func(k, j int) float64 { return weight(k) * sign * math.Sin(angle(k, j)) })
	mul := func(v, m ops.Value) ops.Value {
		d := v.Spec().Shape
		y := ops.MatMul.Of(c.b, ops.Reshaped(c.b, v, product(d[:len(d)-1]), in), m)
		return ops.Reshaped(c.b, y, append(slices.Clone(d[:len(d)-1]), out)...)
	}
	yre, yim := mul(re, cos), ops.Value(nil)
	if !(inverse && onesided) {
		yim = mul(re, sin)
	}
	if im != nil {
		yre = ops.Sub.Of(c.b, yre, mul(im, sin))
		if yim != nil {
			yim = ops.Add.Of(c.b, yim, mul(im, cos))
		}
	}
	// The axis goes back to its place.
	back := make([]int, 0, rank)
	at := map[int]int{}
	for i, a := range perm {
		at[a] = i
	}
	for i := range rank - 1 {
		if i == axis {
			back = append(back, rank-2)
		} else {
			back = append(back, at[i])
		}
	}
	restore := func(v ops.Value) ops.Value {
		v = ops.Permuted(c.b, v, back...)
		return ops.Reshaped(c.b, v, append(slices.Clone(v.Spec().Shape), 1)...)
	}
	if yim == nil {
		return restore(yre)
	}
	return ops.Concat.With(c.b, ops.ConcatAttrs{Axis: rank - 1}, restore(yre), restore(yim))
}

// stft transforms overlapping stretches of a signal [N, L, 1 or 2].
func stft(c *call) ops.Value {
	x := c.x(0)
	d := x.Spec().Shape
	if len(d) == 2 {
		x = ops.Reshaped(c.b, x, d[0], d[1], 1)
		d = x.Spec().Shape
	}
	if len(d) != 3 {
		c.fail("its signal has shape %s, want [N, L, 1] or [N, L, 2]", shape.String(d))
	}
	step := int(c.scalar(1))
	n := d[1]
	switch {
	case c.has(3):
		n = int(c.scalar(3))
	case c.has(2):
		n = c.spec(2).Elements()
	}
	if step < 1 || n < 1 || n > d[1] {
		c.fail("frames of %d elements %d apart of a signal of %d", n, step, d[1])
	}
	win := ops.Window.With(c.b, ops.WindowAttrs{Axes: []int{1}, Size: []int{n}, Stride: []int{step}}, x)
	frames := ops.Permuted(c.b, win, 0, 1, 3, 2) // [N, frames, n, parts]
	if c.has(2) {
		frames = ops.Mul.Of(c.b, frames, ops.Reshaped(c.b, ops.Casted(c.b, c.x(2), x.Spec().DType), n, 1))
	}
	return c.transform(frames, 2, n, false, c.int("onesided", 1) != 0)
}

// melWeights are triangles over the frequencies of a spectrum, evenly apart in mel.
func melWeights(c *call) ops.Value {
	bins, length, rate := int(c.scalar(0)), int(c.scalar(1)), c.scalar(2)
	low, high := c.scalar(3), c.scalar(4)
	t := c.elem("output_datatype", Float32).DType()
	rows := length/2 + 1
	if bins < 0 || length < 0 || !(rate > 0) {
		c.fail("%d bins of a transform of %d at a rate of %v", bins, length, rate)
	}
	c.made([]int{rows, bins})
	mel := func(hz float64) float64 { return 2595 * math.Log1p(hz/700) / math.Ln10 }
	edges := make([]int, bins+2)
	step := (mel(high) - mel(low)) / float64(len(edges))
	for i := range edges {
		hz := 700 * math.Expm1((mel(low)+float64(i)*step)/2595*math.Ln10)
		edges[i] = int(math.Floor(float64(length+1) * hz / rate))
		if edges[i] < 0 || edges[i] > rows {
			c.fail("the edge of a bin at %v Hz is outside the spectrum", hz)
		}
	}
	h := ops.NewHost(ops.Spec{DType: t, Shape: []int{rows, bins}})
	set := func(row, col int, v float64) {
		if row < rows {
			h.Set(row*bins+col, v)
		}
	}
	for i := range bins {
		left, mid, right := edges[i], edges[i+1], edges[i+2]
		if left == mid {
			set(mid, i, 1)
		}
		for j := left; left < mid && j <= mid; j++ {
			set(j, i, float64(j-left)/float64(mid-left))
		}
		for j := mid; j < right; j++ {
			set(j, i, float64(right-j)/float64(right-mid))
		}
	}
	return c.b.Const(h)
}
