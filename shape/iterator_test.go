package shape

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// collect is the offsets of each operand as an Iterator gives them.
func collect(dims []int, strides ...[]int) [][]int {
	out := make([][]int, len(strides))
	for k := range out {
		out[k] = []int{}
	}
	for it := NewIterator(dims, strides...); it.Next(); {
		for k, o := range it.Offsets() {
			out[k] = append(out[k], o)
		}
	}
	return out
}

func TestIteratorAndCollapse(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	merged := 0
	for range 5000 {
		dims, a := randomView(rng, 0, 3)
		b := Strides(dims)
		c := make([]int, len(dims))
		want := [][]int{walk(dims, a), walk(dims, b), walk(dims, c)}
		if got := collect(dims, a, b, c); !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("Iterator over %v with %v: %v, want %v", dims, a, got, want)
		}
		d, s := Collapse(dims, a, b, c)
		if got := collect(d, s...); !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("Collapse(%v, %v) = %v, %v visits %v, want %v", dims, a, d, s, got, want)
		}
		if len(d) < len(dims) {
			merged++
		}
		for i, n := range d {
			if n == 1 {
				t.Fatalf("Collapse(%v) = %v leaves an axis of size 1", dims, d)
			}
			// Neighbours that remain are apart in some operand.
			if i > 0 && s[0][i-1] == n*s[0][i] && s[1][i-1] == n*s[1][i] && s[2][i-1] == n*s[2][i] {
				t.Fatalf("Collapse(%v, %v) = %v, %v leaves axes %d and %d apart", dims, a, d, s, i-1, i)
			}
		}
		if d, s := Collapse(dims, b); len(d) > 1 || len(d) == 1 && s[0][0] != 1 {
			t.Fatalf("dense %v collapses to %v, %v", dims, d, s)
		}
	}
	if merged < 500 {
		t.Errorf("only %d of the random views collapse; the test is too weak", merged)
	}
}

func TestIteratorEdges(t *testing.T) {
	if got := collect(nil, nil); len(got[0]) != 1 || got[0][0] != 0 {
		t.Errorf("a scalar gives offsets %v", got)
	}
	it := NewIterator([]int{3, 0}, []int{1, 1})
	for range 3 {
		if it.Next() {
			t.Error("an empty shape has an element")
		}
	}
	steps := 0
	for it := NewIterator([]int{2, 3}); it.Next(); {
		steps++
	}
	if steps != 6 {
		t.Errorf("without operands %d steps, want 6", steps)
	}
	if d, _ := Collapse([]int{2, 1, 3}); !Equal(d, []int{6}) {
		t.Errorf("without operands [2 1 3] collapses to %v", d)
	}
	for _, f := range []func(){func() { NewIterator([]int{2, 3}, []int{1}) }, func() { Collapse([]int{2, 3}, []int{1}) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a missing stride gives no panic")
				}
			}()
			f()
		}()
	}
}
