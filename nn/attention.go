package nn

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// AttentionConfig says what a MultiHeadAttention is made of.
type AttentionConfig struct {
	Dim     int  // of the vectors that go in and come out
	Heads   int  // of queries; Dim is a multiple
	KVHeads int  // of keys and values: Heads is a multiple; 0 stands for Heads
	Causal  bool // a position sees itself and those before
	NoBias  bool
	Dropout float64           // of the weights of attention, in training
	Rotary  *Rotary           // turns queries and keys by their positions, or nil
	Draws   *crease.Generator // of dropout; nil for the device's default
}

// MultiHeadAttention lets every position of a sequence take up what others hold
// (Vaswani et al. 2017). With fewer heads of keys than of queries, several share
// one (Ainslie et al. 2023).
type MultiHeadAttention struct {
	// InWeight [(Heads+2·KVHeads)·D, Dim] and InBias make queries, keys and values,
	// one above the other; D is Dim/Heads.
	InWeight, InBias *crease.Tensor
	Out              *Linear
	c                AttentionConfig
	training         bool
}

// NewMultiHeadAttention draws the input weights by XavierUniform and those of the
// output within 1/√Dim, with biases of zero, PyTorch's defaults.
func NewMultiHeadAttention(c AttentionConfig, opts ...crease.Option) *MultiHeadAttention {
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.Dim < 1 || c.Heads < 1 || c.KVHeads < 1 || c.Dim%c.Heads != 0 || c.Heads%c.KVHeads != 0 {
		panic(&ops.AttrError{Op: "multi_head_attention", Reason: fmt.Sprintf(
			"%d heads of queries and %d of keys for vectors of %d: the heads of keys must divide those of queries, and these the vectors", c.Heads, c.KVHeads, c.Dim)})
	}
	rows := c.Dim + 2*c.KVHeads*(c.Dim/c.Heads)
	l := &MultiHeadAttention{
		InWeight: param(XavierUniform([]int{rows, c.Dim}, c.Dim, rows, 1, opts...)),
		Out:      NewLinear(c.Dim, c.Dim, opts...), c: c, training: true,
	}
	if c.NoBias {
		l.Out.WithoutBias()
	} else {
		l.InBias = param(crease.Zeros([]int{rows}, opts...))
		l.Out.Bias.Assign(crease.ZerosLike(l.Out.Bias))
	}
	return l
}

// Attending changes one call of attention.
type Attending struct {
	Source *crease.Tensor // whose keys and values are looked at [N, S, Dim]; nil for the input itself
	Mask   *crease.Tensor // added to the scores: its last axes are [L, S], those before broadcast to [N, Heads]
	Cache  *KVCache       // holds keys and values of earlier calls; the new ones are added
}

// Forward is self-attention: [N, L, Dim] to [N, L, Dim].
func (l *MultiHeadAttention) Forward(x *crease.Tensor) *crease.Tensor {
	return l.Attend(x, Attending{})
}

// Attend maps [N, L, Dim] to [N, L, Dim]. With a cache, the input is what follows
// the positions that the cache holds.
func (l *MultiHeadAttention) Attend(x *crease.Tensor, a Attending) *crease.Tensor {
	if x.Rank() != 3 || x.Dim(2) != l.c.Dim || a.Source != nil && (a.Source.Rank() != 3 || a.Source.Dim(2) != l.c.Dim) {
		in := []ops.Spec{x.Spec()}
		if a.Source != nil {
			in = append(in, a.Source.Spec())
		}
		panic(&ops.ShapeError{Op: "multi_head_attention", In: in, Rule: fmt.Sprintf("takes sequences of vectors [N, L, %d]", l.c.Dim)})
	}
	if a.Source != nil && (a.Cache != nil || l.c.Rotary != nil || l.c.Causal) {
		panic(&ops.AttrError{Op: "multi_head_attention", Reason: "looking at another sequence goes with no cache, no rotary positions and no causal mask, which are about the positions of one sequence"})
	}
	return crease.Tidy1(func() *crease.Tensor {
		q, k, v := l.project(x, a.Source)
		at := 0
		if a.Cache != nil {
			at = a.Cache.Len()
		}
		if l.c.Rotary != nil {
			q, k = l.c.Rotary.Turn(q, at), l.c.Rotary.Turn(k, at)
		}
		if a.Cache != nil {
			k, v = a.Cache.add(k, v)
		}
		y := l.mix(q, k, v, a.Mask)
		return Call(l.Out, y.Transpose(1, 2).Reshape(x.Dim(0), x.Dim(1), l.c.Dim))
	})
}

