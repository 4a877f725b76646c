package vec

import "slices"

// blockLen is the length up to which a reduction is one pass; a multiple of
// lanes. Each lane then adds at most 64 elements in sequence.
const blockLen = 64 * lanes

// Sum returns the sum of a, +0 for none.
//
// The order is fixed by len(a) alone. Up to blockLen elements are added in 64
// interleaved lanes that are then added pairwise; a longer slice is split in
// half, at a multiple of blockLen, and the halves' sums are added. The rounding
// error therefore grows as blockLen/64 + log2(n), not as n.
func (f *Funcs) Sum(a []float32) float32 {
	if len(a) <= blockLen {
		return f.sum(a)
	}
	h := half(len(a))
	return f.Sum(a[:h]) + f.Sum(a[h:])
}

// SumSq returns Σ a[i]², in the order of Sum.
func (f *Funcs) SumSq(a []float32) float32 { return f.Dot(a, a) }

// SumSqDev returns Σ (a[i]-mean)², in the order of Sum.
func (f *Funcs) SumSqDev(a []float32, mean float32) float32 {
	if len(a) <= blockLen {
		return f.sqDev(a, mean)
	}
	h := half(len(a))
	return f.SumSqDev(a[:h], mean) + f.SumSqDev(a[h:], mean)
}

// Dot returns Σ a[i]·b[i], each product rounded, in the order of Sum.
func (f *Funcs) Dot(a, b []float32) float32 {
	b = b[:len(a)]
	if len(a) <= blockLen {
		return f.dot(a, b)
	}
	h := half(len(a))
	return f.Dot(a[:h], b[:h]) + f.Dot(a[h:], b[h:])
}

// SumExp returns Σ exp(a[i]-s), in the order of Sum.
func (f *Funcs) SumExp(a []float32, s float32) float32 {
	if len(a) <= blockLen {
		return f.sumExp(a, s)
	}
	h := half(len(a))
	return f.SumExp(a[:h], s) + f.SumExp(a[h:], s)
}

// AddTo adds src to dst, element by element: one row of a column sum.
func (f *Funcs) AddTo(dst, src []float32) { f.Add(dst, dst, src) }

// ArgMax returns the index of the first greatest element; the first NaN counts
// as the greatest. It is -1 for an empty slice.
func (f *Funcs) ArgMax(a []float32) int { return first(a, f.MaxVal) }

// ArgMin returns the index of the first least element; the first NaN counts as
// the least. It is -1 for an empty slice.
func (f *Funcs) ArgMin(a []float32) int { return first(a, f.MinVal) }

// first returns the index of the first element equal to the fold's value.
func first(a []float32, fold Fold) int {
	v := fold(a)
	if v != v {
		return slices.IndexFunc(a, func(x float32) bool { return x != x })
	}
	return slices.Index(a, v)
}

// half returns the multiple of blockLen nearest above n/2, for n > blockLen.
func half(n int) int {
	blocks := (n + blockLen - 1) / blockLen
	return (blocks + 1) / 2 * blockLen
}
