package quant

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/sim"
)

// random is a network of convolutions and dense layers with random sizes and weights.
func random(r *rand.Rand) *Network {
	n := &Network{}
	height, width, in := 3+r.IntN(8), 3+r.IntN(8), 1+r.IntN(4)
	add := func(l Layer) {
		l.Height, l.Width, l.In = height, width, in
		for range l.Depth() * l.Out {
			l.Weights = append(l.Weights, float32(r.NormFloat64()))
		}
		for range l.Out {
			l.Bias = append(l.Bias, float32(r.NormFloat64()))
		}
		n.Layers = append(n.Layers, l)
		height, width = l.Result()
		in = l.Out
	}
	for range r.IntN(3) {
		l := Layer{Name: "conv", Out: 1 + r.IntN(12), Kernel: 1 + r.IntN(min(3, height, width)), Stride: 1 + r.IntN(2), ReLU: r.IntN(2) == 0}
		l.Pad = r.IntN(l.Kernel)
		l.Height, l.Width, l.In = height, width, in
		if high, wide := l.positions(); min(high, wide) >= 2 && r.IntN(2) == 0 {
			l.Pool = 2
		}
		add(l)
	}
	for i := range 1 + r.IntN(3) {
		add(Layer{Name: "dense", Out: 1 + r.IntN(30), ReLU: i == 0 && r.IntN(2) == 0})
	}
	return n
}

// integer computes a quantised sample in plain integers, with the rounding that the
// package comment states.
func integer(q *Integers, x []float32) []float32 {
	input := make([]byte, len(x))
	q.Input(input, x)
	now := make([]float32, len(x)) // whole numbers
	for i, b := range input {
		now[i] = float32(int8(b))
	}
	for i := range q.Layers {
		l, il := &q.Network.Layers[i], &q.Layers[i]
		high, wide := l.positions()
		y := make([]float32, high*wide*l.Out)
		patch := make([]float32, l.Depth())
		for p := range high * wide {
			l.window(patch, now, p/wide, p%wide)
			for o := range l.Out {
				sum := int64(il.Bias[o])
				for k, v := range patch {
					sum += int64(v) * int64(il.Weights[k*l.Out+o])
				}
				v := float32(int32(sum)) * il.Scales[o]
				if l.ReLU {
					v = max(v, 0)
				}
				y[p*l.Out+o] = v
			}
		}
		if l.Pool > 0 {
			ph, pw := l.Result()
			out := make([]float32, ph*pw*l.Out)
			for k := range out {
				o, col, row := k%l.Out, k/l.Out%pw, k/l.Out/pw
				best := float32(math.Inf(-1))
				for d := range l.Pool * l.Pool {
					best = max(best, y[((row*l.Pool+d/l.Pool)*wide+col*l.Pool+d%l.Pool)*l.Out+o])
				}
				out[k] = best
			}
			y = out
		}
		if i < len(q.Layers)-1 {
			next := &q.Layers[i+1]
			lo, hi := 0.0, 255.0
			if next.Signed {
				lo, hi = -128, 127
			}
			for k, v := range y {
				y[k] = float32(min(max(math.RoundToEven(float64(v*(1/next.In))), lo), hi))
			}
		}
		now = y
	}
	return now
}

// Programs of random networks compute what plain integers do, on arrays of several sizes.
func TestPrograms(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	ran := 0
	for i := range 120 {
		n := random(r)
		var samples [][]float32
		for range 1 + r.IntN(5) {
			x := make([]float32, n.Inputs())
			for k := range x {
				x[k] = float32(r.NormFloat64())
			}
			samples = append(samples, x)
		}
		q, err := Quantize(n, samples, i%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		opts := map[string]string{"dtype": "int8"}
		if i%3 == 0 {
			opts["rows"], opts["cols"] = "16", "8"
		}
		c, err := arch.Parse("v1", opts)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := Compile(q, c, len(samples)+r.IntN(2))
		if err != nil {
			t.Logf("seed %d, network %d: %v", seed, i, err)
			continue
		}
		m, err := sim.New(c, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := NewRunner(compiled, m)
		if err != nil {
			t.Fatalf("seed %d, network %d: %v", seed, i, err)
		}
		got, err := run.Run(samples)
		if err != nil {
			t.Fatal(err)
		}
		for s, x := range samples {
			want := integer(q, x)
			for k := range want {
				if got[s][k] != want[k] {
					t.Fatalf("seed %d, network %d (%+v), sample %d, result %d is %g, want %g", seed, i, n.Layers, s, k, got[s][k], want[k])
				}
			}
		}
		ran++
	}
	if ran < 60 {
		t.Errorf("only %d of 120 networks were compiled", ran)
	}
}

// Quantised results are near those of floating point: nearer with a scale per channel
// where channels differ.
func TestQuantizeIsNear(t *testing.T) {
	r := rand.New(rand.NewPCG(5, rand.Uint64()))
	n := &Network{Layers: []Layer{{Name: "dense", Height: 1, Width: 1, In: 64, Out: 32}}}
	l := &n.Layers[0]
	for o := range l.Out {
		for range l.Depth() {
			l.Weights = append(l.Weights, float32(r.NormFloat64()*math.Pow(4, float64(o%4))))
		}
		l.Bias = append(l.Bias, float32(r.NormFloat64()))
	}
	var samples [][]float32
	for range 64 {
		x := make([]float32, 64)
		for k := range x {
			x[k] = float32(r.NormFloat64())
		}
		samples = append(samples, x)
	}
	distance := func(perChannel bool) (d float64) {
		q, err := Quantize(n, samples, perChannel)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range samples {
			want := n.Forward(x, nil)
			for o, v := range integer(q, x) {
				d += math.Abs(float64(v-want[o])) / math.Pow(4, float64(o%4)) / float64(len(samples)*l.Out)
			}
		}
		return d
	}
	tensor, channel := distance(false), distance(true)
	if channel > 0.15 || channel > tensor {
		t.Errorf("mean error %.3g per tensor and %.3g per channel", tensor, channel)
	}
}

func TestErrors(t *testing.T) {
	good := func() *Network {
		return &Network{Layers: []Layer{{Name: "a", Height: 1, Width: 1, In: 4, Out: 2, Weights: make([]float32, 8), Bias: make([]float32, 2)}}}
	}
	for name, spoil := range map[string]func(n *Network){
		"no layers": func(n *Network) { n.Layers = nil },
		"weights":   func(n *Network) { n.Layers[0].Weights = nil },
		"sizes":     func(n *Network) { n.Layers[0].In = -1 },
		"chain":     func(n *Network) { n.Layers = append(n.Layers, n.Layers[0]) },
		"kernel":    func(n *Network) { n.Layers[0].Kernel = 3 },
	} {
		n := good()
		spoil(n)
		if n.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	q, err := Quantize(good(), [][]float32{make([]float32, 4)}, false)
	if err != nil {
		t.Fatal(err)
	}
	v2, _ := arch.Preset("v2")
	if _, err := Compile(q, v2, 1); err == nil {
		t.Error("a bf16 array takes integers")
	}
	v1, _ := arch.Preset("v1")
	if _, err := Compile(q, v1, 0); err == nil {
		t.Error("a batch of 0")
	}
}
