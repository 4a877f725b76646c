package crease

import "github.com/crease-ml/crease/ops"

// LossOption says how a loss of classes is computed.
type LossOption func(*lossOptions)

type lossOptions struct {
	attrs  ops.CrossEntropyAttrs
	weight *Tensor
}

// IgnoreIndex leaves out the samples whose target is this number: they have no part in
// the loss, its mean and the gradient. PyTorch ignores -100 without being asked.
func IgnoreIndex(class int) LossOption {
	return func(o *lossOptions) { o.attrs.Ignore, o.attrs.IgnoreIndex = true, class }
}

// ClassWeights multiplies the loss of a sample by the weight of its class, one number for each class,
// of the scores' element type. A mean is divided by the sum of these weights.
func ClassWeights(w *Tensor) LossOption { return func(o *lossOptions) { o.weight = w } }

// LabelSmoothing spreads the share s in [0, 1] of every target evenly over all classes.
func LabelSmoothing(s float64) LossOption {
	return func(o *lossOptions) { o.attrs.LabelSmoothing = s }
}

// Reduction joins the losses of the samples: "mean", which is the default, "sum", or "none" for
// one loss per sample.
func Reduction(how string) LossOption { return func(o *lossOptions) { o.attrs.Reduction = how } }

// CrossEntropy is the mean over rows of -log softmax(t)[target] for scores t of
// shape [N, classes] and class numbers target of shape [N] (i32 or i64). A target that is
// none of the classes is an *ops.AttrError, on devices with a queue when a result is read.
func (t *Tensor) CrossEntropy(target *Tensor, opts ...LossOption) *Tensor {
	o := lossOptions{attrs: ops.CrossEntropyAttrs{Reduction: "mean"}}
	for _, f := range opts {
		f(&o)
	}
	if o.weight == nil {
		return apply1(ops.CrossEntropy, o.attrs, t, target)
	}
	return apply1(ops.CrossEntropy, o.attrs, t, target, o.weight)
}
