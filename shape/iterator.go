package shape

import "fmt"

// Iterator walks the elements of a shape in row-major order and keeps, for each
// of several operands, the offset of the element relative to the operand's first:
//
//	for it := NewIterator(dims, a, b); it.Next(); {
//		o := it.Offsets() // element o[0] of a goes with element o[1] of b
//	}
//
// It costs O(rank) memory and amortised constant time per element.
type Iterator struct {
	dims    []int
	strides [][]int
	index   []int
	offsets []int
	state   iteratorState
}

type iteratorState uint8

const (
	iteratorNew iteratorState = iota
	iteratorRunning
	iteratorDone
)

// NewIterator starts before the first element of dims, with the strides of each
// operand. A scalar has one element, an empty shape none. It panics if an operand
// does not have one stride per dimension.
func NewIterator(dims []int, strides ...[]int) *Iterator {
	checkStrides("NewIterator", dims, strides)
	it := &Iterator{dims: dims, strides: strides, index: make([]int, len(dims)), offsets: make([]int, len(strides))}
	for _, d := range dims {
		if d <= 0 {
			it.state = iteratorDone
		}
	}
	return it
}

// Next moves to the next element and reports whether there is one.
func (it *Iterator) Next() bool {
	switch it.state {
	case iteratorNew:
		it.state = iteratorRunning
		return true
	case iteratorDone:
		return false
	}
	for i := len(it.dims) - 1; i >= 0; i-- {
		it.index[i]++
		if it.index[i] < it.dims[i] {
			for k, s := range it.strides {
				it.offsets[k] += s[i]
			}
			return true
		}
		for k, s := range it.strides {
			it.offsets[k] -= s[i] * (it.dims[i] - 1)
		}
		it.index[i] = 0
	}
	it.state = iteratorDone
	return false
}

// Offsets is the element offset of each operand. Next overwrites it.
func (it *Iterator) Offsets() []int { return it.offsets }

// Collapse gives an equivalent traversal of lower rank: it leaves out axes of
// size 1 and merges neighbours that every operand lays out as one. An Iterator
// over the result visits the same offsets in the same order. A dense operand
// alone collapses to rank 1, a scalar to rank 0, an empty shape to [0]. It panics
// if an operand does not have one stride per dimension.
func Collapse(dims []int, strides ...[]int) (d []int, s [][]int) {
	checkStrides("Collapse", dims, strides)
	d = make([]int, 0, len(dims))
	s = make([][]int, len(strides))
	for k := range s {
		s[k] = make([]int, 0, len(dims))
	}
	for i, n := range dims {
		switch {
		case n <= 0:
			for k := range s {
				s[k] = []int{1}
			}
			return []int{0}, s
		case n == 1:
		case len(d) > 0 && mergeable(s, strides, i, n):
			d[len(d)-1] *= n
			for k := range s {
				s[k][len(d)-1] = strides[k][i]
			}
		default:
			d = append(d, n)
			for k := range s {
				s[k] = append(s[k], strides[k][i])
			}
		}
	}
	return d, s
}

// mergeable reports whether axis i, of size n, continues the last axis of s in
// every operand.
func mergeable(s, strides [][]int, i, n int) bool {
	for k := range s {
		if s[k][len(s[k])-1] != n*strides[k][i] {
			return false
		}
	}
	return true
}

func checkStrides(caller string, dims []int, strides [][]int) {
	for k, s := range strides {
		if len(s) != len(dims) {
			panic(fmt.Sprintf("shape: %s: operand %d has strides %s for shape %s; one per dimension is needed", caller, k, String(s), String(dims)))
		}
	}
}
