package shape

import (
	"cmp"
	"slices"

	"github.com/crease-ml/crease/dtype"
)

// IsDense reports whether strides lay dims out row-major without gaps. The
// stride of a dimension of size 1 is never used and does not count; an empty
// shape is dense.
func IsDense(dims, strides []int) bool {
	n, dense := 1, true
	for i := len(dims) - 1; i >= 0; i-- {
		switch d := dims[i]; {
		case d == 0:
			return true
		case d != 1 && strides[i] != n:
			dense = false
		default:
			n *= d
		}
	}
	return dense
}

// Extent is the range of element indices that a view touches: lo is the lowest,
// hi one past the highest, and both are 0 for an empty view. It fails for an
// invalid shape, a count of strides that is not the rank, and overflow on the way;
// lo may be negative.
func Extent(dims, strides []int, offset int) (lo, hi int, err error) {
	n, err := Elements(dims)
	if err != nil {
		return 0, 0, err
	}
	if len(strides) != len(dims) {
		return 0, 0, failAll(dims, "has %d strides, one per dimension is needed", len(strides))
	}
	if n == 0 {
		return 0, 0, nil
	}
	lo, hi = offset, offset
	for i, d := range dims {
		reach, ok := mul(d-1, strides[i])
		if ok && reach < 0 {
			lo, ok = add(lo, reach)
		} else if ok {
			hi, ok = add(hi, reach)
		}
		if !ok {
			return 0, 0, fail(dims, i, "with stride %d reaches an index that overflows", strides[i])
		}
	}
	hi, ok := add(hi, 1)
	if !ok {
		return 0, 0, failAll(dims, "at offset %d reaches an index that overflows", offset)
	}
	return lo, hi, nil
}

// Lead is the number of elements that a view with these strides touches before its
// first one: the least offset at which it fits into memory. It is 0 for an empty
// view.
func Lead(dims, strides []int) int {
	n := 0
	for i, d := range dims {
		if d == 0 {
			return 0
		}
		if strides[i] < 0 {
			n -= (d - 1) * strides[i]
		}
	}
	return n
}

// Injective reports whether strides put every element of dims at a place of its own.
// It may be false for strange strides that do; it is never true for those that do
// not. Views made by slicing, permuting and reshaping are injective, expanded and
// sliding ones are not.
func Injective(dims, strides []int) bool {
	var room [MaxRank]int
	order := room[:0]
	for i, d := range dims {
		if d == 0 {
			return true
		}
		if d > 1 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(magnitude(strides[a]), magnitude(strides[b])) })
	reach := uint64(0) // the distance between the first and the last element so far
	for _, i := range order {
		step := magnitude(strides[i])
		if step <= reach {
			return false
		}
		reach += step * uint64(dims[i]-1)
	}
	return true
}

// CheckView reports why a view of elements of type t would reach outside a
// buffer of bufBytes bytes, or nil if it fits. An empty view fits anywhere.
func CheckView(t dtype.Type, dims, strides []int, offset, bufBytes int) error {
	if !t.Valid() {
		return failAll(dims, "has the element type %v, which has no size", t)
	}
	lo, hi, err := Extent(dims, strides, offset)
	if err != nil {
		return err
	}
	if held := max(bufBytes, 0) / t.Size(); lo < 0 || hi > held {
		return failAll(dims, "with strides %s at offset %d reaches elements %d to %d; the buffer of %d bytes holds %d elements of %v",
			String(strides), offset, lo, hi-1, bufBytes, held, t)
	}
	return nil
}

// Permute reorders dims: dimension i of the result is dimension perm[i] of dims.
// The result for the strides of a view is Permute of the strides.
func Permute(dims, perm []int) ([]int, error) {
	if len(perm) != len(dims) {
		return nil, failAll(dims, "cannot be permuted by %s: one axis per dimension is needed", String(perm))
	}
	out, seen := make([]int, len(dims)), make([]bool, len(dims))
	for i, p := range perm {
		if p < 0 || p >= len(dims) || seen[p] {
			return nil, failAll(dims, "cannot be permuted by %s: each axis from 0 to %d must occur once", String(perm), len(dims)-1)
		}
		seen[p] = true
		out[i] = dims[p]
	}
	return out, nil
}

// Slice1 resolves the slice start:stop:step of an axis of n elements as Python
// does: negative positions count from the end, positions outside are clipped, a
// negative step walks down. It gives the first index and the number of elements;
// first is within [0, n) unless count is 0, when it is 0. Positions past either
// end (math.MaxInt, math.MinInt) stand for an omitted bound. It fails if step is
// 0 or n is negative.
func Slice1(n, start, stop, step int) (first, count int, err error) {
	if n < 0 {
		return 0, 0, fail([]int{n}, 0, "is negative")
	}
	if step == 0 {
		return 0, 0, fail([]int{n}, 0, "cannot be sliced with step 0; use a positive or a negative step")
	}
	lo, hi := 0, n
	if step < 0 {
		lo, hi = -1, n-1
	}
	start, stop = clip(start, n, lo, hi), clip(stop, n, lo, hi)
	// Both are within [-1, n], so the distance fits; the magnitude of the step is
	// unsigned because that of the lowest int has no signed form.
	distance := stop - start
	if step < 0 {
		distance = -distance
	}
	if distance <= 0 {
		return 0, 0, nil
	}
	return start, int((uint64(distance)-1)/magnitude(step)) + 1, nil
}

// clip counts a negative position from the end and holds the result to [lo, hi].
func clip(pos, n, lo, hi int) int {
	if pos < 0 {
		pos += n
	}
	return min(max(pos, lo), hi)
}
