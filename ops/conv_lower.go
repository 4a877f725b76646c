package ops

// Convolution lowers to a matrix product: the windows of the padded input are
// a view, which one copy turns into the matrix of im2col (Chellapilla et al.
// 2006), batched over images and groups.

// padded2d pads the last two axes of [N, C, H, W] with a value.
func padded2d(b Builder, x Value, pad [4]int, value float64) Value {
	if pad == [4]int{} {
		return x
	}
	return Pad.With(b, PadAttrs{
		Lo:       []int{0, 0, pad[0], pad[2]},
		Hi:       []int{0, 0, pad[1], pad[3]},
		Interior: []int{0, 0, 0, 0},
		Value:    value,
	}, x)
}

// windows2d is the view [N, C, OH, OW, KH, KW] of all windows on [N, C, H, W].
func windows2d(b Builder, x Value, size, stride, dilation [2]int) Value {
	return Window.With(b, WindowAttrs{
		Axes: []int{2, 3}, Size: size[:], Stride: stride[:], Dilation: dilation[:],
	}, x)
}

func (a ConvAttrs) windows(b Builder, x Value, w []int) Value {
	return windows2d(b, padded2d(b, x, a.Pad, 0), [2]int{w[2], w[3]}, a.Stride, a.Dilation)
}

func convLower(b Builder, attrs any, in []Value) []Value {
	a, x, w := attrs.(ConvAttrs), in[0].Spec().Shape, in[1].Spec().Shape
	win := a.windows(b, in[0], w)
	oh, ow := win.Spec().Shape[2], win.Spec().Shape[3]
	cols := Reshaped(b, Permuted(b, win, 0, 1, 4, 5, 2, 3), x[0], a.Groups, taps(w), oh*ow)
	y := MatMul.Of(b, Reshaped(b, in[1], a.Groups, w[0]/a.Groups, taps(w)), cols)
	y = Reshaped(b, y, x[0], w[0], oh, ow)
	if len(in) > 2 {
		y = Add.Of(b, y, Reshaped(b, in[2], w[0], 1, 1))
	}
	return []Value{y}
}

// convGradInputLower spreads d out by the stride, pads it so that every input
// element has a full window, and correlates it with the flipped weight.
func convGradInputLower(b Builder, attrs any, in []Value) []Value {
	a, w := attrs.(ConvGradAttrs), in[1].Spec().Shape
	og := w[0] / a.Groups
	win := transposedWindows(b, in[0], a.InShape, [2]int{w[2], w[3]}, a.ConvAttrs)
	n, h, width := a.InShape[0], a.InShape[2], a.InShape[3]
	cols := Reshaped(b, Permuted(b, win, 0, 1, 4, 5, 2, 3), n, a.Groups, og*w[2]*w[3], h*width)
	flipped := Slice.With(b, SliceAttrs{
		Start: []int{0, 0, w[2] - 1, w[3] - 1}, Count: w, Step: []int{1, 1, -1, -1},
	}, in[1])
	split := Reshaped(b, flipped, a.Groups, og, w[1], w[2], w[3])
	kernel := Reshaped(b, Permuted(b, split, 0, 2, 1, 3, 4), a.Groups, w[1], og*w[2]*w[3])
	return []Value{Reshaped(b, MatMul.Of(b, kernel, cols), a.InShape...)}
}

// transposedWindows is the view [N, O, H, W, KH, KW] on d: at tap (i, j) of
// element (h, w) stands the d that tap (KH-1-i, KW-1-j) of a forward window
// took (h, w) into, or 0.
func transposedWindows(b Builder, d Value, in []int, size [2]int, a ConvAttrs) Value {
	out := d.Spec().Shape
	p := PadAttrs{Lo: make([]int, 4), Hi: make([]int, 4), Interior: make([]int, 4)}
	for i := range 2 {
		reach := a.Dilation[i] * (size[i] - 1)
		spread := (out[2+i]-1)*a.Stride[i] + 1
		p.Interior[2+i] = a.Stride[i] - 1
		p.Lo[2+i] = reach - a.Pad[2*i]
		p.Hi[2+i] = in[2+i] + reach - spread - p.Lo[2+i]
	}
	return windows2d(b, Pad.With(b, p, d), size, [2]int{1, 1}, a.Dilation)
}

// convGradWeightLower multiplies [G, O/G, N*OH*OW] by [G, N*OH*OW, taps].
func convGradWeightLower(b Builder, attrs any, in []Value) []Value {
	a := attrs.(ConvWeightAttrs)
	w, y := a.WShape, in[0].Spec().Shape
	og, positions := w[0]/a.Groups, y[0]*y[2]*y[3]
	d := Reshaped(b, in[0], y[0], a.Groups, og, y[2]*y[3])
	d = Reshaped(b, Permuted(b, d, 1, 2, 0, 3), a.Groups, og, positions)
	win := a.windows(b, in[1], w)
	win = Reshaped(b, win, y[0], a.Groups, w[1], y[2], y[3], w[2], w[3])
	cols := Reshaped(b, Permuted(b, win, 1, 0, 3, 4, 2, 5, 6), a.Groups, positions, taps(w))
	return []Value{Reshaped(b, MatMul.Of(b, d, cols), w...)}
}
