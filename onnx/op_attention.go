package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	add("Attention", attention)
	add1("RotaryEmbedding", rotary)
	add("LinearAttention", linearAttention)
	addIn("ai.onnx.preview", "FlexAttention", flexAttention)
}

// heads splits [B, L, H·D] into [B, H, L, D]; arrays of four axes are so already.
func (c *call) heads(x ops.Value, n int) ops.Value {
	d := x.Spec().Shape
	if len(d) == 4 {
		return x
	}
	if len(d) != 3 || n < 1 || d[2]%n != 0 {
		c.fail("%d heads of %s, want [B, L, heads*size] or [B, heads, L, size]", n, shape.String(d))
	}
	return ops.Permuted(c.b, ops.Reshaped(c.b, x, d[0], d[1], n, d[2]/n), 0, 2, 1, 3)
}

// joined undoes heads.
func (c *call) joined(x ops.Value) ops.Value {
	d := x.Spec().Shape
	return ops.Reshaped(c.b, ops.Permuted(c.b, x, 0, 2, 1, 3), d[0], d[2], d[1]*d[3])
}

// grouped repeats heads of keys or values for the queries that share them.
func (c *call) grouped(x ops.Value, heads int) ops.Value {
	d := x.Spec().Shape
	if d[1] == heads {
		return x
	}
	if d[1] == 0 || heads%d[1] != 0 {
		c.fail("%d heads of queries share %d of keys", heads, d[1])
	}
	x = ops.Expanded(c.b, ops.Reshaped(c.b, x, d[0], d[1], 1, d[2], d[3]), []int{d[0], d[1], heads / d[1], d[2], d[3]})
	return ops.Reshaped(c.b, x, d[0], heads, d[2], d[3])
}

func attention(c *call) []ops.Value {
	flat := len(c.spec(0).Shape) == 3
	qh, kh := c.int("q_num_heads", 0), c.int("kv_num_heads", 0)
	q, k, v := c.heads(c.x(0), qh), c.heads(c.x(1), kh), c.heads(c.x(2), kh)
	past := 0
	if c.has(4) != c.has(5) {
		c.fail("past keys without past values, or the other way round")
	}
	if c.has(4) {
		past = c.spec(4).Shape[min(2, len(c.spec(4).Shape)-1)]
		k = ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 2}, c.x(4), k)
		v = ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 2}, c.x(5), v)
	}
	qs, ks := q.Spec().Shape, k.Spec().Shape
	t := q.Spec().DType
	scale := c.float("scale", 0)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(qs[3]))
	}
	cap, mode := c.float("softcap", 0), c.int("qk_matmul_output_mode", 0)
	causal := c.bool("is_causal")
	precision := c.elem("softmax_precision", Float32).DType()
	left, right := c.int("left_window_size", -1), c.int("right_window_size", -1)
	bias := c.attentionBias(t, qs, ks[2], past, causal, left, right)
	var y, scores ops.Value
	if cap == 0 && !c.wants(3) {
		in := []ops.Value{q, k, v}
		if bias != nil {
			in = append(in, bias)
		}
		y = ops.Attention.Apply(c.b, ops.AttentionAttrs{Scale: scale}, in...)[0]
		if bias != nil {
			y = ops.Where.Of(c.b, c.blind(bias), c.like(y, 0), y)
		}
	} else {
		y, scores = c.scored(q, k, v, bias, scale, cap, mode, precision)
	}
	if flat {
		y = c.joined(y)
	}
	out := []ops.Value{y, k, v}
	if c.wants(3) {
		out = append(out, scores)
	}
	return out
}

// blind says for each query whether its bias lets it see no key.
func (c *call) blind(bias ops.Value) ops.Value {
	top := ops.Amax.With(c.b, ops.ReduceAttrs{Axes: []int{-1}, Keep: true}, bias)
	return ops.And.Of(c.b, ops.IsInf.Of(c.b, top), ops.Lt.Of(c.b, top, c.like(top, 0)))
}

