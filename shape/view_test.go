package shape

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

func TestExtentAgainstWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 3000 {
		dims, strides := randomView(rng, 0, 3)
		offset := rng.IntN(20) - 5
		lo, hi, err := Extent(dims, strides, offset)
		wantLo, wantHi := 0, 0
		if all := walk(dims, strides); len(all) > 0 {
			wantLo, wantHi = slices.Min(all)+offset, slices.Max(all)+offset+1
		}
		if lo != wantLo || hi != wantHi || err != nil {
			t.Fatalf("Extent(%v, %v, %d) = %d, %d, %v; want %d, %d", dims, strides, offset, lo, hi, err, wantLo, wantHi)
		}
		for buf := range 30 {
			fits := wantLo >= 0 && wantHi <= buf/4
			if err := CheckView(dtype.F32, dims, strides, offset, buf); (err == nil) != fits {
				t.Fatalf("CheckView(%v, %v, %d, %d bytes) = %v", dims, strides, offset, buf, err)
			}
		}
	}
}

// bigExtent is Extent in arithmetic that cannot overflow.
func bigExtent(dims, strides []int, offset int) (lo, hi *big.Int) {
	lo, hi = big.NewInt(int64(offset)), big.NewInt(int64(offset))
	for i, d := range dims {
		reach := new(big.Int).Mul(big.NewInt(int64(d)-1), big.NewInt(int64(strides[i])))
		if reach.Sign() < 0 {
			lo.Add(lo, reach)
		} else {
			hi.Add(hi, reach)
		}
	}
	return lo, hi.Add(hi, big.NewInt(1))
}

func checkExtent(t *testing.T, dims, strides []int, offset int) {
	t.Helper()
	lo, hi, err := Extent(dims, strides, offset)
	if n, sizeErr := Elements(dims); sizeErr != nil || n == 0 {
		if (sizeErr == nil) != (err == nil) || lo != 0 || hi != 0 {
			t.Fatalf("Extent(%v, %v, %d) = %d, %d, %v", dims, strides, offset, lo, hi, err)
		}
		return
	}
	wantLo, wantHi := bigExtent(dims, strides, offset)
	if err == nil && (big.NewInt(int64(lo)).Cmp(wantLo) != 0 || big.NewInt(int64(hi)).Cmp(wantHi) != 0) {
		t.Fatalf("Extent(%v, %v, %d) = %d, %d; want %v, %v", dims, strides, offset, lo, hi, wantLo, wantHi)
	}
	// A step on the way may overflow where the result would not; all of them fit
	// if the offset and the length of the extent do.
	span := new(big.Int).Sub(wantHi, wantLo)
	if span.Add(span, new(big.Int).Abs(big.NewInt(int64(offset)))); err != nil && span.IsInt64() && !slices.Contains(strides, math.MinInt) {
		t.Fatalf("Extent(%v, %v, %d): %v; it is %v, %v", dims, strides, offset, err, wantLo, wantHi)
	}
}

func TestExtentNearTheEnds(t *testing.T) {
	for _, a := range numbers {
		for _, b := range numbers {
			for _, o := range numbers {
				checkExtent(t, []int{a}, []int{b}, o)
				checkExtent(t, []int{2, a}, []int{o, b}, 0)
				checkExtent(t, []int{3, 2}, []int{a, b}, o)
			}
		}
	}
	_, _, err := Extent([]int{2, 3}, []int{1}, 0)
	wantError(t, err, "1 strides")
	_, _, err = Extent([]int{2, 3}, []int{1, math.MaxInt}, 0)
	wantError(t, err, "dimension 1", "overflow")
	wantError(t, CheckView(dtype.F32, []int{2, 3}, []int{3, 1}, 1, 24), "[2 3]", "1 to 6", "holds 6")
	wantError(t, CheckView(dtype.F32, []int{2}, []int{-1}, 0, 24), "-1 to 0")
	wantError(t, CheckView(dtype.F32, []int{1}, []int{1}, 0, -5), "holds 0")
	wantError(t, CheckView(dtype.Invalid, nil, nil, 0, 8), "no size")
}

func TestPermute(t *testing.T) {
	got, err := Permute([]int{2, 3, 4}, []int{2, 0, 1})
	if err != nil || !Equal(got, []int{4, 2, 3}) {
		t.Errorf("Permute = %v, %v", got, err)
	}
	for _, perm := range [][]int{{0, 1}, {0, 1, 1}, {0, 1, 3}, {-1, 0, 1}, nil} {
		_, err := Permute([]int{2, 3, 4}, perm)
		wantError(t, err, "[2 3 4]", String(perm))
	}
}

// pythonSlice is the table of PySlice_AdjustIndices in arbitrary precision,
// followed element by element up to a limit.
func pythonSlice(n, start, stop, step int) (first, count *big.Int) {
	N, S := big.NewInt(int64(n)), big.NewInt(int64(step))
	adjust := func(p int) *big.Int {
		v := big.NewInt(int64(p))
		low, high := big.NewInt(0), new(big.Int).Set(N)
		if step < 0 {
			low, high = big.NewInt(-1), new(big.Int).Sub(N, big.NewInt(1))
		}
		if v.Sign() < 0 {
			v.Add(v, N)
			if v.Sign() < 0 {
				return low
			}
			return v
		}
		if v.Cmp(N) >= 0 {
			return high
		}
		return v
	}
	a, b := adjust(start), adjust(stop)
	span := new(big.Int).Sub(b, a)
	if span.Sign()*S.Sign() <= 0 {
		return big.NewInt(0), big.NewInt(0)
	}
	span.Abs(span)
	span.Sub(span, big.NewInt(1)).Quo(span, new(big.Int).Abs(S)).Add(span, big.NewInt(1))
	return a, span
}

