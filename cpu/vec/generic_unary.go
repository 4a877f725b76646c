package vec

import "math"

// each makes a primitive of a float64 function, rounding its result once.
func each(f func(float64) float64) Unary {
	return func(dst, a []float32) { apply(dst, a, f) }
}

func apply(dst, a []float32, f func(float64) float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float32(f(float64(a[i])))
	}
}

func floorGeneric(dst, a []float32) { apply(dst, a, math.Floor) }
func ceilGeneric(dst, a []float32)  { apply(dst, a, math.Ceil) }
func roundGeneric(dst, a []float32) { apply(dst, a, math.RoundToEven) }
func truncGeneric(dst, a []float32) { apply(dst, a, math.Trunc) }

func negGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = -a[i]
	}
}

func absGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(math.Float32bits(a[i]) &^ (1 << 31))
	}
}

// sqrtGeneric rounds a float64 root: the double rounding is exact because
// float64 has more than twice float32's digits.
func sqrtGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = float32(math.Sqrt(float64(a[i])))
	}
}

func rsqrtGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = 1 / float32(math.Sqrt(float64(a[i])))
	}
}

func recipGeneric(dst, a []float32) { rdivSGeneric(dst, a, 1) }

func signGeneric(dst, a []float32) {
	a = a[:len(dst)]
	for i, x := range a {
		switch {
		case x > 0:
			x = 1
		case x < 0:
			x = -1
		}
		dst[i] = x
	}
}

func copyGeneric(dst, a []float32) { copy(dst, a[:len(dst)]) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func gelu(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }

// geluTanh uses 1+tanh(u) = 2·sigmoid(2u), which does not cancel for u < 0.
func geluTanh(x float64) float64 {
	return x * sigmoid(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
}

func silu(x float64) float64 { return x * sigmoid(x) }