// attentionBias is what is added to the scores: the mask, and -Inf for keys that causality,
// the window or the length of a sequence hide. Nil where nothing is.
func (c *call) attentionBias(t dtype.Type, qs []int, keys, past int, causal bool, left, right int) ops.Value {
	var bias ops.Value
	add := func(v ops.Value) {
		if bias == nil {
			bias = v
		} else {
			bias = ops.Add.Of(c.b, bias, v)
		}
	}
	hide := func(allowed ops.Value) ops.Value {
		zero := ops.Filled(c.b, ops.Spec{DType: t}, 0)
		return ops.Where.Of(c.b, allowed, zero, ops.Filled(c.b, ops.Spec{DType: t}, negInf))
	}
	if c.has(3) {
		mask := c.x(3)
		if mask.Spec().DType == dtype.Bool {
			mask = hide(mask)
		}
		if more := keys - mask.Spec().Shape[len(mask.Spec().Shape)-1]; more > 0 {
			hi := make([]int, len(mask.Spec().Shape))
			hi[len(hi)-1] = more
			mask = ops.Pad.With(c.b, ops.PadAttrs{Lo: make([]int, len(hi)), Hi: hi, Value: negInf}, mask)
		}
		add(mask)
	}
	// Query i is at i + offset among the keys.
	var offset ops.Value = c.like(c.along(1, 0, 1), float64(past))
	var length ops.Value
	if c.has(6) {
		length = ops.Reshaped(c.b, ops.Casted(c.b, c.x(6), dtype.I64), -1, 1, 1, 1)
		if !c.has(4) {
			offset = ops.Sub.Of(c.b, length, c.like(length, float64(qs[2])))
		}
	}
	rows, cols := ops.Add.Of(c.b, c.along(qs[2], 2, 4), offset), c.along(keys, 3, 4)
	if causal {
		add(hide(ops.Le.Of(c.b, cols, rows)))
	}
	if left >= 0 {
		add(hide(ops.Le.Of(c.b, ops.Sub.Of(c.b, rows, cols), c.like(cols, float64(left)))))
	}
	if right >= 0 {
		add(hide(ops.Le.Of(c.b, ops.Sub.Of(c.b, cols, rows), c.like(cols, float64(right)))))
	}
	if length != nil {
		add(hide(ops.Lt.Of(c.b, cols, length)))
	}
	if bias == nil {
		return nil
	}
	d := bias.Spec().Shape
	if len(d) < 2 || d[len(d)-2] != qs[2] || d[len(d)-1] != keys {
		// The fused op wants the last two axes whole.
		dims, err := shape.Broadcast(d, []int{qs[2], keys})
		if err != nil {
			c.fail("%v", err)
		}
		bias = ops.Expanded(c.b, bias, dims)
	}
	return bias
}

// scored is attention written out, with what it was asked to show of the scores: the
// products, those after the cap, those with the bias, or the weights.
func (c *call) scored(q, k, v, bias ops.Value, scale, cap float64, mode int, precision dtype.Type) (y, shown ops.Value) {
	t := q.Spec().DType
	heads := q.Spec().Shape[1]
	k, v = c.grouped(k, heads), c.grouped(v, heads)
	half := math.Sqrt(scale) // of each operand, so that 16-bit floats do not overflow
	s := ops.MatMul.Of(c.b, ops.Scaled(c.b, q, half, 0), ops.Transposed(c.b, ops.Scaled(c.b, k, half, 0)))
	shown = s
	if cap > 0 {
		s = ops.Scaled(c.b, ops.Tanh.Of(c.b, ops.Scaled(c.b, s, 1/cap, 0)), cap, 0)
		if mode == 1 {
			shown = s
		}
	}
	if bias != nil {
		s = ops.Add.Of(c.b, s, bias)
	}
	if mode == 2 {
		shown = s
	}
	p := ops.Casted(c.b, ops.Softmax.With(c.b, ops.AxisAttrs{Axis: -1}, ops.Casted(c.b, s, precision)), t)
	if bias != nil {
		p = ops.Where.Of(c.b, c.blind(bias), c.like(p, 0), p)
	}
	if mode == 3 {
		shown = p
	}
	return ops.MatMul.Of(c.b, p, v), shown
}

// flexAttention runs graphs of the model on the scores and on the weights.
func flexAttention(c *call) []ops.Value {
	q, k, v := c.x(0), c.x(1), c.x(2)
	d, t := q.Spec().Shape, q.Spec().DType
	if len(d) != 4 || len(k.Spec().Shape) != 4 || len(v.Spec().Shape) != 4 {
		c.fail("operands must be [B, heads, L, size]")
	}
	precision := c.elem("softmax_precision", elemOf(t.Wide())).DType()
	scale := c.float("scale", 0)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(d[3]))
	}
	k, v = c.grouped(k, d[1]), c.grouped(v, d[1])
	s := ops.Scaled(c.b, ops.MatMul.Of(c.b, ops.Casted(c.b, q, precision), ops.Transposed(c.b, ops.Casted(c.b, k, precision))), scale, 0)
	change := func(name string, x ops.Value) ops.Value {
		c.read[name] = true
		g := c.n.graphs[name]
		if g == nil {
			return x
		}
		return c.body(g, []ops.Value{x})[0]
	}
	p := change("prob_mod", ops.Softmax.With(c.b, ops.AxisAttrs{Axis: -1}, change("score_mod", s)))
	y := ops.MatMul.Of(c.b, p, ops.Casted(c.b, v, precision))
	return []ops.Value{ops.Casted(c.b, y, t)}
}

