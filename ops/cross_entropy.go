package ops

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// CrossEntropyAttrs says how the losses of the samples are joined: "mean",
// "sum" or "none". LabelSmoothing in [0, 1] is the share of each target
// that is spread evenly over all classes. With Ignore, samples whose target is IgnoreIndex have no
// part in loss and gradient; the number may be none of the classes'.
type CrossEntropyAttrs struct {
	Reduction      string  `json:"reduction"`
	LabelSmoothing float64 `json:"label_smoothing"`
	Ignore         bool    `json:"ignore,omitempty"`
	IgnoreIndex    int     `json:"ignore_index,omitempty"`
}

// Cross entropy of class scores against class numbers, and its fused gradient.
var (
	CrossEntropy     *Op
	CrossEntropyGrad *Op
)

func init() {
	CrossEntropy = Declare(Op{
		Name: "cross_entropy",
		Doc: "-sum(w*q*log_softmax(logits)) per sample for logits [N,C] and target [N] of class numbers, " +
			"where q is 1-label_smoothing at the target plus label_smoothing/C everywhere, and w [C] the weights of the classes, 1 if not given; a scalar, or [N] without reduction. " +
			"The mean is divided by the sum of the targets' weights, as PyTorch does; samples to be ignored count for nothing.",
		ONNX:   "SoftmaxCrossEntropyLoss",
		Kind:   Composite,
		Probe:  true,
		Inputs: "logits target weight?",
		Attrs:  CrossEntropyAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			out, err := attrs.(CrossEntropyAttrs).loss(in[0], in[1], in[2:])
			return []Spec{out}, err
		},
		Ref: func(attrs any, in, out []Host) {
			a, logits := attrs.(CrossEntropyAttrs), in[0]
			sum, total := 0.0, 0.0
			a.eachSample(CrossEntropy, logits, in[1], in[2:], func(i int, q, logp []float64, weight float64) {
				loss := 0.0
				for k, lp := range logp {
					if q[k] != 0 { // else a class of probability 0 would be NaN
						loss -= q[k] * lp
					}
				}
				if a.Reduction == "none" {
					out[0].Set(i, loss)
				}
				sum, total = sum+loss, total+weight
			})
			switch a.Reduction {
			case "mean":
				out[0].Set(0, sum/total)
			case "sum":
				out[0].Set(0, sum)
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(CrossEntropyAttrs), in[0].Spec()
			n, c := spec.Shape[0], spec.Shape[1]
			t := a.targets(b, in[1], in[2:], spec.DType.Wide())
			logp := LogSoftmax.With(b, AxisAttrs{Axis: 1}, widened(b, in[0]))
			// Picked by what refuses numbers of no class: to an index, negative ones count from the end.
			hot := OneHot.With(b, OneHotAttrs{Classes: c, DType: dtype.Bool}, t.class)
			loss := SumOver(b, Where.Of(b, hot, logp, scalarLike(b, logp, 0)), false, 1)
			loss = Scaled(b, loss, -(1 - a.LabelSmoothing), 0)
			if t.weight != nil {
				loss = Mul.Of(b, loss, t.weight)
			}
			if a.LabelSmoothing > 0 {
				if t.weights != nil {
					logp = Mul.Of(b, logp, t.weights)
				}
				spread := Scaled(b, SumOver(b, logp, false, 1), -a.LabelSmoothing/float64(c), 0)
				loss = Add.Of(b, loss, spread)
			}
			loss = t.kept(b, loss)
			if a.Reduction != "none" {
				loss = SumOver(b, loss, false)
			}
			if a.Reduction == "mean" {
				loss = t.mean(b, loss, n)
			}
			return []Value{Casted(b, loss, spec.DType)}
		},
		Grad: func(g *GradCall) []Value {
			in := append([]Value{g.D[0]}, g.In...)
			out := make([]Value, len(g.In))
			out[0] = CrossEntropyGrad.With(g.B, g.Attrs, in...)
			if len(g.In) > 2 && g.Needs[2] {
				out[2] = classWeightGrad(g)
			}
			return out
		},
		Saves: In(0, 1, 2),
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: 6 * float64(in[0].Elements()), Bytes: traffic(in, out)}
		},
		Tol: Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[0].Elements() }},
		Bench: func(s Size) Case {
			return Case{Attrs: CrossEntropyAttrs{Reduction: "mean"}, In: []Arg{s.Square(), s.Indices(s.N)}}
		},
		Cases: crossEntropyCases(func(x, _ Arg, rest []Arg) []Arg { return append([]Arg{x}, rest...) }),
	})

	CrossEntropyGrad = Declare(Op{
		Name:     "cross_entropy_grad",
		Internal: true,
		Doc:      "Gradient of cross_entropy for the logits from the gradient d of the loss: d*(softmax(logits)*sum(w*q) - w*q), divided as the mean is.",
		Kind:     Composite,
		Inputs:   "d logits target weight?",
		Attrs:    CrossEntropyAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			loss, err := attrs.(CrossEntropyAttrs).loss(in[1], in[2], in[3:])
			if err != nil {
				return nil, err
			}
			if err := wantSpecs(in, []Spec{loss}); err != nil {
				return nil, err
			}
			return []Spec{in[1]}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			a, d, logits := attrs.(CrossEntropyAttrs), in[0], in[1]
			c, total := logits.Shape[1], 1.0
			if a.Reduction == "mean" {
				total = 0
				a.eachSample(CrossEntropyGrad, logits, in[2], in[3:], func(_ int, _, _ []float64, weight float64) { total += weight })
			}
			a.eachSample(CrossEntropyGrad, logits, in[2], in[3:], func(i int, q, logp []float64, _ float64) {
				slope, sum := d.At(0), 0.0
				if a.Reduction == "none" {
					slope = d.At(i)
				}
				for _, v := range q {
					sum += v
				}
				for k, lp := range logp {
					out[0].Set(i*c+k, slope/total*(math.Exp(lp)*sum-q[k]))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(CrossEntropyAttrs), in[1].Spec()
			n, c := spec.Shape[0], spec.Shape[1]
			wide := spec.DType.Wide()
			t := a.targets(b, in[2], in[3:], wide)
			p := Softmax.With(b, AxisAttrs{Axis: 1}, widened(b, in[1]))
			hot := OneHot.With(b, OneHotAttrs{Classes: c, DType: wide}, t.class)
			q := Scaled(b, hot, 1-a.LabelSmoothing, a.LabelSmoothing/float64(c))
			if t.weights != nil {
				q = Mul.Of(b, q, t.weights)
				p = Mul.Of(b, p, SumOver(b, q, true, 1))
			}
			d := widened(b, in[0])
			if a.Reduction == "none" {
				d = Reshaped(b, d, n, 1)
			}
			if a.Reduction == "mean" {
				d = t.mean(b, d, n)
			}
			dx := Mul.Of(b, Sub.Of(b, p, q), d)
			if t.keep != nil {
				dx = Where.Of(b, Reshaped(b, t.keep, n, 1), dx, scalarLike(b, dx, 0))
			}
			return []Value{Casted(b, dx, spec.DType)}
		},
		Cost: flopsPer(7),
		Tol:  Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[1].Shape[1] }},
		Bench: func(s Size) Case {
			return Case{Attrs: CrossEntropyAttrs{Reduction: "mean"}, In: []Arg{s.Scalar(), s.Square(), s.Indices(s.N)}}
		},
		Cases: crossEntropyCases(func(x, loss Arg, rest []Arg) []Arg { return append([]Arg{loss, x}, rest...) }),
	})
}

