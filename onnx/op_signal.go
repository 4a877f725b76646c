package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
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

// complexValue is an array of complex numbers by their parts. The imaginary part is nil
// where all are real.
type complexValue struct{ re, im ops.Value }

// transform is a discrete Fourier transform of length n along an axis of x, whose last
// axis holds the parts of numbers.
func (c *call) transform(x ops.Value, axis, n int, inverse, onesided bool) ops.Value {
	c.made([]int{n})
	if n < 1 {
		c.fail("a transform of length %d", n)
	}
	// The axis goes to the end, and the others become one.
	rank := len(x.Spec().Shape)
	var perm []int
	for i := range rank - 1 {
		if i != axis {
			perm = append(perm, i)
		}
	}
	perm = append(perm, axis)
	var lead []int
	part := func(i int) ops.Value {
		if i >= x.Spec().Shape[rank-1] {
			return nil
		}
		v := ops.Reshaped(c.b, c.narrow(x, rank-1, i, 1), x.Spec().Shape[:rank-1]...)
		v = ops.Permuted(c.b, v, perm...)
		lead = v.Spec().Shape[:rank-2]
		return ops.Reshaped(c.b, v, product(lead), v.Spec().Shape[rank-2])
	}
	v := complexValue{part(0), part(1)}
	t := v.re.Spec().DType
	if v.im == nil {
		// Whole numbers and other exact signals have bins that are zero. Rounding to 32 bits
		// on the way would leave noise there; complex ones carry that of the transform
		// before.
		v.re = ops.Casted(c.b, v.re, dtype.F64)
	}
	if inverse && onesided {
		v = c.mirrored(c.fitted(v, n/2+1), n)
	}
	v = c.fft(c.fitted(v, n), inverse)
	out := n
	if onesided && !inverse {
		out = n/2 + 1
		v = c.fitted(v, out)
	}
	// The axis goes back to its place.
	back := make([]int, rank-1)
	for i, a := range perm {
		back[a] = i
	}
	restore := func(v ops.Value) ops.Value {
		v = ops.Casted(c.b, v, t)
		if inverse {
			v = ops.Scaled(c.b, v, 1/float64(n), 0)
		}
		v = ops.Permuted(c.b, ops.Reshaped(c.b, v, append(slices.Clone(lead), out)...), back...)
		return ops.Reshaped(c.b, v, append(slices.Clone(v.Spec().Shape), 1)...)
	}
	if inverse && onesided {
		return restore(v.re)
	}
	return ops.Concat.With(c.b, ops.ConcatAttrs{Axis: rank - 1}, restore(v.re), restore(c.imaginary(v)))
}

// fitted cuts rows to a length, or fills them up with zeros.
func (c *call) fitted(v complexValue, n int) complexValue {
	fit := func(x ops.Value) ops.Value {
		if x == nil || x.Spec().Shape[1] == n {
			return x
		}
		return ops.Pad.With(c.b, ops.PadAttrs{Lo: []int{0, 0}, Hi: []int{0, n - x.Spec().Shape[1]}}, x)
	}
	return complexValue{fit(v.re), fit(v.im)}
}

// mirrored is the whole spectrum of n numbers from its first half: that of real numbers is
// conjugate to itself backwards.
func (c *call) mirrored(v complexValue, n int) complexValue {
	whole := func(x ops.Value, sign float64) ops.Value {
		if x == nil || n < 3 {
			return x
		}
		tail := c.reversed(c.narrow(x, 1, 1, n-(n/2+1)), 1)
		return ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 1}, x, c.scaled(tail, sign))
	}
	return complexValue{whole(v.re, 1), whole(v.im, -1)}
}

func (c *call) imaginary(v complexValue) ops.Value {
	if v.im == nil {
		return ops.Zeros(c.b, v.re.Spec())
	}
	return v.im
}