// project makes queries [N, Heads, L, D], keys and values [N, KVHeads, S, D].
func (l *MultiHeadAttention) project(x, source *crease.Tensor) (q, k, v *crease.Tensor) {
	d := l.c.Dim / l.c.Heads
	kv := l.c.KVHeads * d
	heads := func(t *crease.Tensor, from, count int) *crease.Tensor {
		return t.Narrow(2, from, count*d).Reshape(t.Dim(0), t.Dim(1), count, d).Transpose(1, 2)
	}
	if source == nil || source == x {
		all := x.Linear(l.InWeight, l.InBias)
		return heads(all, 0, l.c.Heads), heads(all, l.c.Dim, l.c.KVHeads), heads(all, l.c.Dim+kv, l.c.KVHeads)
	}
	part := func(t *crease.Tensor, from, count int) *crease.Tensor {
		if l.InBias == nil {
			return t.Linear(l.InWeight.Narrow(0, from, count), nil)
		}
		return t.Linear(l.InWeight.Narrow(0, from, count), l.InBias.Narrow(0, from, count))
	}
	both := part(source, l.c.Dim, 2*kv)
	return heads(part(x, 0, l.c.Dim), 0, l.c.Heads), heads(both, 0, l.c.KVHeads), heads(both, kv, l.c.KVHeads)
}

// mix is the values [N, Heads, L, D] that the queries find.
func (l *MultiHeadAttention) mix(q, k, v, mask *crease.Tensor) *crease.Tensor {
	if !l.training || l.c.Dropout == 0 {
		in := []*crease.Tensor{q, k, v}
		if mask != nil {
			in = append(in, mask)
		}
		return crease.Apply(ops.Attention, ops.AttentionAttrs{Causal: l.c.Causal}, in...)[0]
	}
	// The fused op has no dropout: the weights are written down.
	if group := l.c.Heads / l.c.KVHeads; group > 1 {
		k, v = k.RepeatInterleave(group, 1), v.RepeatInterleave(group, 1)
	}
	scores := q.MatMul(k.Transpose(2, 3)).MulScalar(1 / math.Sqrt(float64(q.Dim(3))))
	if mask != nil {
		scores = scores.Add(mask)
	}
	if l.c.Causal {
		scores = scores.Add(causalMask(q.Dim(2), k.Dim(2), scores.DType(), scores.Device()))
	}
	return scores.Softmax(3).Dropout(l.c.Dropout, l.c.Draws).MatMul(v)
}

// causalMask [l, s] hides from query i the keys after i+s-l.
func causalMask(l, s int, t dtype.Type, dev *crease.Device) *crease.Tensor {
	return crease.Full([]int{l, s}, negInf, crease.As(t), crease.On(dev)).Triu(s - l + 1)
}

// SetTraining switches dropout on or off.
func (l *MultiHeadAttention) SetTraining(on bool) { l.training = on }

// Visit names the weights as PyTorch's MultiheadAttention does.
func (l *MultiHeadAttention) Visit(v *Visitor) {
	v.Param("in_proj_weight", l.InWeight)
	v.Param("in_proj_bias", l.InBias)
	v.Child("out_proj", l.Out)
}
