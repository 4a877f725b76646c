package shape

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestReshape(t *testing.T) {
	for _, c := range []struct {
		n          int
		dims, want []int
	}{{6, []int{2, 3}, []int{2, 3}}, {6, []int{-1, 3}, []int{2, 3}}, {6, []int{-1}, []int{6}}, {1, nil, []int{}}, {1, []int{-1}, []int{1}}, {0, []int{-1, 3}, []int{0, 3}}, {0, []int{0, 7}, []int{0, 7}}, {0, []int{-1}, []int{0}}, {math.MaxInt, []int{-1}, []int{math.MaxInt}}} {
		got, err := Reshape(c.n, c.dims)
		if err != nil || !Equal(got, c.want) {
			t.Errorf("Reshape(%d, %v) = %v, %v; want %v", c.n, c.dims, got, err, c.want)
		}
	}
	for _, c := range []struct {
		n    int
		dims []int
		says string
	}{{6, []int{4}, "4 elements"}, {6, []int{-1, 4}, "divide"}, {6, []int{-1, -1}, "second -1"}, {0, []int{-1, 0}, "0 elements"}, {6, []int{-2, -3}, "negative"},
		{6, []int{math.MaxInt, math.MaxInt, -1}, "overflow"}, {-1, []int{-1}, "-1 elements"}, {0, make([]int, 40), "limit"}, {2, nil, "has 1 elements"}} {
		_, err := Reshape(c.n, c.dims)
		wantError(t, err, c.says)
	}
}

func FuzzReshape(f *testing.F) {
	f.Add(6, 2, -1, 3)
	f.Add(math.MaxInt, -1, 1<<62, 2)
	f.Fuzz(func(t *testing.T, n, a, b, c int) {
		dims := []int{a, b, c}
		got, err := Reshape(n, dims)
		free := 0
		for _, d := range dims {
			if d == -1 {
				free++
			}
		}
		if err != nil {
			// The refusal must have a reason: no value of the free dimension fits.
			product := big.NewInt(1)
			for _, d := range dims {
				if d != -1 {
					product.Mul(product, big.NewInt(int64(d)))
				}
			}
			valid := n >= 0 && free <= 1 && min(a, b, c) >= -1
			if _, sizeErr := Elements([]int{max(a, 0), max(b, 0), max(c, 0)}); free == 0 && sizeErr != nil {
				valid = false // the sizes other than 0 overflow
			}
			if free == 0 && valid && product.Cmp(big.NewInt(int64(n))) == 0 {
				t.Fatalf("Reshape(%d, %v): %v", n, dims, err)
			}
			if free == 1 && valid && n > 0 && product.Sign() > 0 && new(big.Int).Rem(big.NewInt(int64(n)), product).Sign() == 0 {
				t.Fatalf("Reshape(%d, %v): %v", n, dims, err)
			}
			return
		}
		if m, err := Elements(got); err != nil || m != n || free > 1 || len(got) != 3 {
			t.Fatalf("Reshape(%d, %v) = %v with %d elements, %v", n, dims, got, m, err)
		}
		for i, d := range dims {
			if d != -1 && got[i] != d {
				t.Fatalf("Reshape(%d, %v) = %v changes a given dimension", n, dims, got)
			}
		}
	})
}

// factor splits n at random into a shape of up to 5 dimensions, ones among them.
func factor(rng *rand.Rand, n int) []int {
	var dims []int
	for len(dims) < 4 && n > 1 {
		d := 1 + rng.IntN(n)
		if n%d == 0 {
			dims = append(dims, d)
			n /= d
		}
	}
	if n > 1 || rng.IntN(2) == 0 {
		dims = append(dims, n)
	}
	return dims
}

