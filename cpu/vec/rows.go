package vec

import "math"

// SoftmaxRow computes dst[i] = exp(src[i]-m) / Σ exp(src[j]-m), where m is the
// greatest element, so no exponential overflows. Elements that are -Inf give 0.
// A row that is -Inf throughout, holds +Inf or holds NaN has no softmax and
// becomes NaN, as in NumPy and PyTorch.
func (f *Funcs) SoftmaxRow(dst, src []float32) {
	src = src[:len(dst)]
	f.expSub(dst, src, f.MaxVal(src))
	f.DivS(dst, dst, f.Sum(dst))
}

// LogSoftmaxRow computes dst[i] = (src[i]-m) - log Σ exp(src[j]-m), with m as
// in [Funcs.SoftmaxRow] and NaN for the same rows. Elements that are -Inf give
// -Inf.
func (f *Funcs) LogSoftmaxRow(dst, src []float32) {
	src = src[:len(dst)]
	m := f.MaxVal(src)
	sum := f.SumExp(src, m)
	f.SubS(dst, src, m)
	f.SubS(dst, dst, float32(math.Log(float64(sum))))
}

// LayerNormRow computes dst = (src-mean)·rstd·gamma + beta, where mean is the
// row's mean and rstd = 1/sqrt(variance+eps) with the biased variance, taken in
// a second pass around the mean. It returns both for the backward pass. gamma
// and beta are both nil (1 and 0) or both as long as dst. An empty row returns
// a mean of 0.
func (f *Funcs) LayerNormRow(dst, src, gamma, beta []float32, eps float32) (mean, rstd float32) {
	src = src[:len(dst)]
	n := float32(max(len(dst), 1))
	mean = f.Sum(src) / n
	rstd = 1 / float32(math.Sqrt(float64(f.SumSqDev(src, mean)/n+eps)))
	if gamma == nil && beta == nil {
		f.norm(dst, src, mean, rstd)
	} else {
		f.normAffine(dst, src, gamma, beta, mean, rstd)
	}
	return mean, rstd
}
