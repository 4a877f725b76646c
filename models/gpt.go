package models

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/ops"
)

// GPTConfig is the size of a GPT.
type GPTConfig struct {
	Vocab   int     `json:"vocab"`   // different tokens
	Context int     `json:"context"` // tokens that it sees at most
	Layers  int     `json:"layers"`
	Heads   int     `json:"heads"`
	Dim     int     `json:"dim"`
	Dropout float64 `json:"dropout"`
	Bias    bool    `json:"bias"`
}

// Parameters is the number of trained numbers, as a float64, which does not
// overflow: what is read from a file can be checked before anything is made of it.
func (c GPTConfig) Parameters() float64 {
	d, bias := float64(c.Dim), 0.0
	if c.Bias {
		bias = 1
	}
	block := 12*d*d + bias*9*d + 2*d*(1+bias)
	return (float64(c.Vocab)+float64(c.Context))*d + float64(c.Layers)*block + d*(1+bias)
}

// GPT is a stack of causal transformer blocks between an embedding and a layer
// with the same weights (Radford et al. 2019), with the initial weights of its
// paper: deviation 0.02, and less by √(2·layers) where the blocks add to what
// passes through.
type GPT struct {
	c                GPTConfig
	Tokens, Position *nn.Embedding // wte, wpe
	Blocks           []*nn.TransformerBlock
	Norm             *nn.LayerNorm // ln_f
	Head             *nn.Linear    // lm_head, with the weight of Tokens
	drop             *nn.Dropout
}

// NewGPT draws a model. g also draws its dropout; nil stands for the device's
// default generator.
func NewGPT(c GPTConfig, dev *crease.Device, g *crease.Generator) (m *GPT, err error) {
	if c.Vocab < 1 || c.Context < 1 || c.Layers < 1 || c.Heads < 1 || c.Dim < 1 || c.Dim%c.Heads != 0 || !(c.Dropout >= 0 && c.Dropout < 1) {
		return nil, fmt.Errorf("gpt: %+v: want positive sizes, heads that divide the width, and a dropout in [0, 1)", c)
	}
	return m, crease.Try(func() { m = newGPT(c, dev, g) })
}

func newGPT(c GPTConfig, dev *crease.Device, g *crease.Generator) *GPT {
	at := []crease.Option{crease.On(dev)}
	if g != nil {
		at = append(at, crease.By(g))
	}
	m := &GPT{c: c, Tokens: nn.NewEmbedding(c.Vocab, c.Dim, at...), Position: nn.NewEmbedding(c.Context, c.Dim, at...), drop: nn.NewDropout(c.Dropout, g)}
	for range c.Layers {
		m.Blocks = append(m.Blocks, nn.NewTransformerBlock(nn.BlockConfig{
			Dim: c.Dim, Heads: c.Heads, Causal: true, NoBias: !c.Bias, Dropout: c.Dropout, Draws: g,
		}, at...))
	}
	m.Norm, m.Head = nn.NewLayerNorm([]int{c.Dim}, at...), nn.NewLinear(c.Dim, c.Vocab, at...).WithoutBias()
	if !c.Bias {
		m.Norm.WithoutBias()
	}
	m.Head.Weight.Free()
	m.Head.Weight = m.Tokens.Weight
	draw := func(t *crease.Tensor, std float64) {
		crease.Tidy(func() []*crease.Tensor {
			t.Assign(crease.RandNormal(t.Shape(), 0, std, at...))
			return nil
		})
	}
	const std = 0.02
	sum := std / math.Sqrt(2*float64(c.Layers))
	draw(m.Tokens.Weight, std)
	draw(m.Position.Weight, std)
	for _, b := range m.Blocks {
		draw(b.Self.InWeight, std)
		draw(b.Self.Out.Weight, sum)
		draw(b.Up.Weight, std)
		draw(b.Down.Weight, sum)
		for _, bias := range []*crease.Tensor{b.Up.Bias, b.Down.Bias} {
			if bias != nil {
				bias.Assign(crease.ZerosLike(bias))
			}
		}
	}
	return m
}

