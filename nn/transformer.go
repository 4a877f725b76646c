package nn

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// BlockConfig says what a TransformerBlock is made of.
type BlockConfig struct {
	Dim, Heads, KVHeads int     // as in AttentionConfig
	Hidden              int     // width between the two layers after attention; 0 stands for 4·Dim
	Causal              bool    // a position sees itself and those before
	Cross               bool    // a second attention looks at another sequence
	PostNorm            bool    // normalise the sums, as Vaswani et al. 2017; else what goes into the layers
	RMS                 bool    // RMSNorm in place of LayerNorm
	Act                 string  // "relu", "gelu", "gelu_tanh", "silu" or "swiglu"; "" stands for gelu
	NoBias              bool    // nowhere, norms included
	Dropout             float64 // of attention's weights, the hidden layer and what is added
	Rotary              *Rotary
	Draws               *crease.Generator // of dropout; nil for the device's default
}

// TransformerBlock is attention and a two-layer network, each with a shortcut and
// a norm. Its state has the names of PyTorch's TransformerEncoderLayer, with Cross
// those of TransformerDecoderLayer. With the activation "swiglu" (Shazeer 2020),
// linear3 makes what the gate of linear1 lets through.
type TransformerBlock struct {
	Self, Cross      *MultiHeadAttention // Cross may be nil
	Up, Down, Values *Linear             // linear1, linear2, linear3; the last may be nil
	norms            []Module            // norm1, norm2 and with Cross norm3
	drop             *Dropout
	act              func(*crease.Tensor) *crease.Tensor
	post             bool
}

// blockActs are the activations by name.
var blockActs = map[string]func(*crease.Tensor) *crease.Tensor{
	"": (*crease.Tensor).Gelu, "gelu": (*crease.Tensor).Gelu, "gelu_tanh": (*crease.Tensor).GeluTanh,
	"relu": (*crease.Tensor).Relu, "silu": (*crease.Tensor).Silu, "swiglu": (*crease.Tensor).Silu,
}

// NewTransformerBlock draws weights as the layers do by themselves.
func NewTransformerBlock(c BlockConfig, opts ...crease.Option) *TransformerBlock {
	act := blockActs[c.Act]
	if act == nil {
		panic(&ops.AttrError{Op: "transformer_block", Reason: fmt.Sprintf("there is no activation %q: want relu, gelu, gelu_tanh, silu or swiglu", c.Act)})
	}
	if c.Hidden == 0 {
		c.Hidden = 4 * c.Dim
	}
	a := AttentionConfig{Dim: c.Dim, Heads: c.Heads, KVHeads: c.KVHeads, Causal: c.Causal, NoBias: c.NoBias, Dropout: c.Dropout, Rotary: c.Rotary, Draws: c.Draws}
	linear := func(in, out int) *Linear {
		l := NewLinear(in, out, opts...)
		if c.NoBias {
			l.WithoutBias()
		}
		return l
	}
	b := &TransformerBlock{
		Self: NewMultiHeadAttention(a, opts...), Up: linear(c.Dim, c.Hidden), Down: linear(c.Hidden, c.Dim),
		drop: NewDropout(c.Dropout, c.Draws), act: act, post: c.PostNorm,
	}
	norms := 2
	if c.Cross {
		a.Causal, a.Rotary = false, nil
		b.Cross = NewMultiHeadAttention(a, opts...)
		norms = 3
	}
	if c.Act == "swiglu" {
		b.Values = linear(c.Dim, c.Hidden)
	}
	for range norms {
		switch {
		case c.RMS:
			b.norms = append(b.norms, NewRMSNorm([]int{c.Dim}, opts...))
		case c.NoBias:
			b.norms = append(b.norms, NewLayerNorm([]int{c.Dim}, opts...).WithoutBias())
		default:
			b.norms = append(b.norms, NewLayerNorm([]int{c.Dim}, opts...))
		}
	}
	return b
}

// Forward maps [N, L, Dim] to [N, L, Dim].
func (b *TransformerBlock) Forward(x *crease.Tensor) *crease.Tensor { return b.run(x, Attending{}) }

// Run is [Call] with a mask or a cache for self-attention, and with the sequence
// that cross-attention looks at as the source, which goes without a mask.
func (b *TransformerBlock) Run(x *crease.Tensor, a Attending) *crease.Tensor {
	return called(b, x, func(x *crease.Tensor) *crease.Tensor { return b.run(x, a) })
}

func (b *TransformerBlock) run(x *crease.Tensor, a Attending) *crease.Tensor {
	if (a.Source == nil) != (b.Cross == nil) {
		panic(&ops.AttrError{Op: "transformer_block", Reason: "a source sequence is for blocks made with Cross, and these need one"})
	}
	other := Attending{Source: a.Source}
	a.Source = nil
	attend := func(l *MultiHeadAttention, a Attending) func(*crease.Tensor) *crease.Tensor {
		return func(x *crease.Tensor) *crease.Tensor {
			return called(l, x, func(x *crease.Tensor) *crease.Tensor { return l.Attend(x, a) })
		}
	}
	return crease.Tidy1(func() *crease.Tensor {
		x = b.add(x, b.norms[0], attend(b.Self, a))
		if b.Cross != nil {
			x = b.add(x, b.norms[1], attend(b.Cross, other))
		}
		return b.add(x, b.norms[len(b.norms)-1], b.feed)
	})
}

// add is one shortcut: x + f(norm(x)), or norm(x + f(x)).
func (b *TransformerBlock) add(x *crease.Tensor, norm Module, f func(*crease.Tensor) *crease.Tensor) *crease.Tensor {
	if b.post {
		return Call(norm, x.Add(b.drop.Forward(f(x))))
	}
	return x.Add(b.drop.Forward(f(Call(norm, x))))
}

// feed is the network after attention.
func (b *TransformerBlock) feed(x *crease.Tensor) *crease.Tensor {
	h := b.act(Call(b.Up, x))
	if b.Values != nil {
		h = h.Mul(Call(b.Values, x))
	}
	return Call(b.Down, b.drop.Forward(h))
}

// Visit names the layers.
func (b *TransformerBlock) Visit(v *Visitor) {
	v.Child("self_attn", b.Self)
	if b.Cross != nil {
		v.Child("multihead_attn", b.Cross)
	}
	v.Child("linear1", b.Up)
	v.Child("linear2", b.Down)
	if b.Values != nil {
		v.Child("linear3", b.Values)
	}
	for i, n := range b.norms {
		v.Child(fmt.Sprintf("norm%d", i+1), n)
	}
	v.Child("dropout", b.drop)
}
