package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// softmax64 is the reference: softmax and its logarithm in float64.
func softmax64(a []float32) (p, logp []float64) {
	m, sum := math.Inf(-1), 0.0
	for _, x := range a {
		m = math.Max(m, float64(x))
	}
	for _, x := range a {
		sum += math.Exp(float64(x) - m)
	}
	for _, x := range a {
		logp = append(logp, float64(x)-m-math.Log(sum))
		p = append(p, math.Exp(float64(x)-m)/sum)
	}
	return p, logp
}

func TestSoftmaxRows(t *testing.T) {
	inf := float32(math.Inf(1))
	rng := rand.New(rand.NewPCG(1, 9))
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for _, n := range []int{1, 2, 7, 8, 9, 31, 100, 1000, 2 * blockLen} {
			a := make([]float32, n)
			for i := range a {
				a[i] = 1000 + float32(rng.NormFloat64()*5)
			}
			if n > 1 {
				a[n/2] = -inf
			}
			want, wantLog := softmax64(a)
			for _, c := range []struct {
				name string
				f    func(dst, src []float32)
				want []float64
				abs  float64 // the logarithm rounds at the size of src-m
			}{
				{"SoftmaxRow", fn.SoftmaxRow, want, 1e-7},
				{"LogSoftmaxRow", fn.LogSoftmaxRow, wantLog, 2e-6},
			} {
				got := make([]float32, n)
				c.f(got, a)
				over := slices.Clone(a)
				c.f(over, over)
				for i := range got {
					w := c.want[i]
					if d := math.Abs(float64(got[i]) - w); d > 1e-6*math.Abs(w)+c.abs && float64(got[i]) != w {
						t.Fatalf("%s of %d: element %d is %g, want %g", c.name, n, i, got[i], w)
					}
					if !same(over[i], got[i]) {
						t.Fatalf("%s of %d in place: element %d is %g, want %g", c.name, n, i, over[i], got[i])
					}
				}
			}
		}
		for _, a := range [][]float32{{-inf, -inf}, {inf, 1}, {float32(math.NaN()), 1}} {
			got := make([]float32, 2)
			for _, f := range []func(dst, src []float32){fn.SoftmaxRow, fn.LogSoftmaxRow} {
				if f(got, a); got[0] == got[0] || (a[1] != 1 && got[1] == got[1]) {
					t.Errorf("row %v gives %v, want NaN", a, got)
				}
			}
		}
		fn.SoftmaxRow(nil, nil)
		fn.LogSoftmaxRow(nil, nil)
	})
}

func TestLayerNormRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for _, n := range []int{1, 5, 8, 77, 768, blockLen + 9} {
			a, gamma, beta := guarded(t, n), guarded(t, n), guarded(t, n)
			var mean, variance float64
			for i := range a {
				a[i] = 3 + float32(rng.NormFloat64())
				gamma[i], beta[i] = rng.Float32(), rng.Float32()
				mean += float64(a[i]) / float64(n)
			}
			for _, x := range a {
				variance += (float64(x) - mean) * (float64(x) - mean) / float64(n)
			}
			rstd := 1 / math.Sqrt(variance+1e-5)
			got, plain, twin := guarded(t, n), guarded(t, n), make([]float32, n)
			m, r := fn.LayerNormRow(got, a, gamma, beta, 1e-5)
			fn.LayerNormRow(plain, a, nil, nil, 1e-5)
			// A single element has no variance, so rstd magnifies mean's rounding.
			if math.Abs(float64(m)-mean) > 2e-6 || math.Abs(float64(r)-rstd) > 2e-6*rstd {
				t.Fatalf("%d elements: mean %g, rstd %g, want %g and %g", n, m, r, mean, rstd)
			}
			for i, x := range a {
				unit := (float64(x) - mean) * rstd
				if math.Abs(float64(plain[i])-unit) > 5e-6 {
					t.Fatalf("%d elements: element %d is %g, want %g", n, i, plain[i], unit)
				}
				if want := unit*float64(gamma[i]) + float64(beta[i]); math.Abs(float64(got[i])-want) > 5e-6 {
					t.Fatalf("%d elements: element %d is %g, want %g", n, i, got[i], want)
				}
			}
			generic.LayerNormRow(twin, a, gamma, beta, 1e-5)
			fn.LayerNormRow(a, a, gamma, beta, 1e-5)
			if !slices.Equal(got, twin) || !slices.Equal(a, twin) {
				t.Fatalf("%d elements: the bits differ from the generic level or in place", n)
			}
		}
		if m, _ := fn.LayerNormRow(nil, nil, nil, nil, 1); m != 0 {
			t.Errorf("mean of an empty row is %g, want 0", m)
		}
	})
}