// fft transforms rows [R, n] by the algorithm of Cooley and Tukey (1965): rows of a*b
// numbers are b transforms of length a, a turn of every number, and a transforms of
// length b. a is the smallest prime factor.
func (c *call) fft(v complexValue, inverse bool) complexValue {
	rows, n := v.re.Spec().Shape[0], v.re.Spec().Shape[1]
	a := smallestFactor(n)
	if a == n {
		return c.primeDFT(v, inverse)
	}
	b := n / a
	// Element b*i + j is [i, j]; the transforms of length a are along i.
	each := func(v complexValue, f func(ops.Value) ops.Value) complexValue {
		out := complexValue{re: f(v.re)}
		if v.im != nil {
			out.im = f(v.im)
		}
		return out
	}
	v = each(v, func(x ops.Value) ops.Value {
		x = ops.Permuted(c.b, ops.Reshaped(c.b, x, rows, a, b), 0, 2, 1)
		return ops.Reshaped(c.b, x, rows*b, a)
	})
	v = c.primeDFT(v, inverse)
	v = each(v, func(x ops.Value) ops.Value { return ops.Permuted(c.b, ops.Reshaped(c.b, x, rows, b, a), 0, 2, 1) })
	v = c.times(v, c.roots(v.re.Spec().DType, a, b, n, inverse))
	v = each(v, func(x ops.Value) ops.Value { return ops.Reshaped(c.b, x, rows*a, b) })
	v = c.fft(v, inverse)
	// Number k of the i-th transform is number i + a*k of the result.
	return each(v, func(x ops.Value) ops.Value {
		x = ops.Permuted(c.b, ops.Reshaped(c.b, x, rows, a, b), 0, 2, 1)
		return ops.Reshaped(c.b, x, rows, n)
	})
}

func smallestFactor(n int) int {
	for f := 2; f*f <= n; f++ {
		if n%f == 0 {
			return f
		}
	}
	return n
}

// maxPrime is the largest prime factor of a length: such a transform is a product with a
// matrix of its square.
const maxPrime = 1 << 12

// primeDFT is the product with the matrix of a transform.
func (c *call) primeDFT(v complexValue, inverse bool) complexValue {
	n := v.re.Spec().Shape[1]
	if n > maxPrime {
		c.fail("a transform of a length with the prime factor %d, at most %d is supported", n, maxPrime)
	}
	if n == 1 {
		return v
	}
	w := c.roots(v.re.Spec().DType, n, n, n, inverse)
	mul := func(x, m ops.Value) ops.Value { return ops.MatMul.Of(c.b, x, m) }
	re, im := mul(v.re, w.re), mul(v.re, w.im)
	if v.im != nil {
		re, im = ops.Sub.Of(c.b, re, mul(v.im, w.im)), ops.Add.Of(c.b, im, mul(v.im, w.re))
	}
	return complexValue{re, im}
}

// times is the product of complex numbers.
func (c *call) times(v, w complexValue) complexValue {
	mul := func(x, y ops.Value) ops.Value { return ops.Mul.Of(c.b, x, y) }
	if v.im == nil {
		return complexValue{mul(v.re, w.re), mul(v.re, w.im)}
	}
	return complexValue{ops.Sub.Of(c.b, mul(v.re, w.re), mul(v.im, w.im)), ops.Add.Of(c.b, mul(v.re, w.im), mul(v.im, w.re))}
}

// roots are the powers i*j of the n-th root of one, for i below rows and j below cols.
func (c *call) roots(t dtype.Type, rows, cols, n int, inverse bool) complexValue {
	re := ops.NewHost(ops.Spec{DType: t, Shape: []int{rows, cols}})
	im := ops.NewHost(re.Spec)
	for i := range rows {
		for j := range cols {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*j%n) / float64(n))
			if !inverse {
				sin = -sin
			}
			re.Set(i*cols+j, cos)
			im.Set(i*cols+j, sin)
		}
	}
	return complexValue{c.b.Const(re), c.b.Const(im)}
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