// rotary turns pairs of elements by angles that grow with the position (Su et al. 2021).
func rotary(c *call) ops.Value {
	x := c.x(0)
	in := x.Spec().Shape
	flat := len(in) == 3
	x = c.heads(x, c.int("num_heads", 0)) // [B, H, L, D]
	d := x.Spec().Shape
	n := c.int("rotary_embedding_dim", 0)
	if n == 0 {
		n = d[3]
	}
	if n%2 != 0 || n > d[3] || n < 0 {
		c.refuse("rotary_embedding_dim", "is %d of heads of %d", n, d[3])
	}
	cache := func(i int) ops.Value {
		v := c.x(i)
		if c.has(3) {
			v = ops.Take.With(c.b, ops.TakeAttrs{}, v, c.index(c.x(3), v.Spec().Shape[0]))
		}
		s := v.Spec().Shape
		if s[len(s)-1] != n/2 {
			c.fail("a cache of shape %s for %d elements of a head", shape.String(s), n)
		}
		if len(s) == 2 {
			return v // [L, n/2]
		}
		return ops.Reshaped(c.b, v, s[0], 1, s[1], s[2])
	}
	cos, sin := cache(1), cache(2)
	part := c.narrow(x, 3, 0, n)
	var a, b ops.Value
	interleaved := c.bool("interleaved")
	if interleaved {
		a, b = c.strided(part, 3, 0, n/2, 2), c.strided(part, 3, 1, n/2, 2)
	} else {
		a, b = c.narrow(part, 3, 0, n/2), c.narrow(part, 3, n/2, n/2)
	}
	re := ops.Sub.Of(c.b, ops.Mul.Of(c.b, cos, a), ops.Mul.Of(c.b, sin, b))
	im := ops.Add.Of(c.b, ops.Mul.Of(c.b, sin, a), ops.Mul.Of(c.b, cos, b))
	var y ops.Value
	if interleaved {
		pair := slices.Concat(d[:3], []int{n / 2, 1})
		y = ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 4}, ops.Reshaped(c.b, re, pair...), ops.Reshaped(c.b, im, pair...))
		y = ops.Reshaped(c.b, y, d[0], d[1], d[2], n)
	} else {
		y = ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 3}, re, im)
	}
	if n < d[3] {
		y = ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 3}, y, c.narrow(x, 3, n, d[3]-n))
	}
	if flat {
		y = c.joined(y)
	}
	return y
}

// linearAttention keeps a matrix per head that every token changes and is read through
// (Katharopoulos et al. 2020; the gated delta rule: Yang et al. 2024).
func linearAttention(c *call) []ops.Value {
	qh, kh := c.int("q_num_heads", 0), c.int("kv_num_heads", 0)
	q, k, v := c.heads(c.x(0), qh), c.heads(c.x(1), kh), c.heads(c.x(2), kh)
	c.ignore("chunk_size")
	t := q.Spec().DType
	rule := c.oneOf("update_rule", "gated_delta", "linear", "gated", "delta")
	d, dv := k.Spec().Shape, v.Spec().Shape[3]
	scale := c.float("scale", 0)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(d[3]))
	}
	q, k, v = c.precise(q), c.precise(k), c.precise(v)
	if d[1] == 0 || qh%d[1] != 0 {
		c.fail("%d heads of queries share %d of keys", qh, d[1])
	}
	group := qh / d[1]
	state := ops.Zeros(c.b, ops.Spec{DType: q.Spec().DType, Shape: []int{d[0], d[1], d[3], dv}})
	if c.has(3) {
		state = c.precise(c.x(3))
	}
	// Gates are per head, or per element of a key.
	gate := func(i int) ops.Value {
		if !c.has(i) {
			c.fail("the rule %q needs input %d", rule, i)
		}
		g := c.precise(c.x(i))
		if s := g.Spec().Shape; len(s) == 3 && s[2] != d[1] && s[2]%d[1] != 0 {
			return ops.Reshaped(c.b, g, s[0], 1, s[1], s[2])
		}
		return c.heads(g, d[1])
	}
	var decay, beta ops.Value
	if rule == "gated" || rule == "gated_delta" {
		decay = ops.Exp.Of(c.b, gate(4))
	}
	if rule == "delta" || rule == "gated_delta" {
		beta = gate(5)
	}
	var rows []ops.Value
	for i := range d[2] {
		at := func(x ops.Value) ops.Value { return c.narrow(x, 2, i, 1) }
		key := ops.Permuted(c.b, at(k), 0, 1, 3, 2) // [B, H, D, 1]
		value := at(v)                              // [B, H, 1, E]
		if decay != nil {
			state = ops.Mul.Of(c.b, state, ops.Permuted(c.b, at(decay), 0, 1, 3, 2))
		}
		if beta != nil {
			value = ops.Sub.Of(c.b, value, ops.MatMul.Of(c.b, at(k), state))
			value = ops.Mul.Of(c.b, value, at(beta))
		}
		state = ops.Add.Of(c.b, state, ops.Mul.Of(c.b, key, value))
		query := ops.Reshaped(c.b, at(q), d[0], d[1], group, d[3])
		rows = append(rows, ops.Reshaped(c.b, ops.Scaled(c.b, ops.MatMul.Of(c.b, query, state), scale, 0), d[0], qh, 1, dv))
	}
	y := c.joined(ops.Concat.With(c.b, ops.ConcatAttrs{Axis: 2}, rows...))
	if c.has(3) {
		return []ops.Value{ops.Casted(c.b, y, t), ops.Casted(c.b, state, c.spec(3).DType)}
	}
	return []ops.Value{ops.Casted(c.b, y, t), ops.Casted(c.b, state, t)}
}