// loss checks logits, target and weights, if any, and returns the spec of the loss.
func (a CrossEntropyAttrs) loss(logits, target Spec, weight []Spec) (Spec, error) {
	if !slices.Contains([]string{"mean", "sum", "none"}, a.Reduction) {
		return Spec{}, attrErr("reduction is %q, it must be mean, sum or none", a.Reduction)
	}
	if s := a.LabelSmoothing; !(s >= 0 && s <= 1) {
		return Spec{}, attrErr("label_smoothing is %g, it must be in [0, 1]", s)
	}
	if len(logits.Shape) != 2 {
		return Spec{}, shapeErr("logits must have rank 2, [N, C]")
	}
	if !slices.Contains(Indices, target.DType) {
		return Spec{}, typeErr("target must be i64 or i32, the number of the class")
	}
	n, c := logits.Shape[0], logits.Shape[1]
	switch {
	case len(weight) > 0 && (weight[0].DType != logits.DType || !shape.Equal(weight[0].Shape, []int{c})):
		return Spec{}, shapeErr("weight must have shape [%d], one number per class, and the type of logits", c)
	case !shape.Equal(target.Shape, []int{n}):
		return Spec{}, shapeErr("target must have shape [%d], one class per sample", n)
	case c == 0:
		return Spec{}, shapeErr("logits have no classes")
	case n == 0 && a.Reduction == "mean":
		return Spec{}, shapeErr("the batch is empty: there is no mean; use reduction sum")
	case a.Reduction == "none":
		return Spec{logits.DType, []int{n}}, nil
	}
	return Spec{logits.DType, []int{}}, nil
}

