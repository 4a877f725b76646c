package expr

import (
	"math"
	"math/rand/v2"
	"testing"
)

// special holds the floats where functions differ; random ones are added.
var special = []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 7, 1e-300, 1e300, -1e300, 800, -740,
	5e-324, -5e-324, 2.2e-308, math.MaxFloat64, math.Pi, math.Inf(1), math.Inf(-1), math.NaN()}

func samples(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 7))
	v := append([]float64(nil), special...)
	for range n {
		v = append(v, r.NormFloat64()*math.Exp2(float64(r.IntN(12)-4)))
	}
	return v
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// TestEvalClosures compares expressions with the same formulas written in Go.
func TestEvalClosures(t *testing.T) {
	p := []float64{0.25, -3}
	nan := math.NaN()
	for s, want := range map[string]func(x, y float64) float64{
		"x0 + x1":                  func(x, y float64) float64 { return x + y },
		"x0 - x1":                  func(x, y float64) float64 { return x - y },
		"x0 * x1":                  func(x, y float64) float64 { return x * y },
		"x0 / x1":                  func(x, y float64) float64 { return x / y },
		"-x0":                      func(x, y float64) float64 { return -x },
		"p0 * x0 + p1":             func(x, y float64) float64 { z := x * 0.25; return float64(z) - 3 },
		"max(x0, 0)":               func(x, y float64) float64 { return cond(x != x, nan, cond(x > 0, x, 0)) },
		"x0 < x1":                  func(x, y float64) float64 { return b2f(x < y) },
		"x0 <= x1":                 func(x, y float64) float64 { return b2f(x <= y) },
		"x0 > x1":                  func(x, y float64) float64 { return b2f(x > y) },
		"x0 >= x1":                 func(x, y float64) float64 { return b2f(x >= y) },
		"x0 == x1":                 func(x, y float64) float64 { return b2f(x == y) },
		"x0 != x1":                 func(x, y float64) float64 { return b2f(x != y) },
		"x0 && x1":                 func(x, y float64) float64 { return b2f(x != 0 && y != 0) },
		"x0 || x1":                 func(x, y float64) float64 { return b2f(x != 0 || y != 0) },
		"xor(x0, x1)":              func(x, y float64) float64 { return b2f((x == 0) != (y == 0)) },
		"!x0":                      func(x, y float64) float64 { return b2f(x == 0) },
		"where(x0, x1, 7)":         func(x, y float64) float64 { return cond(x == 0, 7, y) },
		"where(x0 > 0, x0, p0*x0)": func(x, y float64) float64 { return cond(x > 0, x, 0.25*x) },
		"float(x0 > x1) * x1":      func(x, y float64) float64 { return b2f(x > y) * y },
		"step(x0)":                 func(x, y float64) float64 { return b2f(x > 0) },
		"sign(x0)":                 func(x, y float64) float64 { return cond(x > 0, 1, cond(x < 0, -1, x)) },
		"abs(x0)":                  func(x, y float64) float64 { return math.Float64frombits(math.Float64bits(x) &^ (1 << 63)) },
		"recip(x0)":                func(x, y float64) float64 { return 1 / x },
		"rsqrt(x0)":                func(x, y float64) float64 { return 1 / math.Sqrt(x) },
		"sqrt(x0)":                 func(x, y float64) float64 { return math.Sqrt(x) },
		"pow(x0, x1)":              math.Pow,
		"atan2(x0, x1)":            math.Atan2,
		"exp(x0) - log(x1)":        func(x, y float64) float64 { return exp(x) - log(y) },
		"exp2(x0) / log2(x1)":      func(x, y float64) float64 { return math.Exp2(x) / math.Log2(y) },
		"expm1(x0) + log1p(x1)":    func(x, y float64) float64 { return math.Expm1(x) + math.Log1p(y) },
		"log10(x0)":                func(x, y float64) float64 { return math.Log10(x) },
		"sin(x0) * cos(x1)":        func(x, y float64) float64 { return math.Sin(x) * math.Cos(y) },
		"tan(x0) + atan(x1)":       func(x, y float64) float64 { return math.Tan(x) + math.Atan(y) },
		"asin(x0) - acos(x1)":      func(x, y float64) float64 { return math.Asin(x) - math.Acos(y) },
		"sinh(x0) / cosh(x1)":      func(x, y float64) float64 { return math.Sinh(x) / math.Cosh(y) },
		"tanh(x0) + erf(x1)":       func(x, y float64) float64 { return math.Tanh(x) + math.Erf(y) },
		"floor(x0) - ceil(x1)":     func(x, y float64) float64 { return math.Floor(x) - math.Ceil(y) },
		"round(x0) - trunc(x1)":    func(x, y float64) float64 { return math.RoundToEven(x) - math.Trunc(y) },
		"isnan(x0)":                func(x, y float64) float64 { return b2f(math.IsNaN(x)) },
		"isinf(x0)":                func(x, y float64) float64 { return b2f(math.Abs(x) > math.MaxFloat64) },
		"isfinite(x0)":             func(x, y float64) float64 { return b2f(math.Abs(x) <= math.MaxFloat64) },
		"band(x0, x1)":             func(x, y float64) float64 { return nan },
		"bnot(x0)":                 func(x, y float64) float64 { return nan },
		"shl(x0, x1)":              func(x, y float64) float64 { return nan },
	} {
		n := MustParse(s)
		ys := samples(2, 20)
		for _, x := range samples(1, 20) {
			for _, y := range ys {
				if got := Eval(n, []float64{x, y}, p); !sameFloat(got, want(x, y)) {
					t.Fatalf("%s at %g, %g is %g, want %g", n, x, y, got, want(x, y))
				}
			}
		}
	}
}

