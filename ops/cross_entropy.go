package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// CrossEntropyAttrs says how the losses of the samples are joined: "mean",
// "sum" or "none". LabelSmoothing in [0, 1] is the share of each target
// that is spread evenly over all classes.
type CrossEntropyAttrs struct {
	Reduction      string  `json:"reduction"`
	LabelSmoothing float64 `json:"label_smoothing"`
}

// Cross entropy of class scores against class numbers, and its fused gradient.
var (
	CrossEntropy     *Op
	CrossEntropyGrad *Op
)

func init() {
	CrossEntropy = Declare(Op{
		Name: "cross_entropy",
		Doc: "-sum(q*log_softmax(logits)) per sample for logits [N,C] and target [N] of class numbers, " +
			"where q is 1-label_smoothing at the target plus label_smoothing/C everywhere; a scalar, or [N] without reduction.",
		ONNX:   "SoftmaxCrossEntropyLoss",
		Kind:   Composite,
		Probe:  true,
		Inputs: "logits target",
		Attrs:  CrossEntropyAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			out, err := attrs.(CrossEntropyAttrs).loss(in[0], in[1])
			return []Spec{out}, err
		},
		Ref: func(attrs any, in, out []Host) {
			a, logits := attrs.(CrossEntropyAttrs), in[0]
			total := 0.0
			n, c := logits.Shape[0], logits.Shape[1]
			a.eachSample("cross_entropy", logits, in[1], func(i, target int, logp []float64) {
				loss := -(1 - a.LabelSmoothing) * logp[target]
				for _, lp := range logp {
					if a.LabelSmoothing > 0 {
						loss -= a.LabelSmoothing / float64(c) * lp
					}
				}
				if a.Reduction == "none" {
					out[0].Set(i, loss)
				}
				total += loss
			})
			if a.Reduction != "none" {
				out[0].Set(0, total*a.scale(n))
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(CrossEntropyAttrs), in[0].Spec()
			n, c := spec.Shape[0], spec.Shape[1]
			logp := LogSoftmax.With(b, AxisAttrs{Axis: 1}, widened(b, in[0]))
			picked := Gather.With(b, GatherAttrs{Axis: 1}, logp, Reshaped(b, in[1], n, 1))
			loss := Scaled(b, Reshaped(b, picked, n), -(1 - a.LabelSmoothing), 0)
			if a.LabelSmoothing > 0 {
				spread := Scaled(b, SumOver(b, logp, false, 1), -a.LabelSmoothing/float64(c), 0)
				loss = Add.Of(b, loss, spread)
			}
			if a.Reduction != "none" {
				loss = SumOver(b, loss, false)
			}
			if a.Reduction == "mean" {
				loss = Scaled(b, loss, a.scale(n), 0)
			}
			return []Value{Casted(b, loss, spec.DType)}
		},
		Grad: func(g *GradCall) []Value {
			return []Value{CrossEntropyGrad.With(g.B, g.Attrs, g.D[0], g.In[0], g.In[1]), nil}
		},
		Saves: In(0, 1),
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: 6 * float64(in[0].Elements()), Bytes: traffic(in, out)}
		},
		Tol: Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[0].Elements() }},
		Bench: func(s Size) Case {
			return Case{Attrs: CrossEntropyAttrs{Reduction: "mean"}, In: []Arg{s.Square(), s.Indices(s.N)}}
		},
		Cases: crossEntropyCases(func(_ CrossEntropyAttrs, x, _, t Arg) []Arg {
			return []Arg{x, t}
		}),
	})

	CrossEntropyGrad = Declare(Op{
		Name:     "cross_entropy_grad",
		Internal: true,
		Doc:      "Gradient of cross_entropy for the logits from the gradient d of the loss: d*(softmax(logits) - q), divided by N for the mean.",
		Kind:     Composite,
		Inputs:   "d logits target",
		Attrs:    CrossEntropyAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			loss, err := attrs.(CrossEntropyAttrs).loss(in[1], in[2])
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
			n, c := logits.Shape[0], logits.Shape[1]
			a.eachSample("cross_entropy_grad", logits, in[2], func(i, target int, logp []float64) {
				scale := a.scale(n)
				if a.Reduction == "none" {
					scale *= d.At(i)
				} else {
					scale *= d.At(0)
				}
				for k, lp := range logp {
					q := a.LabelSmoothing / float64(c)
					if k == target {
						q += 1 - a.LabelSmoothing
					}
					out[0].Set(i*c+k, scale*(math.Exp(lp)-q))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(CrossEntropyAttrs), in[1].Spec()
			n, c := spec.Shape[0], spec.Shape[1]
			wide := wideType(spec.DType)
			p := Softmax.With(b, AxisAttrs{Axis: 1}, widened(b, in[1]))
			hot := OneHot.With(b, OneHotAttrs{Classes: c, DType: wide}, in[2])
			q := Scaled(b, hot, 1-a.LabelSmoothing, a.LabelSmoothing/float64(c))
			d := widened(b, in[0])
			if a.Reduction == "none" {
				d = Reshaped(b, d, n, 1)
			}
			dx := Mul.Of(b, Sub.Of(b, p, q), Scaled(b, d, a.scale(n), 0))
			return []Value{Casted(b, dx, spec.DType)}
		},
		Cost: flopsPer(7),
		Tol:  Tolerance{ULP: 4, Depth: func(_ any, in []Spec) int { return in[1].Shape[1] }},
		Bench: func(s Size) Case {
			return Case{Attrs: CrossEntropyAttrs{Reduction: "mean"}, In: []Arg{s.Scalar(), s.Square(), s.Indices(s.N)}}
		},
		Cases: crossEntropyCases(func(a CrossEntropyAttrs, x, loss, t Arg) []Arg {
			return []Arg{loss, x, t}
		}),
	})
}

// loss checks logits and target and returns the spec of the loss.
func (a CrossEntropyAttrs) loss(logits, target Spec) (Spec, error) {
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

// scale is what the sum of the losses is multiplied by.
func (a CrossEntropyAttrs) scale(n int) float64 {
	if a.Reduction == "mean" {
		return 1 / float64(n)
	}
	return 1
}

// eachSample calls f with the log probabilities of every sample.
func (a CrossEntropyAttrs) eachSample(op string, logits, target Host, f func(i, target int, logp []float64)) {
	logp := make([]float64, logits.Shape[1])
	for i := range logits.Shape[0] {
		t := target.Int(i)
		if t < 0 || t >= int64(len(logp)) {
			panic(&AttrError{Op: op, Reason: fmt.Sprintf("the target of sample %d is class %d, the logits have %d classes", i, t, len(logp))})
		}
		at := make([]int, len(logp))
		for k := range at {
			at[k] = i*len(logp) + k
		}
		top, sum := lineMaxSum(logits, at)
		for k, j := range at {
			logp[k] = logits.At(j) - top - math.Log(sum)
		}
		f(i, int(t), logp)
	}
}

func crossEntropyCases(in func(a CrossEntropyAttrs, x, loss, target Arg) []Arg) []Case {
	var cases []Case
	add := func(name, reduction string, smoothing float64, n, c int, t dtype.Type) {
		a := CrossEntropyAttrs{reduction, smoothing}
		loss := Arg{Shape: []int{}}
		if reduction == "none" {
			loss.Shape = []int{n}
		}
		target := Arg{Shape: []int{n}, DType: t, Lo: 0, Hi: float64(c)}
		cases = append(cases, Case{Name: name, Attrs: a, In: in(a, Arg{Shape: []int{n, c}}, loss, target)})
	}
	add("mean", "mean", 0, 4, 5, dtype.I64)
	add("sum", "sum", 0, 3, 4, dtype.I32)
	add("none", "none", 0, 5, 3, dtype.I64)
	add("smooth", "mean", 0.1, 3, 6, dtype.I64)
	add("smooth-none", "none", 0.3, 2, 4, dtype.I64)
	add("one-class", "sum", 0, 2, 1, dtype.I64)
	add("empty", "sum", 0, 0, 3, dtype.I64)
	return cases
}
