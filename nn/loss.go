package nn

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Losses compare what a model gives with what is wanted, as those of torch.nn.functional
// do. They are the mean over the elements unless an option says otherwise; input and target
// must have one shape, for a loss that broadcasts is nearly always a mistake.

// LossOption changes a loss.
type LossOption func(*loss)

// loss is what options have chosen.
type loss struct {
	name      string
	takes     []string // the options that it has besides the reductions
	given     []string
	reduction string
	weight    *crease.Tensor
	positive  *crease.Tensor
	ignore    int
	logTarget bool
}

// SumUp makes a loss the sum over the elements.
func SumUp() LossOption { return func(l *loss) { l.reduction = "sum" } }

// PerElement leaves every element its loss: PyTorch's reduction "none".
func PerElement() LossOption { return func(l *loss) { l.reduction = "none" } }

// BatchMean divides the sum by the size of the first axis. KLDiv is then the mean of the
// divergences of the samples, which its plain mean is not.
func BatchMean() LossOption { return func(l *loss) { l.reduction = "batch mean" } }

// Weighted multiplies the loss of every element by a weight, which broadcasts
// (BCEWithLogits), or that of every sample by the weight of its class (NLL, weights [C]).
func Weighted(w *crease.Tensor) LossOption {
	return func(l *loss) { l.weight, l.given = w, append(l.given, "Weighted") }
}

// PositiveWeight multiplies the part of BCEWithLogits that a target of 1 has by a weight,
// which broadcasts: above 1 it raises recall.
func PositiveWeight(w *crease.Tensor) LossOption {
	return func(l *loss) { l.positive, l.given = w, append(l.given, "PositiveWeight") }
}

// Ignoring leaves samples of a class number out of NLL and of its mean.
func Ignoring(class int) LossOption {
	return func(l *loss) { l.ignore, l.given = class, append(l.given, "Ignoring") }
}

// LogTarget says that the target of KLDiv is logarithms of probabilities too.
func LogTarget() LossOption {
	return func(l *loss) { l.logTarget, l.given = true, append(l.given, "LogTarget") }
}

// options collects what is given and refuses options that the loss does not have.
func options(name string, opts []LossOption, takes ...string) *loss {
	l := &loss{name: name, takes: takes, reduction: "mean", ignore: math.MinInt}
	for _, f := range opts {
		f(l)
	}
	for _, g := range l.given {
		if !slices.Contains(takes, g) {
			panic(&ops.AttrError{Op: name, Reason: fmt.Sprintf("has no option %s, it takes %s", g, cmp.Or(strings.Join(takes, ", "), "none"))})
		}
	}
	return l
}

// reduce makes the result of the losses of the elements.
func (l *loss) reduce(v *crease.Tensor) *crease.Tensor {
	switch l.reduction {
	case "sum":
		return v.Sum()
	case "none":
		return v
	case "batch mean":
		if v.Rank() == 0 {
			return v
		}
		return v.Sum().MulScalar(1 / float64(v.Dim(0)))
	}
	return v.Mean()
}

// pair refuses operands of different shapes.
func (l *loss) pair(x, target *crease.Tensor) {
	if x == nil || target == nil {
		panic(&ops.UsageError{Op: l.name, Reason: "input or target is nil"})
	}
	if !shape.Equal(x.Shape(), target.Shape()) {
		panic(&ops.ShapeError{Op: l.name, In: []ops.Spec{x.Spec(), target.Spec()}, Rule: "input and target must have one shape; Reshape or Expand one of them"})
	}
}

// MSE is the squared difference.
func MSE(x, target *crease.Tensor, opts ...LossOption) *crease.Tensor {
	l := options("mse", opts)
	l.pair(x, target)
	if l.reduction == "mean" && x.DType() == target.DType() && x.Len() > 0 {
		return x.Mse(target) // one pass over both
	}
	return crease.Tidy1(func() *crease.Tensor { return l.reduce(x.Sub(target).Square()) })
}

// L1 is the magnitude of the difference.
func L1(x, target *crease.Tensor, opts ...LossOption) *crease.Tensor {
	l := options("l1", opts)
	l.pair(x, target)
	return crease.Tidy1(func() *crease.Tensor { return l.reduce(x.Sub(target).Abs()) })
}