func checkSlice(t *testing.T, n, start, stop, step int) {
	t.Helper()
	first, count, err := Slice1(n, start, stop, step)
	if n < 0 || step == 0 {
		if err == nil {
			t.Fatalf("Slice1(%d, %d, %d, %d) gives no error", n, start, stop, step)
		}
		return
	}
	wantFirst, wantCount := pythonSlice(n, start, stop, step)
	if err != nil || wantFirst.Cmp(big.NewInt(int64(first))) != 0 || wantCount.Cmp(big.NewInt(int64(count))) != 0 {
		t.Fatalf("Slice1(%d, %d, %d, %d) = %d, %d, %v; want %v, %v", n, start, stop, step, first, count, err, wantFirst, wantCount)
	}
	// Every element lies in the axis.
	last := new(big.Int).Mul(big.NewInt(int64(count-1)), big.NewInt(int64(step)))
	last.Add(last, big.NewInt(int64(first)))
	if count > 0 && (first < 0 || first >= n || last.Sign() < 0 || last.Cmp(big.NewInt(int64(n))) >= 0) {
		t.Fatalf("Slice1(%d, %d, %d, %d) = %d, %d leaves the axis", n, start, stop, step, first, count)
	}
}

func TestSlice1(t *testing.T) {
	const omit, omitLow = math.MaxInt, math.MinInt
	// Expected values from the Python interpreter: list(range(5))[...].
	for _, c := range []struct{ start, stop, step, first, count int }{
		{0, omit, 1, 0, 5}, {1, 4, 1, 1, 3}, {-2, omit, 1, 3, 2}, {0, -1, 1, 0, 4}, {omit, omitLow, -1, 4, 5}, {3, 0, -1, 3, 3}, {omit, omitLow, -2, 4, 3},
		{-1, -6, -1, 4, 5}, {-1, -6, -3, 4, 2}, {4, 1, 1, 0, 0}, {1, 4, -1, 0, 0}, {10, 20, 1, 0, 0}, {-100, 100, 2, 0, 3}, {2, 3, math.MaxInt, 2, 1}, {4, 0, math.MinInt, 4, 1},
	} {
		first, count, err := Slice1(5, c.start, c.stop, c.step)
		if first != c.first || count != c.count || err != nil {
			t.Errorf("[%d:%d:%d] of 5 = %d, %d, %v; want %d, %d", c.start, c.stop, c.step, first, count, err, c.first, c.count)
		}
	}
	for n := range 6 {
		for start := -8; start <= 8; start++ {
			for stop := -8; stop <= 8; stop++ {
				for step := -4; step <= 4; step++ {
					checkSlice(t, n, start, stop, step)
				}
			}
		}
	}
	for _, n := range numbers {
		for _, start := range numbers {
			for _, stop := range numbers {
				for _, step := range numbers {
					checkSlice(t, n, start, stop, step)
				}
			}
		}
	}
	_, _, err := Slice1(5, 0, 5, 0)
	wantError(t, err, "step 0")
	_, _, err = Slice1(-5, 0, 5, 1)
	wantError(t, err, "negative")
}

func FuzzSlice1(f *testing.F) {
	f.Add(5, 0, 5, 1)
	f.Add(math.MaxInt, math.MaxInt, math.MinInt, math.MinInt)
	f.Fuzz(func(t *testing.T, n, start, stop, step int) { checkSlice(t, n, start, stop, step) })
}

func FuzzExtent(f *testing.F) {
	f.Add(2, 3, 3, 1, 0)
	f.Add(1<<31, 1<<31, math.MinInt, math.MaxInt, -1)
	f.Fuzz(func(t *testing.T, d0, d1, s0, s1, offset int) { checkExtent(t, []int{d0, d1}, []int{s0, s1}, offset) })
}

// Lead is how far a view reaches to the left of its first element.
func TestLeadAgainstWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		dims, strides := randomView(rng, 0, 3)
		want := 0
		if all := walk(dims, strides); len(all) > 0 {
			want = -slices.Min(all)
		}
		if got := Lead(dims, strides); got != want {
			t.Fatalf("Lead(%v, %v) = %d, want %d", dims, strides, got, want)
		}
	}
	if got := Lead([]int{3, 2}, []int{-2, -1}); got != 5 {
		t.Errorf("Lead of [3, 2] by [-2, -1] is %d, want 5", got)
	}
}

// Views in which two elements share memory are found, and ordinary ones pass.
func TestInjective(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	shared := 0
	for range 2000 {
		dims, strides := randomView(rng, 0, 3)
		all := walk(dims, strides)
		places := map[int]bool{}
		for _, p := range all {
			places[p] = true
		}
		if len(places) < len(all) {
			shared++
			if Injective(dims, strides) {
				t.Fatalf("%v by %v has %d elements at %d places", dims, strides, len(all), len(places))
			}
		}
	}
	if shared == 0 {
		t.Error("no view had two elements at one place")
	}
	for _, c := range []struct {
		dims, strides []int
		want          bool
	}{
		{[]int{2, 3}, []int{3, 1}, true}, {[]int{3, 2}, []int{1, 3}, true}, {[]int{2, 3}, []int{-3, -1}, true}, {[]int{2, 3}, []int{2, 1}, false},
		{[]int{2, 3}, []int{0, 1}, false}, {[]int{1, 3}, []int{0, 1}, true}, {[]int{0, 3}, []int{0, 0}, true}, {nil, nil, true}, {[]int{4, 2, 3}, []int{6, 3, 1}, true},
		{[]int{4, 2, 3}, []int{5, 3, 1}, false},
	} {
		if got := Injective(c.dims, c.strides); got != c.want {
			t.Errorf("Injective(%v, %v) = %v", c.dims, c.strides, got)
		}
	}
}
