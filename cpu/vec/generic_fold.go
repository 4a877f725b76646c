package vec

import "math"

// lanes is the number of partial sums of a reduction: eight AVX2 or four
// AVX-512 registers, enough to hide the latency of an addition.
const lanes = 64

// lanes64 is one block's partial sums. Element i of the block is added to lane
// i mod 64, in order of i; then the upper half of the lanes is added to the
// lower until one is left. Every level keeps this order.
type lanes64 [lanes]float32

func (l *lanes64) total() float32 {
	for h := lanes / 2; h > 0; h /= 2 {
		for i := range h {
			l[i] += l[i+h]
		}
	}
	return l[0]
}

func sumGeneric(a []float32) float32 {
	var l lanes64
	for i, x := range a {
		l[i%lanes] += x
	}
	return l.total()
}

func dotGeneric(a, b []float32) float32 {
	b = b[:len(a)]
	var l lanes64
	for i, x := range a {
		l[i%lanes] += float32(x * b[i])
	}
	return l.total()
}

func sqDevGeneric(a []float32, mean float32) float32 {
	var l lanes64
	for i, x := range a {
		d := x - mean
		l[i%lanes] += float32(d * d)
	}
	return l.total()
}

func sumExpGeneric(a []float32, s float32) float32 {
	var l lanes64
	for i, x := range a {
		l[i%lanes] += float32(math.Exp(float64(x - s)))
	}
	return l.total()
}

func expSubGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float32(math.Exp(float64(a[i] - s)))
	}
}

func maxValGeneric(a []float32) float32 {
	m := float32(math.Inf(-1))
	for _, x := range a {
		m = max(m, x)
	}
	return m
}

func minValGeneric(a []float32) float32 {
	m := float32(math.Inf(1))
	for _, x := range a {
		m = min(m, x)
	}
	return m
}

func normGeneric(dst, a []float32, mean, rstd float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = (a[i] - mean) * rstd
	}
}

func normAffineGeneric(dst, a, gamma, beta []float32, mean, rstd float32) {
	a, gamma, beta = a[:len(dst)], gamma[:len(dst)], beta[:len(dst)]
	for i := range dst {
		dst[i] = float32((a[i]-mean)*rstd*gamma[i]) + beta[i]
	}
}
