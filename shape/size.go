package shape

import "github.com/crease-ml/crease/dtype"

// MaxBytes is the largest size of one buffer: 64 TiB.
const MaxBytes = 1 << 46

// MaxRank is the largest number of dimensions.
const MaxRank = 32

// Elements is the product of dims, 1 for a scalar. It fails for a negative
// dimension, a rank above MaxRank and a product that overflows an int, also when
// another dimension is 0.
func Elements(dims []int) (int, error) {
	if len(dims) > MaxRank {
		return 0, failAll(dims[:MaxRank], "has %d dimensions, more than the limit of %d", len(dims), MaxRank)
	}
	n, empty := 1, false
	for i, d := range dims {
		if d < 0 {
			return 0, fail(dims, i, "is negative")
		}
		if d == 0 {
			empty = true
			continue
		}
		var ok bool
		if n, ok = mul(n, d); !ok {
			return 0, fail(dims, i, "makes the number of elements overflow")
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// Bytes is the size of a dense buffer of dims elements of type t. It fails where
// Elements does, for an invalid type, and above MaxBytes.
func Bytes(t dtype.Type, dims []int) (int, error) {
	if !t.Valid() {
		return 0, failAll(dims, "has the element type %v, which has no size", t)
	}
	n, err := Elements(dims)
	if err != nil {
		return 0, err
	}
	if n > MaxBytes/t.Size() {
		return 0, failAll(dims, "of %v takes %d elements of %d bytes, more than the limit of %d bytes for one buffer", t, n, t.Size(), MaxBytes)
	}
	return n * t.Size(), nil
}

// MustElements is Elements for a shape that has been checked; it panics with the
// *Error otherwise.
func MustElements(dims []int) int {
	n, err := Elements(dims)
	if err != nil {
		panic(err)
	}
	return n
}

// Strides is the dense row-major strides of dims, in elements. A dimension of 0
// counts as 1, so that the strides of an empty shape are distinct as well.
func Strides(dims []int) []int {
	strides := make([]int, len(dims))
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		strides[i] = n
		n *= max(dims[i], 1)
	}
	return strides
}