// hasStrides reports by search whether some strides read the offsets as dims: the
// stride of each axis longer than 1 is fixed by one pair of elements.
func hasStrides(offsets, dims []int) bool {
	if len(offsets) == 0 {
		return true
	}
	dense, strides := Strides(dims), make([]int, len(dims))
	for i, d := range dims {
		if d > 1 {
			strides[i] = offsets[dense[i]] - offsets[0]
		}
	}
	return slices.Equal(walk(dims, strides), offsets)
}

func TestReshapeStrides(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	yes, no := 0, 0
	for range 20000 {
		dims, strides := randomView(rng, 1, 4)
		if rng.IntN(20) == 0 && len(dims) > 0 {
			dims[0] = 0
		}
		n := MustElements(dims)
		to := factor(rng, n)
		if n == 0 {
			to = []int{3, 0}
		}
		got, ok := ReshapeStrides(dims, strides, to)
		offsets := walk(dims, strides)
		if ok && !slices.Equal(walk(to, got), offsets) {
			t.Fatalf("ReshapeStrides(%v, %v, %v) = %v reads other elements", dims, strides, to, got)
		}
		if want := hasStrides(offsets, to); ok != want {
			t.Fatalf("ReshapeStrides(%v, %v, %v) = %v, %v; a view exists: %v", dims, strides, to, got, ok, want)
		}
		if ok {
			yes++
		} else {
			no++
		}
	}
	if yes < 1000 || no < 1000 {
		t.Errorf("%d views and %d copies; the test is too weak", yes, no)
	}
	if _, ok := ReshapeStrides([]int{2, 3}, []int{3, 1}, []int{5}); ok {
		t.Error("6 elements read as 5")
	}
	if _, ok := ReshapeStrides([]int{2, 3}, []int{3}, []int{6}); ok {
		t.Error("a view with a missing stride is accepted")
	}
	if _, ok := ReshapeStrides([]int{-2, -3}, []int{3, 1}, []int{6}); ok {
		t.Error("a negative dimension is accepted")
	}
}

func TestConv(t *testing.T) {
	for in := 1; in <= 7; in++ {
		for kernel := 1; kernel <= 4; kernel++ {
			for stride := 1; stride <= 3; stride++ {
				for lo := range 3 {
					for hi := range 3 {
						for dilation := 1; dilation <= 3; dilation++ {
							want := 0
							for at := -lo; at+(kernel-1)*dilation < in+hi; at += stride {
								want++
							}
							got, err := Conv(in, kernel, stride, lo, hi, dilation)
							if got != want || (err == nil) != (want > 0) {
								t.Fatalf("Conv(%d, %d, %d, %d, %d, %d) = %d, %v; want %d", in, kernel, stride, lo, hi, dilation, got, err, want)
							}
						}
					}
				}
			}
		}
	}
	for _, c := range []struct {
		args [6]int
		says string
	}{{[6]int{0, 1, 1, 1, 1, 1}, "at least 1"}, {[6]int{5, 0, 1, 0, 0, 1}, "window of 0"}, {[6]int{5, 1, 0, 0, 0, 1}, "stride of 0"}, {[6]int{5, 1, 1, 0, 0, -1}, "dilation of -1"},
		{[6]int{5, 1, 1, -1, 0, 1}, "padding"}, {[6]int{5, 1, 1, 0, -1, 1}, "padding"}, {[6]int{5, 6, 1, 0, 0, 1}, "shorter"}, {[6]int{5, math.MaxInt, 1, 0, 0, math.MaxInt}, "shorter"},
		{[6]int{5, 1, 1, math.MaxInt, 0, 1}, "overflow"}, {[6]int{5, 1, 1, 0, math.MaxInt, 1}, "overflow"}} {
		a := c.args
		_, err := Conv(a[0], a[1], a[2], a[3], a[4], a[5])
		wantError(t, err, c.says)
	}
	if got, err := Conv(math.MaxInt, 1, 1, 0, 0, math.MaxInt); got != math.MaxInt || err != nil {
		t.Errorf("the longest axis gives %d, %v", got, err)
	}
}