// classWeightGrad is the gradient of cross_entropy for the weights: the loss is linear in
// them, but for the divisor of a mean.
func classWeightGrad(g *GradCall) Value {
	b, a, spec := g.B, g.Attrs.(CrossEntropyAttrs), g.In[0].Spec()
	n, c, wide := spec.Shape[0], spec.Shape[1], spec.DType.Wide()
	t := a.targets(b, g.In[1], g.In[2:], wide)
	keep := func(v Value) Value {
		if t.keep == nil {
			return v
		}
		return Where.Of(b, Reshaped(b, t.keep, n, 1), v, scalarLike(b, v, 0))
	}
	hot := keep(OneHot.With(b, OneHotAttrs{Classes: c, DType: wide}, t.class))
	q := keep(Scaled(b, hot, 1-a.LabelSmoothing, a.LabelSmoothing/float64(c)))
	terms := Neg.Of(b, Mul.Of(b, q, LogSoftmax.With(b, AxisAttrs{Axis: 1}, widened(b, g.In[0]))))
	d := widened(b, g.D[0])
	if a.Reduction == "none" {
		terms = Mul.Of(b, terms, Reshaped(b, d, n, 1))
	}
	dw := SumOver(b, terms, false, 0)
	if a.Reduction == "mean" {
		loss := t.mean(b, SumOver(b, Mul.Of(b, t.weights, dw), false), n)
		dw = t.mean(b, Sub.Of(b, dw, Mul.Of(b, loss, SumOver(b, hot, false, 0))), n)
	}
	if a.Reduction != "none" {
		dw = Mul.Of(b, dw, d)
	}
	return Casted(b, dw, spec.DType)
}

// targets is the class numbers of a batch for lowerings.
type targets struct {
	class   Value // a class for samples that are ignored too; its users refuse what is none
	keep    Value // whether a sample counts, nil where all do
	weights Value // of the classes, nil where all are 1
	weight  Value // of every sample that counts, nil where all are 1
}

func (a CrossEntropyAttrs) targets(b Builder, target Value, weight []Value, wide dtype.Type) targets {
	t := targets{class: target}
	if a.Ignore {
		long := Casted(b, target, dtype.I64)
		t.keep = Ne.Of(b, long, scalarLike(b, long, float64(a.IgnoreIndex)))
		t.class = Where.Of(b, t.keep, target, scalarLike(b, target, 0))
	}
	if len(weight) > 0 {
		t.weights = Casted(b, weight[0], wide)
		t.weight = t.kept(b, Take.With(b, TakeAttrs{}, t.weights, t.class))
	} else if a.Ignore {
		t.weight = Casted(b, t.keep, wide)
	}
	return t
}