// SmoothL1 is the squared difference over 2·beta where it is less than beta, and beyond the
// magnitude less beta/2 (Girshick 2015). A beta of 0 is L1.
func SmoothL1(x, target *crease.Tensor, beta float64, opts ...LossOption) *crease.Tensor {
	l := options("smooth_l1", opts)
	if !(beta >= 0) {
		panic(&ops.AttrError{Op: l.name, Reason: fmt.Sprintf("beta is %v, want 0 or more", beta)})
	}
	if beta == 0 {
		return L1(x, target, opts...)
	}
	l.pair(x, target)
	return crease.Tidy1(func() *crease.Tensor { return l.reduce(parabola(x.Sub(target), beta).MulScalar(1 / beta)) })
}

// Huber is half the squared difference where it is at most delta, and beyond delta times
// the magnitude less delta/2 (Huber 1964).
func Huber(x, target *crease.Tensor, delta float64, opts ...LossOption) *crease.Tensor {
	l := options("huber", opts)
	if !(delta > 0) {
		panic(&ops.AttrError{Op: l.name, Reason: fmt.Sprintf("delta is %v, want more than 0", delta)})
	}
	l.pair(x, target)
	return crease.Tidy1(func() *crease.Tensor { return l.reduce(parabola(x.Sub(target), delta)) })
}

// parabola is a parabola that goes on as a line of the same slope at ±knee. With the part of
// the difference inside, both pieces are one expression: inside·(|d| - inside/2).
func parabola(d *crease.Tensor, knee float64) *crease.Tensor {
	size := d.Abs()
	inside := size.Clamp(0, knee)
	return inside.Mul(size.Sub(inside.MulScalar(0.5)))
}

// BCEWithLogits is the cross-entropy of yes-or-no answers, with probability sigmoid(x), to
// targets from 0 to 1: (1-t)·x + log(1 + exp(-x)), without overflow. Options: Weighted,
// PositiveWeight.
func BCEWithLogits(x, target *crease.Tensor, opts ...LossOption) *crease.Tensor {
	l := options("bce_with_logits", opts, "Weighted", "PositiveWeight")
	l.pair(x, target)
	return crease.Tidy1(func() *crease.Tensor {
		zero := constant(x, 0)
		// Max shares its gradient where both are equal, so that of the sum is right at 0 too.
		soft := x.Neg().Max(zero).Add(x.Abs().Neg().Exp().Log1p())
		if l.positive != nil {
			soft = soft.Mul(l.positive.AddScalar(-1).Mul(target).AddScalar(1))
		}
		v := target.Neg().AddScalar(1).Mul(x).Add(soft)
		if l.weight != nil {
			v = v.Mul(l.weight)
		}
		return l.reduce(v)
	})
}

// NLL is the negative of the log probability of the wanted class, for x [N, C, ...] of log
// probabilities, as LogSoftmax gives them, and target [N, ...] of class numbers (i32 or
// i64). Options: Weighted by class, in which case the mean is over the weights, and Ignoring.
func NLL(x, target *crease.Tensor, opts ...LossOption) *crease.Tensor {
	l := options("nll", opts, "Weighted", "Ignoring")
	if x == nil || target == nil || x.Rank() < 2 || target.Rank() != x.Rank()-1 {
		panic(&ops.ShapeError{Op: l.name, Rule: "takes log probabilities [N, C, ...] and class numbers [N, ...]"})
	}
	return crease.Tidy1(func() *crease.Tensor {
		class := target.Cast(dtype.I64)
		weight := crease.Ones(class.Shape(), crease.As(x.DType()), crease.On(x.Device()))
		if l.ignore != math.MinInt {
			number := crease.From([]int64{int64(l.ignore)}, []int{}, crease.On(x.Device()))
			ignored := class.Eq(number)
			class, weight = class.MaskedFill(ignored, 0), weight.MaskedFill(ignored, 0)
		}
		if l.weight != nil {
			weight = weight.Mul(l.weight.Take(0, class))
		}
		v := x.Gather(1, class.Unsqueeze(1)).Squeeze(1).Neg().Mul(weight)
		if l.reduction == "mean" {
			return v.Sum().Div(weight.Sum())
		}
		return l.reduce(v)
	})
}

// KLDiv is the divergence t·(log t - x) (Kullback, Leibler 1951) of log probabilities x
// from probabilities t, 0 where t is 0. Options: LogTarget, BatchMean.
func KLDiv(x, target *crease.Tensor, opts ...LossOption) *crease.Tensor {
	l := options("kl_div", opts, "LogTarget")
	l.pair(x, target)
	return crease.Tidy1(func() *crease.Tensor {
		if l.logTarget {
			return l.reduce(target.Exp().Mul(target.Sub(x)))
		}
		safe := target.MaskedFill(target.Eq(constant(target, 0)), 1)
		return l.reduce(safe.Mul(safe.Log()).Sub(target.Mul(x)))
	})
}
