// Package quant runs trained networks in 8-bit integers on chips that have no floating
// point, as TPU v1 has none.
//
//   - network.go describes a network of dense layers and convolutions, with ReLU and
//     maximum pooling, and computes it in floating point;
//   - quantize.go chooses scales, per tensor or per channel, and rounds the weights;
//   - compile.go writes the program of a batch, run.go runs it.
//
// An activation x is the integer q = x/scale: signed with a range that is the same on
// both sides of zero, or unsigned after ReLU. Weights are signed, w = q·scale with one
// scale or one for each output channel; a bias is an integer of the accumulators. So a
// layer is y = relu(Σ q_x·q_w + q_b)·(scale_x·scale_w), which the activation unit then
// divides by the scale of the next layer's input and rounds to nearest, ties to even.
//
// A network that does not fit is an error that says which layer and why.
package quant

import "fmt"

// Layer is a convolution of images [height, width, channels], or, with a kernel as large
// as the image and no padding, a dense layer. Weights are [out][kernel row][kernel
// column][in].
type Layer struct {
	Name                string
	Height, Width, In   int // of the image
	Out                 int
	Kernel, Stride, Pad int // of a convolution; 0 for a dense layer
	Weights, Bias       []float32
	ReLU                bool
	Pool                int // size and stride of the maximum pooling after it, 0 for none
}

// Dense reports whether every output sees the whole input.
func (l *Layer) Dense() bool { return l.Kernel == 0 }

// Depth is the number of products behind an output.
func (l *Layer) Depth() int {
	if l.Dense() {
		return l.Height * l.Width * l.In
	}
	return l.Kernel * l.Kernel * l.In
}

// positions is the size of the result before pooling.
func (l *Layer) positions() (high, wide int) {
	if l.Dense() {
		return 1, 1
	}
	return (l.Height+2*l.Pad-l.Kernel)/l.Stride + 1, (l.Width+2*l.Pad-l.Kernel)/l.Stride + 1
}

// Result is the size of the result.
func (l *Layer) Result() (high, wide int) {
	high, wide = l.positions()
	if l.Pool > 0 {
		high, wide = (high-l.Pool)/l.Pool+1, (wide-l.Pool)/l.Pool+1
	}
	return high, wide
}

// Network is layers one after the other.
type Network struct{ Layers []Layer }

// Check reports the first layer that does not go with the one before, or whose weights
// are not of its size.
func (n *Network) Check() error {
	if len(n.Layers) == 0 {
		return fmt.Errorf("quant: a network without layers")
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		bad := func(format string, args ...any) error {
			return fmt.Errorf("quant: layer %d (%s): %s", i, l.Name, fmt.Sprintf(format, args...))
		}
		for _, v := range []int{l.Height, l.Width, l.In, l.Out} {
			if v < 1 || v > 1<<16 {
				return bad("sizes %d×%d×%d to %d, want 1 to %d each", l.Height, l.Width, l.In, l.Out, 1<<16)
			}
		}
		if !l.Dense() && (l.Stride < 1 || l.Pad < 0 || l.Kernel > l.Height+2*l.Pad || l.Kernel > l.Width+2*l.Pad) {
			return bad("a kernel of %d, stride %d, padding %d on %d×%d", l.Kernel, l.Stride, l.Pad, l.Height, l.Width)
		}
		high, wide := l.positions()
		if l.Pool > 0 && (l.Pool > high || l.Pool > wide) {
			return bad("windows of %d on %d×%d", l.Pool, high, wide)
		}
		if len(l.Weights) != l.Depth()*l.Out || len(l.Bias) != l.Out {
			return bad("%d weights and %d biases, want %d and %d", len(l.Weights), len(l.Bias), l.Depth()*l.Out, l.Out)
		}
		if i == 0 {
			continue
		}
		before := &n.Layers[i-1]
		if high, wide := before.Result(); high*wide*before.Out != l.Height*l.Width*l.In {
			return bad("takes %d×%d×%d, the layer before gives %d×%d×%d", l.Height, l.Width, l.In, high, wide, before.Out)
		}
	}
	return nil
}

// Inputs and Outputs are the sizes of a sample and of its result.
func (n *Network) Inputs() int {
	l := &n.Layers[0]
	return l.Height * l.Width * l.In
}

// Outputs is the size of a result.
func (n *Network) Outputs() int {
	l := &n.Layers[len(n.Layers)-1]
	high, wide := l.Result()
	return high * wide * l.Out
}

// Forward computes one sample [height, width, channels] in floating point and calls see,
// if it is not nil, with the result of every layer.
func (n *Network) Forward(x []float32, see func(layer int, y []float32)) []float32 {
	for i := range n.Layers {
		x = n.Layers[i].forward(x)
		if see != nil {
			see(i, x)
		}
	}
	return x
}

func (l *Layer) forward(x []float32) []float32 {
	high, wide := l.positions()
	y := make([]float32, high*wide*l.Out)
	depth := l.Depth()
	patch := make([]float32, depth)
	for p := range high * wide {
		l.window(patch, x, p/wide, p%wide)
		for o := range l.Out {
			sum := float64(l.Bias[o])
			w := l.Weights[o*depth:][:depth]
			for k, v := range patch {
				sum += float64(v) * float64(w[k])
			}
			if l.ReLU {
				sum = max(sum, 0)
			}
			y[p*l.Out+o] = float32(sum)
		}
	}
	if l.Pool == 0 {
		return y
	}
	ph, pw := l.Result()
	out := make([]float32, ph*pw*l.Out)
	for i := range out {
		o, col, row := i%l.Out, i/l.Out%pw, i/l.Out/pw
		best := y[((row*l.Pool)*wide+col*l.Pool)*l.Out+o]
		for dy := range l.Pool {
			for dx := range l.Pool {
				best = max(best, y[((row*l.Pool+dy)*wide+col*l.Pool+dx)*l.Out+o])
			}
		}
		out[i] = best
	}
	return out
}

// window copies what an output position sees, zeros outside of the image.
func (l *Layer) window(patch, x []float32, row, col int) {
	if l.Dense() {
		copy(patch, x)
		return
	}
	for ky := range l.Kernel {
		for kx := range l.Kernel {
			y, z := row*l.Stride+ky-l.Pad, col*l.Stride+kx-l.Pad
			to := patch[(ky*l.Kernel+kx)*l.In:][:l.In]
			if y < 0 || y >= l.Height || z < 0 || z >= l.Width {
				clear(to)
				continue
			}
			copy(to, x[(y*l.Width+z)*l.In:])
		}
	}
}