// kept is one number per sample, 0 for those that are ignored.
func (t targets) kept(b Builder, v Value) Value {
	if t.keep == nil {
		return v
	}
	return Where.Of(b, t.keep, v, scalarLike(b, v, 0))
}

// mean divides the sum over n samples by that of their weights.
func (t targets) mean(b Builder, v Value, n int) Value {
	if t.weight == nil {
		return Scaled(b, v, 1/float64(n), 0)
	}
	return Div.Of(b, v, SumOver(b, t.weight, false))
}

// eachSample calls f for every sample that counts: with w*q of each class, the log
// probabilities, and the weight of its target.
func (a CrossEntropyAttrs) eachSample(op *Op, logits, target Host, weight []Host, f func(i int, q, logp []float64, weight float64)) {
	c := logits.Shape[1]
	q, logp, w := make([]float64, c), make([]float64, c), make([]float64, c)
	for k := range w {
		if w[k] = 1; len(weight) > 0 {
			w[k] = weight[0].At(k)
		}
	}
	for i := range logits.Shape[0] {
		if a.Ignore && target.Int(i) == int64(a.IgnoreIndex) {
			continue
		}
		t := classAt(op, target, i, c)
		at := make([]int, c)
		for k := range at {
			at[k] = i*c + k
		}
		top, sum := lineMaxSum(logits, at)
		for k, j := range at {
			logp[k] = logits.At(j) - top - math.Log(sum)
			q[k] = w[k] * a.LabelSmoothing / float64(c)
		}
		q[t] += w[t] * (1 - a.LabelSmoothing)
		f(i, q, logp, w[t])
	}
}

func crossEntropyCases(in func(x, loss Arg, rest []Arg) []Arg) []Case {
	var cases []Case
	add := func(name string, a CrossEntropyAttrs, weighted bool, n, c int, t dtype.Type) {
		loss := Arg{Shape: []int{}}
		if a.Reduction == "none" {
			loss.Shape = []int{n}
		}
		rest := []Arg{{Shape: []int{n}, DType: t, Lo: 0, Hi: float64(c)}}
		if weighted {
			rest = append(rest, Arg{Shape: []int{c}, Lo: 0.5, Hi: 2})
		}
		cases = append(cases, Case{Name: name, Attrs: a, In: in(Arg{Shape: []int{n, c}}, loss, rest)})
	}
	of := func(reduction string, smoothing float64) CrossEntropyAttrs {
		return CrossEntropyAttrs{Reduction: reduction, LabelSmoothing: smoothing}
	}
	ignoring := func(a CrossEntropyAttrs, class int) CrossEntropyAttrs {
		a.Ignore, a.IgnoreIndex = true, class
		return a
	}
	add("mean", of("mean", 0), false, 4, 5, dtype.I64)
	add("sum", of("sum", 0), false, 3, 4, dtype.I32)
	add("none", of("none", 0), false, 5, 3, dtype.I64)
	add("smooth", of("mean", 0.1), false, 3, 6, dtype.I64)
	add("smooth-none", of("none", 0.3), false, 2, 4, dtype.I64)
	add("one-class", of("sum", 0), false, 2, 1, dtype.I64)
	add("empty", of("sum", 0), false, 0, 3, dtype.I64)
	add("ignored", ignoring(of("sum", 0), 1), false, 9, 3, dtype.I64)
	add("none-ignored", ignoring(of("mean", 0.1), -100), false, 9, 3, dtype.I32)
	add("weighted", of("mean", 0), true, 9, 3, dtype.I64)
	add("weighted-smooth", ignoring(of("none", 0.2), 2), true, 9, 3, dtype.I64)
	return cases
}