// Config is the size of the model.
func (m *GPT) Config() GPTConfig { return m.c }

// Forward maps tokens [N, L], of type i32 or i64, to scores [N, L, vocabulary].
func (m *GPT) Forward(x *crease.Tensor) *crease.Tensor { return m.run(x, nil) }

// run is Forward of tokens that follow those in the caches.
func (m *GPT) run(x *crease.Tensor, caches []*nn.KVCache) *crease.Tensor {
	at := 0
	if caches != nil {
		at = caches[0].Len()
	}
	if x.Rank() != 2 || x.Dim(1) < 1 || at+x.Dim(1) > m.c.Context {
		panic(&ops.ShapeError{Op: "gpt", In: []ops.Spec{x.Spec()}, Rule: fmt.Sprintf("takes tokens [N, L] with L from 1 to %d, the context less the %d read before", m.c.Context-at, at)})
	}
	return crease.Tidy1(func() *crease.Tensor {
		h := nn.Call(m.Tokens, x).Add(m.Position.Weight.Narrow(0, at, x.Dim(1)))
		h = nn.Call(m.drop, h)
		for i, b := range m.Blocks {
			var a nn.Attending
			if caches != nil {
				a.Cache = caches[i]
			}
			h = b.Run(h, a)
		}
		return nn.Call(m.Head, nn.Call(m.Norm, h))
	})
}

// Visit names the weights.
func (m *GPT) Visit(v *nn.Visitor) {
	v.Child("wte", m.Tokens)
	v.Child("wpe", m.Position)
	v.Child("drop", m.drop)
	for i, b := range m.Blocks {
		v.Child(fmt.Sprintf("h.%d", i), b)
	}
	v.Child("ln_f", m.Norm)
	v.Child("lm_head", m.Head)
}

// NewReader reads from the start of a text. Without a cache every token costs a
// pass over all that the model sees; the tokens are the same.
func (m *GPT) NewReader(cached bool) Reader {
	r := &gptReader{m: m}
	if cached {
		for _, b := range m.Blocks {
			r.caches = append(r.caches, b.Self.NewCache(1, m.c.Context))
		}
	}
	return r
}

// gptReader sees a window of the text. When the text is longer than the context,
// the window moves on by half of it, so that a cache is filled anew only then.
type gptReader struct {
	m      *GPT
	text   []int64
	from   int // of the window
	caches []*nn.KVCache
}

// Read adds tokens to the text.
func (r *gptReader) Read(tokens ...int64) (scores []float64, err error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("gpt: there are no tokens to read")
	}
	r.text = append(r.text, tokens...)
	seen := 0
	if r.caches != nil {
		seen = r.caches[0].Len()
	}
	from := windowStart(len(r.text), r.m.c.Context)
	fresh := r.text[r.from+seen:]
	if r.caches == nil || from != r.from {
		fresh = r.text[from:]
		for _, c := range r.caches {
			c.Cut(0)
		}
	}
	r.from = from
	err = crease.Try(func() {
		crease.NoGrad(func() {
			crease.Tidy(func() []*crease.Tensor {
				x := crease.From(fresh, []int{1, len(fresh)}, crease.On(r.m.Head.Weight.Device()))
				scores = r.m.run(x, r.caches).Index(0, len(fresh)-1).Floats()
				return nil
			})
		})
	})
	return scores, err
}

// windowStart is where the window of a text of n tokens starts: so that it has at
// most context tokens, in steps of half of it.
func windowStart(n, context int) int {
	if n <= context {
		return 0
	}
	step := max(1, context/2)
	return (n - context + step - 1) / step * step
}

// Close frees the caches.
func (r *gptReader) Close() {
	for _, c := range r.caches {
		c.Free()
	}
}
