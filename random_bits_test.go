package crease_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
)

// No draw is the upper bound or beyond an end, although rounding to the type leads there.
func TestUniformStaysInItsRange(t *testing.T) {
	everywhere(t, func(t *testing.T, on crease.Option) {
		g := crease.NewGenerator(rand.Uint64(), on)
		for _, c := range []struct {
			of     dtype.Type
			lo, hi float64
		}{
			{dtype.F32, 1000, 1001}, {dtype.F32, 0, 1}, {dtype.F32, -0.1, 0.7}, {dtype.F64, 0x1p52, 0x1p52 + 3},
			{dtype.F16, 0, 1}, {dtype.F16, 2000, 2003}, {dtype.BF16, 0, 1}, {dtype.BF16, -1, 0.3},
		} {
			h := crease.RandUniform([]int{300_000}, c.lo, c.hi, crease.By(g), crease.As(c.of)).Host()
			least, most := math.Inf(1), math.Inf(-1)
			for _, v := range h.Float64s() {
				least, most = min(least, v), max(most, v)
			}
			if !(least >= c.lo && most < c.hi) || most-least < 0.6*(c.hi-c.lo) {
				t.Errorf("%s [%v, %v): draws from %v to %v", c.of, c.lo, c.hi, least, most)
			}
		}
		misused(t, "a range without numbers", func() { crease.RandUniform([]int{1}, 2049.2, 2049.8, on, crease.As(dtype.F16)) })
		misused(t, "a range beyond f16", func() { crease.RandUniform([]int{1}, 0, 1e6, on, crease.As(dtype.F16)) })
		misused(t, "a range wider than f32", func() { crease.RandUniform([]int{1}, -3e38, 3e38, on) })
		if v := crease.RandUniform([]int{1}, 0.1, 0.1, on).Item(); v != float64(float32(0.1)) {
			t.Errorf("of one number: %v", v)
		}
	})
}

func TestRandIntIsEven(t *testing.T) {
	everywhere(t, func(t *testing.T, on crease.Option) {
		g := crease.NewGenerator(rand.Uint64(), on)
		for _, lo := range []int{0, -1, 1 << 52, math.MaxInt64 - 3, math.MinInt64} {
			const n = 60_000
			count := map[int64]int{}
			h := crease.RandInt([]int{n}, lo, lo+3, crease.By(g)).Host()
			for i := range n {
				count[h.Int(i)-int64(lo)]++
			}
			for v, c := range count {
				if v < 0 || v > 2 || math.Abs(float64(c)-n/3) > 6*math.Sqrt(n*2/9.0) {
					t.Errorf("from %d: %d + %d comes %d times in %d", lo, lo, v, c, n)
				}
			}
		}
		misused(t, "numbers beyond u8", func() { crease.RandInt([]int{1}, 0, 257, on, crease.As(dtype.U8)) })
		misused(t, "numbers between f16's", func() { crease.RandInt([]int{1}, 0, 5000, on, crease.As(dtype.F16)) })
		misused(t, "an empty range", func() { crease.RandInt([]int{1}, 3, 3, on) })
	})
}

// "The same seed gives the same bits on every device", for every distribution, eager and
// compiled.
func TestRandomBitsAreTheSameEverywhere(t *testing.T) {
	seed := rand.Uint64()
	var want [][]byte
	everywhere(t, func(t *testing.T, on crease.Option) {
		x := crease.Full([]int{1001, 4}, 0.3, on)
		for _, compiled := range []bool{false, true} {
			g := crease.NewGenerator(seed, on)
			draw := func(in ...*crease.Tensor) []*crease.Tensor {
				x := in[0]
				by := crease.By(g)
				return []*crease.Tensor{
					crease.RandUniform([]int{1003}, -1, 3, by), crease.RandUniform([]int{77}, -0.1, 0.3, by, crease.As(dtype.F64)),
					crease.RandUniform([]int{77}, -0.1, 0.3, by, crease.As(dtype.F16)),
					crease.Randn([]int{100_003}, by), crease.RandNormal([]int{1001}, 0.1, 0.3, by), crease.RandNormal([]int{1001}, 0.1, 0.3, by, crease.As(dtype.F64)),
					crease.Randn([]int{99}, by, crease.As(dtype.F16)), crease.Randn([]int{99}, by, crease.As(dtype.BF16)),
					crease.RandBernoulli([]int{1003}, 1/3., by), crease.RandInt([]int{103}, -7, 1<<61, by), x.Dropout(1/3., g), x.Cast(dtype.F16).Dropout(0.3, g),
				}
			}
			if compiled {
				draw = crease.Compile(draw).Call
			}
			for i, r := range draw(x) {
				got := r.Host().Data
				if i >= len(want) {
					want = append(want, got)
				}
				if !bytes.Equal(got, want[i]) {
					t.Errorf("draw %d, compiled %v: not the bits of the first device", i, compiled)
				}
			}
		}
	})
}
