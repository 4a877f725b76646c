package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFoldsMatchTwins checks that every level adds in the same order: the sums
// agree in every bit, tails and faults behind the slice included.
func TestFoldsMatchTwins(t *testing.T) {
	a, b := guarded(t, 5*blockLen), guarded(t, 5*blockLen)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range a {
		a[i], b[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for _, n := range append(lengths(), blockLen, blockLen+1, 5*blockLen-3) {
			x, y := a[len(a)-n:], b[len(b)-n:]
			for _, c := range []struct {
				name string
				f    func(*Funcs) float32
			}{
				{"Sum", func(f *Funcs) float32 { return f.Sum(x) }},
				{"SumSq", func(f *Funcs) float32 { return f.SumSq(x) }},
				{"SumSqDev", func(f *Funcs) float32 { return f.SumSqDev(x, 0.3) }},
				{"Dot", func(f *Funcs) float32 { return f.Dot(x, y) }},
				{"MaxVal", func(f *Funcs) float32 { return f.MaxVal(x) }},
				{"MinVal", func(f *Funcs) float32 { return f.MinVal(x) }},
			} {
				if got, want := c.f(fn), c.f(&generic); !same(got, want) {
					t.Fatalf("%s of %d elements = %g, want %g", c.name, n, got, want)
				}
			}
			got, want := fn.SumExp(x, 0.5), generic.SumExp(x, 0.5)
			if math.Abs(float64(got-want)) > 1e-6*float64(want) {
				t.Fatalf("SumExp of %d elements = %g, want %g", n, got, want)
			}
		}
	})
}

// TestSumsAreAccurate compares long sums with float64: the error stays near that
// of one rounding per level of the tree.
func TestSumsAreAccurate(t *testing.T) {
	a := make([]float32, 1<<20+77)
	var sum, sq, dev, exp float64
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range a {
		a[i] = rng.Float32()
		x := float64(a[i])
		sum += x
		sq += x * x
		dev += (x - 0.25) * (x - 0.25)
		exp += math.Exp(float64(a[i] - 0.25))
	}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for _, c := range []struct {
			name string
			got  float32
			want float64
		}{
			{"Sum", fn.Sum(a), sum}, {"SumSq", fn.SumSq(a), sq}, {"Dot", fn.Dot(a, a), sq},
			{"SumSqDev", fn.SumSqDev(a, 0.25), dev}, {"SumExp", fn.SumExp(a, 0.25), exp},
		} {
			if err := math.Abs(float64(c.got)-c.want) / c.want; err > 5e-7 {
				t.Errorf("%s = %g, want %g: relative error %g", c.name, c.got, c.want, err)
			}
		}
	})
}

func TestExtremes(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		if got := fn.MaxVal(nil); got != -inf {
			t.Errorf("MaxVal(nil) = %g, want -Inf", got)
		}
		if got := fn.MinVal(nil); got != inf {
			t.Errorf("MinVal(nil) = %g, want +Inf", got)
		}
		if got := fn.ArgMax(nil); got != -1 {
			t.Errorf("ArgMax(nil) = %d, want -1", got)
		}
		if got := fn.Sum(nil); got != 0 {
			t.Errorf("Sum(nil) = %g, want 0", got)
		}
		for _, n := range []int{1, 7, 8, 63, 64, 65, 200} {
			for at := range n {
				a := make([]float32, n)
				for i := range a {
					a[i] = -5
				}
				a[at] = 3
				a[n-1] = a[at] // a tie, or itself
				if m, i := fn.MaxVal(a), fn.ArgMax(a); m != 3 || i != at {
					t.Fatalf("greatest of %d is %g at %d, want 3 at %d", n, m, i, at)
				}
				a[at], a[n-1] = -inf, -inf
				if m, i := fn.MinVal(a), fn.ArgMin(a); m != -inf || i != at {
					t.Fatalf("least of %d is %g at %d, want -Inf at %d", n, m, i, at)
				}
				a[n-1] = inf
				a[at] = nan
				if m, i := fn.MaxVal(a), fn.ArgMax(a); m == m || i != at {
					t.Fatalf("greatest of %d with a NaN at %d is %g at %d", n, at, m, i)
				}
				if m, i := fn.MinVal(a), fn.ArgMin(a); m == m || i != at {
					t.Fatalf("least of %d with a NaN at %d is %g at %d", n, at, m, i)
				}
			}
		}
	})
}

func TestAddTo(t *testing.T) {
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		dst, src := []float32{1, 2, 3}, []float32{10, 20, 30}
		fn.AddTo(dst, src)
		if dst[0] != 11 || dst[1] != 22 || dst[2] != 33 {
			t.Errorf("AddTo = %v", dst)
		}
	})
}
