package ops

import (
	"math"
	"slices"
)

// AttentionAttrs says how scores are made. A scale of 0 stands for 1/sqrt(D). With
// causal set, query i sees the keys up to i+S-L: the last query sees all.
type AttentionAttrs struct {
	Causal bool    `json:"causal"`
	Scale  float64 `json:"scale"`
}

// ScaleOf is the scale of scores of rows of d elements.
func (a AttentionAttrs) ScaleOf(d int) float64 {
	if a.Scale == 0 {
		return 1 / math.Sqrt(float64(d))
	}
	return a.Scale
}

// Scaled dot-product attention (Vaswani et al. 2017) and its fused gradient. A
// kernel need not write the scores down (Milakov, Gimelshein 2018; Dao et al. 2022):
// the gradient makes the weights again from the saved logarithms of their sums.
var (
	Attention     *Op
	AttentionGrad *Op
)

func init() {
	Attention = Declare(Op{
		Name: "attention",
		Doc: "softmax(q k^T * scale + mask) v for q [..., L, D], k [..., S, D] and v [..., S, E]; result y [..., L, E] and lse [..., L], the log of the sum of exp of every " +
			"row of scores, f32 for 16-bit floats. The axis of heads (third from the end) of k and v may divide that of q (grouped queries). The mask is added: its last axes are " +
			"[L, S], those before broadcast. A query whose mask hides every key is 0, and its lse -Inf.",
		ONNX:   "Attention",
		Kind:   Composite,
		Inputs: "q k v mask?",
		Attrs:  AttentionAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			d, err := attentionShape(attrs.(AttentionAttrs), in)
			if err != nil {
				return nil, err
			}
			y := slices.Concat(d.lead, []int{d.l, d.e})
			return []Spec{{in[0].DType, y}, {in[0].DType.Wide(), y[:len(y)-1]}}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			a, d := attrs.(AttentionAttrs), mustAttention(attrs, hostSpecs(in[:3]))
			q, k, v := in[0], in[1], in[2]
			d.eachQuery(a, q, k, in[3:], func(row, keys int, scores []float64) {
				top, sum := math.Inf(-1), 0.0
				for _, s := range scores {
					top = max(top, s)
				}
				for _, s := range scores {
					sum += math.Exp(s - top)
				}
				lse := top + math.Log(sum)
				if math.IsInf(top, -1) {
					lse = top
				}
				out[1].Set(row, lse)
				shift := visible(lse)
				y := make([]float64, d.e)
				for j, s := range scores {
					p := math.Exp(s - shift)
					for c := range y {
						y[c] += p * v.At((keys+j)*d.e+c)
					}
				}
				for c, v := range y {
					out[0].Set(row*d.e+c, v)
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			d := mustAttention(attrs, SpecsOf(in[:3]))
			s := d.scores(b, attrs.(AttentionAttrs), in[0], in[1], in[3:])
			lse := LogSumExp.With(b, ReduceAttrs{Axes: []int{-1}, Keep: true}, s)
			y := MatMul.Of(b, Exp.Of(b, Sub.Of(b, s, notBelow(b, lse))), d.perQuery(b, widened(b, in[2])))
			return []Value{Casted(b, y, in[0].Spec().DType), Reshaped(b, lse, slices.Concat(d.lead, []int{d.l})...)}
		},
		Grad: func(g *GradCall) []Value {
			a := g.Attrs.(AttentionAttrs)
			masked := len(g.In) > 3
			if g.D[1] != nil || masked && g.Needs[3] {
				out, ds := attentionBackward(g.B, a, g.Grad(0), g.D[1], g.In, g.Out[0], g.Out[1])
				if masked {
					mask := g.In[3].Spec()
					out = append(out, Casted(g.B, Unbroadcast(g.B, ds, mask.Shape), mask.DType))
				}
				return out
			}
			in := slices.Concat([]Value{g.D[0]}, g.In[:3], g.Out, g.In[3:])
			return append(AttentionGrad.Apply(g.B, a, in...), make([]Value, len(g.In)-3)...)
		},
		Saves: In(0, 1, 2, 3) | Out(0, 1),
		Cost:  attentionCost(0, 1, 1),
		Tol:   Tolerance{ULP: 8, Products: true, Depth: func(_ any, in []Spec) int { return trail(in[0], 1) + trail(in[1], 2) }},
		Bench: func(s Size) Case { return Case{Attrs: AttentionAttrs{}, In: []Arg{s.Heads(), s.Heads(), s.Heads()}} },
		Cases: attentionCases(),
	})

	AttentionGrad = Declare(Op{
		Name:     "attention_grad",
		Internal: true,
		Doc: "Gradients of attention for q, k and v from that of y: with p = exp(scores - lse) and ds = p*(d v^T - sum(d*y)), " +
			"dq = ds k * scale, dk = ds^T q * scale, dv = p^T d; summed over the queries' heads that share k and v.",
		Kind:   Composite,
		Inputs: "d q k v y lse mask?",
		Attrs:  AttentionAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			d, err := attentionShape(attrs.(AttentionAttrs), slices.Concat(in[1:4], in[6:]))
			if err != nil {
				return nil, err
			}
			y := slices.Concat(d.lead, []int{d.l, d.e})
			want := []Spec{{in[1].DType, y}, in[1], in[2], in[3], {in[1].DType, y}, {in[1].DType.Wide(), y[:len(y)-1]}}
			if err := wantSpecs(in[:6], want); err != nil {
				return nil, err
			}
			return []Spec{in[1], in[2], in[3]}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			a, d := attrs.(AttentionAttrs), mustAttention(attrs, hostSpecs(in[1:4]))
			g, q, k, v, y, lse := in[0], in[1], in[2], in[3], in[4], in[5]
			dk, dv := make([]float64, k.Elements()), make([]float64, v.Elements())
			d.eachQuery(a, q, k, in[6:], func(row, keys int, scores []float64) {
				delta, dq := 0.0, make([]float64, d.d)
				for c := range d.e {
					delta += g.At(row*d.e+c) * y.At(row*d.e+c)
				}
				for j, score := range scores {
					p, dp, key := math.Exp(score-visible(lse.At(row))), 0.0, keys+j
					for c := range d.e {
						dp += g.At(row*d.e+c) * v.At(key*d.e+c)
						dv[key*d.e+c] += p * g.At(row*d.e+c)
					}
					ds := p * (dp - delta) * d.scale
					for c := range d.d {
						dq[c] += ds * k.At(key*d.d+c)
						dk[key*d.d+c] += ds * q.At(row*d.d+c)
					}
				}
				for c, v := range dq {
					out[0].Set(row*d.d+c, v)
				}
			})
			for i, v := range dk {
				out[1].Set(i, v)
			}
			for i, v := range dv {
				out[2].Set(i, v)
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			operands := slices.Concat(in[1:4], in[6:])
			out, _ := attentionBackward(b, attrs.(AttentionAttrs), in[0], nil, operands, in[4], in[5])
			return out
		},
		Cost: attentionCost(1, 3, 2),
		Tol:  Tolerance{ULP: 8, Products: true, Depth: func(_ any, in []Spec) int { return in[0].Elements() + in[1].Elements() + in[2].Elements() }},
		// Sums over features, values and keys, and for keys and the mask over queries.
		GradTol: Tolerance{ULP: 24, Depth: func(_ any, in []Spec) int {
			d := trail(in[1], 1)
			return d + trail(in[0], 1) + trail(in[2], 2) + in[1].Elements()/d
		}},
		Bench: func(s Size) Case {
			h := s.Heads()
			lse := Arg{Shape: h.Shape[:3]}.As(s.Wide()).Between(5, 6)
			return Case{Attrs: AttentionAttrs{}, In: []Arg{h, h, h, h, h, lse}}
		},
		Cases: attentionGradCases(),
	})
}

// visible is what scores are lessened by before exp: their lse, or 0 where that is -Inf
// because all of them are, so that their weights are 0 and not NaN.
func visible(lse float64) float64 {
	if math.IsInf(lse, -1) {
		return 0
	}
	return lse
}

// attentionBackward is the gradients of attention for q, k and v, and that of the
// scores after scaling. dlse, that of lse, may be nil.
func attentionBackward(b Builder, a AttentionAttrs, dy, dlse Value, in []Value, y, lse Value) (out []Value, ds Value) {
	d := mustAttention(a, SpecsOf(in[:3]))
	t := in[0].Spec().DType
	q, k, v := widened(b, in[0]), d.perQuery(b, widened(b, in[1])), d.perQuery(b, widened(b, in[2]))
	dy = widened(b, dy)
	column := slices.Concat(d.lead, []int{d.l, 1})
	s := d.scores(b, a, in[0], in[1], in[3:])
	p := Exp.Of(b, Sub.Of(b, s, Reshaped(b, notBelow(b, lse), column...)))
	delta := SumOver(b, Mul.Of(b, dy, widened(b, y)), true, -1)
	if dlse != nil {
		delta = Sub.Of(b, delta, Reshaped(b, dlse, column...))
	}
	ds = Mul.Of(b, p, Sub.Of(b, MatMul.Of(b, dy, Transposed(b, v)), delta))
	dq := Scaled(b, MatMul.Of(b, ds, k), d.scale, 0)
	dk := Scaled(b, MatMul.Of(b, Transposed(b, ds), q), d.scale, 0)
	dv := MatMul.Of(b, Transposed(b, p), dy)
	return []Value{Casted(b, dq, t), Casted(b, d.perKey(b, dk), t), Casted(b, d.perKey(b, dv), t)}, ds
}

// trail is the size of an axis counted from the end.
func trail(s Spec, back int) int { return s.Shape[len(s.Shape)-back] }

// attentionCost is that of products over the pairs of queries and keys that see each
// other: d of them as deep as queries, e as values; q is where the inputs q, k, v begin.
func attentionCost(q int, d, e float64) func(any, []Spec, []Spec) Cost {
	return func(attrs any, in, out []Spec) Cost {
		keys := float64(trail(in[q+1], 2))
		if attrs.(AttentionAttrs).Causal {
			keys -= float64(trail(in[q], 2)-1) / 2 // on average
		}
		queries := float64(in[q].Elements()) / float64(trail(in[q], 1))
		deep := d*float64(trail(in[q], 1)) + e*float64(trail(in[q+2], 1))
		return Cost{Flops: 2 * queries * keys * deep, Bytes: traffic(in, out)}
	}
}

func attentionCases() []Case {
	of := func(name string, a AttentionAttrs, dims ...[]int) Case {
		return Case{Name: name, Attrs: a, In: args(Arg{}, dims...)}
	}
	// Devices compile a program for each pair of widths: few serve all cases.
	return []Case{
		of("plain", AttentionAttrs{}, []int{2, 5, 4}, []int{2, 7, 4}, []int{2, 7, 3}),
		of("matrix", AttentionAttrs{Scale: 0.3}, []int{6, 4}, []int{3, 4}, []int{3, 3}),
		of("causal", AttentionAttrs{Causal: true}, []int{1, 2, 5, 4}, []int{1, 2, 5, 4}, []int{1, 2, 5, 3}),
		of("causal-cached", AttentionAttrs{Causal: true}, []int{2, 3, 4}, []int{2, 9, 4}, []int{2, 9, 3}),
		of("grouped", AttentionAttrs{}, []int{2, 4, 3, 4}, []int{2, 2, 5, 4}, []int{2, 2, 5, 3}),
		of("masked", AttentionAttrs{}, []int{3, 2, 5, 4}, []int{3, 2, 6, 4}, []int{3, 2, 6, 3}, []int{5, 6}),
		of("masked-heads", AttentionAttrs{Causal: true}, []int{2, 2, 3, 4}, []int{2, 1, 6, 4}, []int{2, 1, 6, 3}, []int{2, 1, 3, 6}),
		// Longer than a block of any kernel; small cases show the gradient.
		{Name: "long", Attrs: AttentionAttrs{Causal: true}, In: args(Arg{Lo: -1, Hi: 1}, []int{37, 100}, []int{53, 100}, []int{53, 40}), NoGradCheck: true},
		of("one", AttentionAttrs{}, []int{1, 4}, []int{1, 4}, []int{1, 3}),
		of("no-query", AttentionAttrs{}, []int{2, 0, 4}, []int{2, 3, 4}, []int{2, 3, 3}),
		of("no-head", AttentionAttrs{}, []int{0, 2, 4}, []int{0, 3, 4}, []int{0, 3, 3}),
		of("no-value", AttentionAttrs{}, []int{2, 4}, []int{3, 4}, []int{3, 0}),
	}
}

func attentionGradCases() []Case {
	var cases []Case
	for _, c := range attentionCases() {
		specs := make([]Spec, len(c.In))
		for i, a := range c.In {
			specs[i].Shape = a.Shape
		}
		d := mustAttention(c.Attrs, specs)
		y := slices.Concat(d.lead, []int{d.l, d.e})
		small := func(dims []int) Arg { return Arg{Shape: dims, Lo: -1, Hi: 1} }
		in := []Arg{small(y), small(c.In[0].Shape), small(c.In[1].Shape), small(c.In[2].Shape), small(y), {Shape: y[:len(y)-1], Lo: 1, Hi: 2}}
		c.In = append(in, c.In[3:]...)
		cases = append(cases, c)
	}
	return withWide(cases, 5)
}
