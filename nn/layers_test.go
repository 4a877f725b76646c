package nn_test

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/ops"
)

// tied is an embedding whose table is also the last layer.
type tied struct {
	in  *nn.Embedding
	out *nn.Linear
}

func newTied() *tied {
	m := &tied{nn.NewEmbedding(5, 3), nn.NewLinear(3, 5).WithoutBias()}
	m.out.Weight = m.in.Weight
	return m
}

func (m *tied) Forward(x *crease.Tensor) *crease.Tensor { return nn.Call(m.out, nn.Call(m.in, x)) }

func (m *tied) Visit(v *nn.Visitor) {
	v.Child("in", m.in)
	v.Child("out", m.out)
}

func TestTiedWeightsAreOneTensor(t *testing.T) {
	m := newTied()
	if list := nn.Parameters(m); len(list) != 1 || list[0].Name != "in.weight" || !slices.Equal(list[0].Also, []string{"out.weight"}) || nn.Count(m) != 15 {
		t.Fatalf("the parameters are %v", list)
	}
	// Gradients of both uses add up.
	x := crease.From([]int64{0, 2}, nil)
	m.Forward(x).Sum().Backward()
	w := m.in.Weight.Floats()
	got := m.in.Weight.Grad().Floats()
	for row := range 5 {
		for c := range 3 {
			want := w[c] + w[2*3+c] // as the last layer: the sum of what goes in
			if row == 0 || row == 2 {
				for k := range 5 {
					want += w[k*3+c] // as the table: the column sums
				}
			}
			if math.Abs(got[row*3+c]-want) > 1e-4 {
				t.Fatalf("the gradient is %v", got)
			}
		}
	}
	// A file may have one name, the other, or both with equal elements.
	path := filepath.Join(t.TempDir(), "x.safetensors")
	save := func(names ...string) {
		var list []nn.Named
		for i, n := range names {
			list = append(list, nn.Named{Name: strings.TrimPrefix(n, "other "), Tensor: m.in.Weight})
			if strings.HasPrefix(n, "other ") {
				list[i].Tensor = crease.Randn([]int{5, 3})
			}
		}
		if err := safetensors.Save(path, nn.Pack("", list), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, names := range [][]string{{"in.weight"}, {"out.weight"}, {"in.weight", "out.weight"}} {
		save(names...)
		n := newTied()
		if err := nn.Load(path, n); err != nil || !slices.Equal(n.in.Weight.Floats(), w) {
			t.Errorf("%v: %v", names, err)
		}
	}
	var bad *nn.StateError
	for _, names := range [][]string{{}, {"in.weight", "other out.weight"}, {"in.weight", "extra"}} {
		save(names...)
		if err := nn.Load(path, newTied()); !errors.As(err, &bad) {
			t.Errorf("%v: %v", names, err)
		}
	}
}

func TestHooks(t *testing.T) {
	a, b := nn.NewLinear(2, 2), nn.Relu()
	m := nn.NewSequential(a, b)
	x := crease.Randn([]int{3, 2})
	plain := m.Forward(x).Floats()
	var seen []string
	removeA := nn.BeforeForward(a, func(_ nn.Module, in *crease.Tensor) *crease.Tensor {
		seen = append(seen, "before a")
		return in.MulScalar(0)
	})
	removeB := nn.AfterForward(b, func(_ nn.Module, in, out *crease.Tensor) *crease.Tensor {
		seen = append(seen, "after b")
		return out.AddScalar(7)
	})
	bias := a.Bias.Floats()
	for i, v := range nn.Call(m, x).Floats() {
		if want := max(bias[i%2], 0) + 7; math.Abs(v-want) > 1e-6 {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
	if !slices.Equal(seen, []string{"before a", "after b"}) {
		t.Errorf("hooks ran as %v", seen)
	}
	removeA()
	removeA() // twice is once
	removeB()
	if !slices.Equal(nn.Call(m, x).Floats(), plain) {
		t.Error("removed hooks go on")
	}
	var bad *ops.AttrError
	if err := crease.Try(func() { nn.BeforeForward(nn.Function{}, nil) }); !errors.As(err, &bad) {
		t.Errorf("a hook on a value: %v", err)
	}
}

func TestFreeze(t *testing.T) {
	body, head := nn.NewLinear(2, 4), nn.NewLinear(4, 1)
	m := nn.NewSequential(body, nn.Tanh(), head)
	loss := func(in ...*crease.Tensor) []*crease.Tensor {
		return crease.Grad([]*crease.Tensor{m.Forward(in[0]).Sum()}, nn.Tensors(nn.Trainable(m)))
	}
	c, x := crease.Compile(loss), crease.Randn([]int{3, 2})
	if n := len(c.Call(x)); n != 4 {
		t.Fatalf("%d gradients", n)
	}
	nn.Freeze(body)
	if list := nn.Trainable(m); len(list) != 2 || list[0].Name != "2.weight" {
		t.Errorf("trainable are %v", list)
	}
	if n := len(c.Call(x)); n != 2 {
		t.Errorf("a compiled function gives %d gradients after Freeze", n)
	}
	m.Forward(x).Sum().Backward()
	if body.Weight.Grad() != nil || head.Weight.Grad() == nil {
		t.Error("gradients flow to the wrong parameters")
	}
	nn.Unfreeze(body)
	if len(nn.Trainable(m)) != 4 {
		t.Error("Unfreeze leaves some frozen")
	}
}

// Decoding in pieces with a cache gives what one pass gives, also with grouped
// queries and rotary positions; what does not fit is refused.
func TestCacheGivesTheSameResults(t *testing.T) {
	block := nn.NewTransformerBlock(nn.BlockConfig{Dim: 16, Heads: 4, KVHeads: 2, Causal: true, Act: "swiglu", RMS: true, Rotary: nn.NewRotary(4, 12, 1e4)})
	crease.NoGrad(func() {
		x := crease.Randn([]int{2, 12, 16})
		want := block.Forward(x).Floats()
		cache := block.Self.NewCache(2, 12)
		defer cache.Free()
		var parts []*crease.Tensor
		at := 0
		for _, n := range []int{5, 1, 1, 3, 2} {
			parts = append(parts, block.Run(x.Narrow(1, at, n), nn.Attending{Cache: cache}))
			at += n
		}
		near(t, "decoded", crease.Concat(1, parts...).Floats(), want)
		var full *ops.ShapeError
		if err := crease.Try(func() { block.Run(x.Narrow(1, 0, 1), nn.Attending{Cache: cache}) }); !errors.As(err, &full) {
			t.Errorf("a full cache: %v", err)
		}
		cache.Cut(5)
		near(t, "after a cut", block.Run(x.Narrow(1, 5, 1), nn.Attending{Cache: cache}).Floats(), parts[1].Floats())
	})
	var grad *ops.GradError
	if err := crease.Try(func() {
		block.Run(crease.Randn([]int{1, 1, 16}), nn.Attending{Cache: block.Self.NewCache(1, 4)})
	}); !errors.As(err, &grad) {
		t.Errorf("a cache where gradients are recorded: %v", err)
	}
}

// Attention with dropout writes its weights down: without dropping it is the
// fused op, and what it drops is scaled.
func TestAttentionDropout(t *testing.T) {
	c := nn.AttentionConfig{Dim: 8, Heads: 4, KVHeads: 2, Causal: true, Dropout: 1e-12, Draws: crease.NewGenerator(3)}
	l := nn.NewMultiHeadAttention(c)
	x, mask := crease.Randn([]int{2, 5, 8}), crease.Randn([]int{5, 5})
	a := l.Attend(x, nn.Attending{Mask: mask}).Floats()
	nn.Eval(l)
	near(t, "without dropping", a, l.Attend(x, nn.Attending{Mask: mask}).Floats())

	// Keys of zeros weigh all values alike; with values of one, results are sums of weights.
	c = nn.AttentionConfig{Dim: 1, Heads: 1, Dropout: 0.25, NoBias: true, Draws: c.Draws}
	l = nn.NewMultiHeadAttention(c)
	l.InWeight.Assign(crease.From([]float32{0, 0, 1}, []int{3, 1}))
	l.Out.Weight.Assign(crease.Ones([]int{1, 1}))
	y := l.Forward(crease.Ones([]int{1, 200, 1})).Floats()
	sum := 0.0
	for _, v := range y {
		sum += v / float64(len(y))
	}
	if math.Abs(sum-1) > 0.02 || slices.Max(y) == slices.Min(y) {
		t.Errorf("weights sum up to %v on average, from %v to %v", sum, slices.Min(y), slices.Max(y))
	}
}

func TestOrthogonal(t *testing.T) {
	for _, dims := range [][]int{{4, 9}, {9, 4}, {3, 2, 3}, {5, 5}} {
		w := nn.Orthogonal(dims, 2).Flatten(1)
		if w.Dim(0) > w.Dim(1) {
			w = w.T()
		}
		want := crease.Eye(w.Dim(0)).MulScalar(4).Floats()
		for i, v := range w.MatMul(w.T()).Floats() {
			if math.Abs(v-want[i]) > 1e-5 {
				t.Fatalf("%v: products are not orthogonal: %v", dims, v)
			}
		}
	}
}

func TestTruncatedNormal(t *testing.T) {
	w := nn.TruncatedNormal([]int{20000}, 1, 2, 0, 4, crease.By(crease.NewGenerator(1))).Floats()
	if slices.Min(w) < 0 || slices.Max(w) > 4 {
		t.Fatalf("values from %v to %v", slices.Min(w), slices.Max(w))
	}
	// The distribution function at 2, of the normal cut to [0, 4].
	phi := func(x float64) float64 { return math.Erfc(-(x-1)/(2*math.Sqrt2)) / 2 }
	want := (phi(2) - phi(0)) / (phi(4) - phi(0))
	n := 0.0
	for _, v := range w {
		if v < 2 {
			n++
		}
	}
	if got := n / float64(len(w)); math.Abs(got-want) > 0.015 {
		t.Errorf("%v of the values are below 2, want %v", got, want)
	}
}

func TestSummary(t *testing.T) {
	m := nn.NewSequential(nn.NewConv2d(1, 4, 3, nn.ConvConfig{Pad: 1}), nn.Relu(), nn.NewFlatten(), nn.NewLinear(4*6*6, 10))
	nn.Freeze(m.Layers[0])
	before := m.Layers[3].(*nn.Linear).Weight.Device().Memory().InUse
	s, err := nn.Summarize(m, crease.Zeros([]int{2, 1, 6, 6}))
	if err != nil {
		t.Fatal(err)
	}
	if s.Parameters != 4*9+4+1440+10 || s.Frozen != 40 || s.StateBytes != 4*s.Parameters {
		t.Errorf("counted %+v", s)
	}
	conv, linear := s.Layers[1], s.Layers[4]
	if conv.Kind != "Conv2d" || conv.Name != "0" || conv.Parameters != 40 || conv.Flops != 2*9*4*36*2 || !slices.Equal(conv.Out.Shape, []int{2, 4, 6, 6}) {
		t.Errorf("the convolution is %+v", conv)
	}
	if linear.Calls != 1 || linear.Flops < 2*1440*2 || linear.Flops > 2*1440*2+100 || s.Flops < conv.Flops+linear.Flops {
		t.Errorf("the last layer is %+v of %v", linear, s.Flops)
	}
	if least := s.StateBytes + 4*1450 + 4*2*36; s.StepBytes < least || s.StepBytes > 2*least+4*10*2*4*36 {
		t.Errorf("a step takes %d bytes", s.StepBytes)
	}
	if text := s.String(); !strings.Contains(text, "Conv2d") || !strings.Contains(text, "1490 parameters") {
		t.Errorf("the table is\n%s", text)
	}
	if after := m.Layers[3].(*nn.Linear).Weight.Device().Memory().InUse; after > before+4096 {
		t.Errorf("memory in use went from %d to %d", before, after)
	}
	if _, err := nn.Summarize(m, crease.Zeros([]int{2, 3, 6, 6})); err == nil {
		t.Error("a wrong number of channels was accepted")
	}
	// A module that is no pointer can have no hook, so its calls are not counted.
	value := nn.Function{Name: "twice", F: func(x *crease.Tensor) *crease.Tensor { return x.MulScalar(2) }}
	s, err = nn.Summarize(nn.NewSequential(value, nn.Relu()), crease.Zeros([]int{3}))
	if err != nil || len(s.Layers) != 3 || s.Layers[1].Kind != "twice" || s.Layers[1].Calls != 0 || s.Layers[2].Calls != 1 {
		t.Errorf("a module that is no pointer: %+v, %v", s, err)
	}
}

func TestLayersRefuse(t *testing.T) {
	for name, f := range map[string]func(){
		"heads":         func() { nn.NewMultiHeadAttention(nn.AttentionConfig{Dim: 8, Heads: 3}) },
		"heads of keys": func() { nn.NewMultiHeadAttention(nn.AttentionConfig{Dim: 8, Heads: 4, KVHeads: 3}) },
		"attention input": func() {
			nn.NewMultiHeadAttention(nn.AttentionConfig{Dim: 8, Heads: 2}).Forward(crease.Zeros([]int{2, 8}))
		},
		"activation": func() { nn.NewTransformerBlock(nn.BlockConfig{Dim: 8, Heads: 2, Act: "x"}) },
		"no source": func() {
			nn.NewTransformerBlock(nn.BlockConfig{Dim: 8, Heads: 2, Cross: true}).Forward(crease.Zeros([]int{1, 2, 8}))
		},
		"groups":   func() { nn.NewGroupNorm(3, 4) },
		"extra":    func() { nn.NewConvTranspose2d(1, 1, 3, 2, nn.ConvConfig{Stride: 2}) },
		"sequence": func() { nn.NewLSTM(3, 4, nn.RecurrentConfig{}).Forward(crease.Zeros([]int{2, 5, 4})) },
		"lengths": func() {
			nn.NewGRU(3, 4, nn.RecurrentConfig{}).Run(crease.Zeros([]int{2, 5, 3}), nil, crease.Zeros([]int{2}))
		},
		"states": func() {
			nn.NewLSTM(3, 4, nn.RecurrentConfig{}).Run(crease.Zeros([]int{2, 5, 3}), []*crease.Tensor{crease.Zeros([]int{1, 2, 4})}, nil)
		},
		"odd rotary": func() { nn.NewRotary(3, 4, 1e4) },
		"far rotary": func() { nn.NewRotary(4, 4, 1e4).Turn(crease.Zeros([]int{2, 4}), 3) },
		"sizes":      func() { nn.NewAdaptiveAvgPool(0) },
		"bounds":     func() { nn.TruncatedNormal([]int{3}, 0, 1, 2, 1) },
	} {
		if err := crease.Try(f); err == nil {
			t.Errorf("%s: nothing was refused", name)
		}
	}
}

// A checkpointed block has the gradients and the names of the block.
func TestCheckpointed(t *testing.T) {
	g := crease.NewGenerator(2)
	block := nn.NewTransformerBlock(nn.BlockConfig{Dim: 8, Heads: 2, Dropout: 0.3, Draws: g})
	x := crease.Randn([]int{2, 4, 8})
	grads := func(m nn.Module) (out []float64) {
		g.Seed(5)
		nn.Call(m, x).Square().Sum().Backward()
		for _, p := range nn.Parameters(m) {
			out = append(out, p.Tensor.Grad().Floats()...)
			p.Tensor.ZeroGrad()
		}
		return out
	}
	l := nn.NewCheckpointed(block, g)
	if !slices.Equal(grads(block), grads(l)) || l.Saved() <= 0 {
		t.Errorf("the gradients are others, %d bytes saved", l.Saved())
	}
	if a, b := nn.Parameters(block), nn.Parameters(l); len(a) != len(b) || a[0].Name != b[0].Name {
		t.Errorf("names are %v and %v", a, b)
	}
	nn.Eval(l)
	if y := l.Forward(x).Floats(); !slices.Equal(y, l.Forward(x).Floats()) {
		t.Error("evaluation drops")
	}
}

// Everything that a block needs moves with it, eager and compiled on the new device.
func TestBlocksMove(t *testing.T) {
	d, err := crease.Open("cpu/generic")
	if err != nil {
		t.Fatal(err)
	}
	block := nn.NewTransformerBlock(nn.BlockConfig{Dim: 8, Heads: 2, Causal: true, Rotary: nn.NewRotary(4, 6, 1e4)})
	x := crease.Randn([]int{2, 6, 8})
	want := block.Forward(x).Floats()
	nn.To(block, d)
	x = x.To(d)
	near(t, "moved", block.Forward(x).Floats(), want)
	c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{block.Forward(in[0])} })
	near(t, "moved and compiled", c.Call(x)[0].Detach().Floats(), want)
}
