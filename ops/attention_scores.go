package ops

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// attentionDims is the sizes of an attention: batch and heads in lead.
type attentionDims struct {
	lead       []int
	l, s, d, e int
	group      int // heads of queries that share one of keys
	scale      float64
}

// attentionShape is the shape rule for q, k, v and the mask.
func attentionShape(a AttentionAttrs, in []Spec) (attentionDims, error) {
	var d attentionDims
	if err := sameTypes(in); err != nil {
		return d, err
	}
	if math.IsNaN(a.Scale) || math.IsInf(a.Scale, 0) {
		return d, attrErr("scale is %g, it must be finite (0 stands for 1/sqrt(D))", a.Scale)
	}
	q, k, v := in[0].Shape, in[1].Shape, in[2].Shape
	rank := len(q)
	if rank < 2 || len(k) != rank || len(v) != rank {
		return d, shapeErr("q, k and v must have the same number of axes, at least 2: [..., L, D], [..., S, D], [..., S, E]")
	}
	d = attentionDims{lead: q[:rank-2], l: q[rank-2], d: q[rank-1], s: k[rank-2], e: v[rank-1], group: 1}
	if k[rank-1] != d.d || v[rank-2] != d.s || d.d == 0 {
		return d, shapeErr("k must have the last axis of q, not empty, and v as many rows as k")
	}
	if d.s == 0 {
		return d, shapeErr("k has no rows: there is no key to attend to")
	}
	if a.Causal && d.s < d.l {
		return d, shapeErr("causal attention needs at least as many keys as queries, not %d for %d", d.s, d.l)
	}
	if !shape.Equal(k[:rank-2], v[:rank-2]) {
		return d, shapeErr("k and v must have the same axes before the last two")
	}
	if rank > 2 {
		if heads, shared := q[rank-3], k[rank-3]; heads != shared {
			if shared == 0 || heads%shared != 0 {
				return d, shapeErr("the %d heads of k and v must divide the %d of q", shared, heads)
			}
			d.group = max(heads/shared, 1)
		}
		if !shape.Equal(q[:rank-3], k[:rank-3]) {
			return d, shapeErr("q, k and v must have the same axes before that of heads")
		}
	}
	if len(in) > 3 {
		m := in[3].Shape
		k := len(m)
		if k < 2 || m[k-2] != d.l || m[k-1] != d.s {
			return d, shapeErr("the mask's last axes must be [%d, %d], queries and keys", d.l, d.s)
		}
		if lead, err := shape.Broadcast(m[:k-2], d.lead); err != nil || !shape.Equal(lead, d.lead) {
			return d, shapeErr("the mask's axes before the last two must broadcast to %s", shape.String(d.lead))
		}
	}
	d.scale = a.ScaleOf(d.d)
	return d, nil
}

// mustAttention is the sizes where the shape rule has accepted them.
func mustAttention(attrs any, in []Spec) attentionDims {
	d, err := attentionShape(attrs.(AttentionAttrs), in)
	if err != nil {
		panic(err)
	}
	return d
}

// scores is q k^T * scale + mask in the wide type, -Inf where causal hides a key.
func (d attentionDims) scores(b Builder, a AttentionAttrs, q, k Value, mask []Value) Value {
	q, k = widened(b, q), d.perQuery(b, widened(b, k))
	s := Scaled(b, MatMul.Of(b, q, Transposed(b, k)), d.scale, 0)
	if len(mask) > 0 {
		s = Add.Of(b, s, widened(b, mask[0]))
	}
	if !a.Causal {
		return s
	}
	pair := []int{d.l, d.s}
	query := Iota.With(b, IotaAttrs{DType: dtype.I32, Shape: pair, Axis: 0})
	key := Iota.With(b, IotaAttrs{DType: dtype.I32, Shape: pair, Axis: 1})
	last := Add.Of(b, query, scalarLike(b, query, float64(d.s-d.l)))
	return Where.Of(b, Le.Of(b, key, last), s, Filled(b, Spec{s.Spec().DType, nil}, math.Inf(-1)))
}

// perQuery repeats every head of keys or values for the queries' heads that share it.
func (d attentionDims) perQuery(b Builder, x Value) Value {
	if d.group == 1 {
		return x
	}
	dims := x.Spec().Shape
	lead, rows := dims[:len(dims)-2], dims[len(dims)-2:]
	x = Reshaped(b, x, slices.Concat(lead, []int{1}, rows)...)
	x = Expanded(b, x, slices.Concat(lead, []int{d.group}, rows))
	return Reshaped(b, x, slices.Concat(d.lead, rows)...)
}

// perKey sums a gradient over the heads of queries that share a head of keys.
func (d attentionDims) perKey(b Builder, x Value) Value {
	if d.group == 1 {
		return x
	}
	dims := x.Spec().Shape
	k := len(dims) - 3
	x = Reshaped(b, x, slices.Concat(dims[:k], []int{dims[k] / d.group, d.group}, dims[k+1:])...)
	return SumOver(b, x, false, k+1)
}

// eachQuery calls f for every query: with its row, the row of its first key, and its
// scores, which f must not keep.
func (d attentionDims) eachQuery(a AttentionAttrs, q, k Host, mask []Host, f func(row, keys int, scores []float64)) {
	lead := d.lead // without a mask, that of a member is not looked at
	if len(mask) > 0 {
		lead = mask[0].Shape[:len(mask[0].Shape)-2]
	}
	scores := make([]float64, d.s)
	member := 0
	for it := indexer(d.lead, lead); it.Next(); member++ {
		keys := member / d.group * d.s
		for i := range d.l {
			row := member*d.l + i
			for j := range scores {
				s := 0.0
				for c := range d.d {
					s += q.At(row*d.d+c) * k.At((keys+j)*d.d+c)
				}
				s *= d.scale
				if len(mask) > 0 {
					s += mask[0].At((it.Offsets()[0]*d.l+i)*d.s + j)
				}
				if a.Causal && j > i+d.s-d.l {
					s = math.Inf(-1)
				}
				scores[j] = s
			}
			f(row, keys, scores)
		}
	}
}