func cond(c bool, a, b float64) float64 {
	if c {
		return a
	}
	return b
}

// TestEvalPoints pins the results that the package documents.
func TestEvalPoints(t *testing.T) {
	inf, nan, negZero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	for _, c := range []struct {
		s    string
		x, y float64
		want float64
	}{
		{"max(x0, x1)", 1, nan, nan}, {"max(x0, x1)", nan, inf, nan}, {"min(x0, x1)", nan, -inf, nan}, {"min(x0, x1)", 2, -inf, -inf},
		{"x0 == x1", nan, nan, 0}, {"x0 != x1", nan, nan, 1}, {"x0 >= x1", nan, nan, 0}, {"!x0", nan, 0, 0}, {"where(x0, 1, 2)", nan, 0, 1},
		{"sign(x0)", negZero, 0, negZero}, {"sign(x0)", nan, 0, nan}, {"sign(x0)", -5e-324, 0, -1}, {"step(x0)", nan, 0, 0},
		{"round(x0)", 0.5, 0, 0}, {"round(x0)", 1.5, 0, 2}, {"round(x0)", -2.5, 0, -2}, {"round(x0)", -0.4, 0, negZero},
		{"x0 % x1", 7, 3, 1}, {"x0 % x1", -7, 3, 2}, {"x0 % x1", 7, -3, -2}, {"x0 % x1", -7, -3, -1}, {"x0 % x1", -6, 3, 0},
		{"x0 % x1", 6, -3, negZero}, {"x0 % x1", 1, 0, nan}, {"x0 % x1", inf, 2, nan}, {"x0 % x1", -1, inf, inf}, {"x0 % x1", 1, inf, 1}, {"x0 % x1", nan, 2, nan}, {"x0 % x1", 2, nan, nan},
		{"pow(x0, x1)", nan, 0, 1}, {"pow(x0, x1)", 1, nan, 1}, {"pow(x0, x1)", -1, inf, 1}, {"pow(x0, x1)", -8, 1.0 / 3, nan}, {"pow(x0, x1)", negZero, -1, -inf}, {"pow(x0, x1)", -inf, 3, -inf},
		{"rsqrt(x0)", 0, 0, inf}, {"rsqrt(x0)", negZero, 0, -inf}, {"sqrt(x0)", -1, 0, nan}, {"log(x0)", 0, 0, -inf}, {"log(x0)", -1, 0, nan},
		{"sigmoid(x0)", 0, 0, 0.5}, {"sigmoid(x0)", -inf, 0, 0}, {"sigmoid(x0)", inf, 0, 1}, {"sigmoid(x0)", -740, 0, math.Exp(-740)}, {"sigmoid(x0)", nan, 0, nan},
		{"erf(x0)", inf, 0, 1}, {"tanh(x0)", -inf, 0, -1}, {"isfinite(x0)", nan, 0, 0},
	} {
		if got := Eval(MustParse(c.s), []float64{c.x, c.y}, nil); !sameFloat(got, c.want) {
			t.Errorf("%s at %g, %g is %g, want %g", c.s, c.x, c.y, got, c.want)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	n := MustParse("x0 * (0.5 * erf(x0 * 0.7071067811865476) + 0.5)")
	x := []float64{0.3}
	for b.Loop() {
		x[0] = Eval(n, x, nil) + 0.1
	}
}
