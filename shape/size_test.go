package shape

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

// wantError checks that err is an *Error whose text holds each of parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("error is %v, want an *Error", err)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

// numbers are sizes and strides around the ends of the range of int.
var numbers = []int{0, 1, 2, 3, 7, 1 << 16, 1<<31 - 1, 1 << 31, 1 << 32, 3037000499, 3037000500, 1 << 62, math.MaxInt - 1, math.MaxInt,
	-1, -2, -3, -1 << 31, -1 << 62, math.MinInt + 1, math.MinInt}

func TestElements(t *testing.T) {
	limit := big.NewInt(math.MaxInt)
	for _, a := range numbers {
		for _, b := range numbers {
			for _, c := range numbers {
				dims := []int{a, b, c}
				want, ok := big.NewInt(1), true
				empty := false
				for _, d := range dims {
					ok = ok && d >= 0
					if d == 0 {
						empty = true
					} else {
						want.Mul(want, big.NewInt(int64(d)))
					}
				}
				ok = ok && want.Cmp(limit) <= 0
				if empty {
					want.SetInt64(0)
				}
				n, err := Elements(dims)
				if (err == nil) != ok || ok && int64(n) != want.Int64() {
					t.Fatalf("Elements(%v) = %d, %v; want %v, valid %v", dims, n, err, want, ok)
				}
			}
		}
	}
	if n, err := Elements(nil); n != 1 || err != nil {
		t.Errorf("a scalar has %d elements, %v", n, err)
	}
	_, err := Elements([]int{2, -3})
	wantError(t, err, "dimension 1", "[2 -3]", "negative")
	_, err = Elements(make([]int, MaxRank+1))
	wantError(t, err, "33 dimensions", "32")
	_, err = Elements([]int{math.MaxInt, 2, 0})
	wantError(t, err, "overflow")
	defer func() {
		if err, _ := recover().(error); err != nil {
			wantError(t, err, "negative")
		} else {
			t.Error("MustElements does not panic with the error")
		}
	}()
	MustElements([]int{-1})
}

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		t    dtype.Type
		dims []int
		want int
	}{{dtype.F32, []int{2, 3}, 24}, {dtype.U8, nil, 1}, {dtype.F64, []int{0, 5}, 0}, {dtype.U8, []int{MaxBytes}, MaxBytes}, {dtype.F64, []int{MaxBytes / 8}, MaxBytes}} {
		if n, err := Bytes(c.t, c.dims); n != c.want || err != nil {
			t.Errorf("Bytes(%v, %v) = %d, %v", c.t, c.dims, n, err)
		}
	}
	_, err := Bytes(dtype.U8, []int{MaxBytes + 1})
	wantError(t, err, "limit", "u8")
	_, err = Bytes(dtype.F64, []int{MaxBytes/8 + 1})
	wantError(t, err, "limit", "f64")
	_, err = Bytes(dtype.F64, []int{math.MaxInt})
	wantError(t, err, "limit")
	_, err = Bytes(dtype.Invalid, nil)
	wantError(t, err, "no size")
	_, err = Bytes(dtype.F32, []int{-1})
	wantError(t, err, "negative")
}

func TestErrorText(t *testing.T) {
	_, err := Elements([]int{2, -3})
	if want := "dimension 1 of shape [2 -3], -3, is negative"; err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
	if s := String([]int{2, 3}) + String(nil); s != "[2 3][]" {
		t.Errorf("String gives %q", s)
	}
	c := Clone([]int{4})
	if !Equal(c, []int{4}) || Equal(c, nil) || Clone(nil) == nil {
		t.Error("Clone or Equal is wrong")
	}
}

// randomDims is a shape of rank up to 4 with sizes from lo to hi.
func randomDims(rng *rand.Rand, lo, hi int) []int {
	dims := make([]int, rng.IntN(5))
	for i := range dims {
		dims[i] = lo + rng.IntN(hi-lo+1)
	}
	return dims
}

// indices visits the index of every element of dims in row-major order, by
// recursion.
func indices(dims []int, visit func(index []int)) {
	index := make([]int, len(dims))
	var level func(int)
	level = func(k int) {
		if k == len(dims) {
			visit(index)
			return
		}
		for i := range max(dims[k], 0) {
			index[k] = i
			level(k + 1)
		}
	}
	level(0)
}

func dot(a, b []int) int {
	n := 0
	for i := range a {
		n += a[i] * b[i]
	}
	return n
}

// walk is the offsets of a view, element by element.
func walk(dims, strides []int) []int {
	out := []int{}
	indices(dims, func(index []int) { out = append(out, dot(index, strides)) })
	return out
}

// randomView is a view of the kind that slicing, permuting and broadcasting make.
func randomView(rng *rand.Rand, lo, hi int) (dims, strides []int) {
	dims = randomDims(rng, lo, hi)
	strides = Strides(dims)
	for i := range strides {
		switch rng.IntN(8) {
		case 0:
			strides[i] *= 2
		case 1:
			strides[i] = -strides[i]
		case 2:
			strides[i] = 0
		}
	}
	if rng.IntN(3) == 0 {
		rng.Shuffle(len(dims), func(i, j int) {
			dims[i], dims[j] = dims[j], dims[i]
			strides[i], strides[j] = strides[j], strides[i]
		})
	}
	return dims, strides
}

func TestStridesAndIsDense(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		dims := randomDims(rng, 0, 3)
		for i, o := range walk(dims, Strides(dims)) {
			if i != o {
				t.Fatalf("Strides(%v): element %d is at %d", dims, i, o)
			}
		}
		dims, strides := randomView(rng, 0, 3)
		want := true
		for i, o := range walk(dims, strides) {
			want = want && i == o
		}
		if got := IsDense(dims, strides); got != want {
			t.Fatalf("IsDense(%v, %v) = %v, offsets %v", dims, strides, got, walk(dims, strides))
		}
	}
}
