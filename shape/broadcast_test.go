package shape

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// broadcastPair is the rule for two shapes, axis by axis from the end.
func broadcastPair(a, b []int) ([]int, bool) {
	var out []int
	for k := 1; k <= max(len(a), len(b)); k++ {
		x, y := 1, 1
		if k <= len(a) {
			x = a[len(a)-k]
		}
		if k <= len(b) {
			y = b[len(b)-k]
		}
		switch {
		case x == y || y == 1:
			out = append(out, x)
		case x == 1:
			out = append(out, y)
		default:
			return nil, false
		}
	}
	slices.Reverse(out)
	return out, true
}

func TestBroadcast(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	agreed := 0
	for range 5000 {
		a, b, c := randomDims(rng, 0, 2), randomDims(rng, 1, 2), randomDims(rng, 1, 2)
		want, ok := broadcastPair(a, b)
		if ok {
			want, ok = broadcastPair(want, c)
		}
		got, err := Broadcast(a, b, c)
		if (err == nil) != ok || ok && !Equal(got, want) {
			t.Fatalf("Broadcast(%v, %v, %v) = %v, %v; want %v, %v", a, b, c, got, err, want, ok)
		}
		if !ok {
			continue
		}
		agreed++
		// Read through its broadcast strides, each operand gives the element that
		// the index names once the repeated axes are set to 0.
		dims, strides := a, Strides(a)
		wide, err := BroadcastStrides(dims, strides, got)
		if err != nil {
			t.Fatalf("BroadcastStrides(%v, %v, %v): %v", dims, strides, got, err)
		}
		indices(got, func(index []int) {
			own := slices.Clone(index[len(got)-len(dims):])
			for i, d := range dims {
				if d == 1 {
					own[i] = 0
				}
			}
			if dot(index, wide) != dot(own, strides) {
				t.Fatalf("%v as %v: element %v is at %d, want %d", dims, got, index, dot(index, wide), dot(own, strides))
			}
		})
	}
	if agreed < 500 {
		t.Errorf("only %d of the random shapes broadcast; the test is too weak", agreed)
	}
	if got, err := Broadcast(); err != nil || len(got) != 0 {
		t.Errorf("Broadcast() = %v, %v", got, err)
	}
	_, err := Broadcast([]int{2, 3}, []int{4, 3})
	wantError(t, err, "dimension 0", "[2 3] [4 3]", "-2", "2 or 1")
	_, err = Broadcast([]int{1 << 40, 1}, []int{1 << 40})
	wantError(t, err, "overflow")
	_, err = Broadcast([]int{-1})
	wantError(t, err, "negative")
	_, err = Broadcast(make([]int, MaxRank+1))
	wantError(t, err, "limit")
}

func TestBroadcastStridesErrors(t *testing.T) {
	_, err := BroadcastStrides([]int{2, 3}, []int{3, 1}, []int{3})
	wantError(t, err, "fewer")
	_, err = BroadcastStrides([]int{2, 3}, []int{3, 1}, []int{5, 2, 4})
	wantError(t, err, "dimension 1", "axis 2", "[5 2 4]")
	_, err = BroadcastStrides([]int{2, 3}, []int{1}, []int{2, 3})
	wantError(t, err, "1 strides")
}

func TestAxes(t *testing.T) {
	for rank := range 4 {
		for a := -6; a <= 6; a++ {
			got, err := Axis(a, rank)
			if ok := a >= -rank && a < rank; ok != (err == nil) || ok && got != (a+rank)%rank {
				t.Errorf("Axis(%d, %d) = %d, %v", a, rank, got, err)
			}
		}
	}
	_, err := Axis(math.MinInt, 3)
	wantError(t, err, "out of range", "-3 to 2")
	_, err = Axis(0, 0)
	wantError(t, err, "scalar")
	for _, c := range []struct {
		axes []int
		rank int
		want []int
	}{{nil, 3, []int{0, 1, 2}}, {[]int{}, 0, []int{}}, {[]int{-1, 0}, 3, []int{0, 2}}, {[]int{2, 1, 0}, 3, []int{0, 1, 2}}} {
		in := slices.Clone(c.axes)
		got, err := Axes(in, c.rank)
		if err != nil || !Equal(got, c.want) || !Equal(in, c.axes) {
			t.Errorf("Axes(%v, %d) = %v, %v", c.axes, c.rank, got, err)
		}
	}
	_, err = Axes([]int{1, -2}, 3)
	wantError(t, err, "axis 1", "twice")
	_, err = Axes([]int{0, 3}, 3)
	wantError(t, err, "axis 3", "out of range")
}

func TestReduce(t *testing.T) {
	dims := []int{2, 3, 4}
	for _, c := range []struct {
		axes []int
		keep bool
		want []int
	}{{[]int{1}, false, []int{2, 4}}, {[]int{1}, true, []int{2, 1, 4}}, {[]int{0, 1, 2}, false, []int{}}, {[]int{0, 1, 2}, true, []int{1, 1, 1}}, {nil, false, dims}} {
		if got := Reduce(dims, c.axes, c.keep); !Equal(got, c.want) || got == nil {
			t.Errorf("Reduce(%v, %v, %v) = %v", dims, c.axes, c.keep, got)
		}
	}
}

// The error of many shapes names eight of them.
func TestBroadcastNamesEight(t *testing.T) {
	for n, want := range map[int]string{8: "[1] [1] [1] [1] [1] [1] [2] [3];", 9: "[1] [1] [1] [1] [1] [1] [1] [2] ...;"} {
		shapes := make([][]int, n)
		for i := range shapes {
			shapes[i] = []int{1}
		}
		shapes[n-2], shapes[n-1] = []int{2}, []int{3}
		if _, err := Broadcast(shapes...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d shapes: %v, want %q", n, err, want)
		}
	}
}
