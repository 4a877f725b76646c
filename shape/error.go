package shape

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Error is a shape that breaks a rule.
type Error struct {
	Dims   []int  // the shape at fault, nil if only its rank was given
	Axis   int    // the dimension at fault, -1 if it is the whole shape
	Reason string // the rule and how it is broken, to be read after the subject
}

// Misuse marks a mistake of the caller (see package ops).
func (*Error) Misuse() {}

func (e *Error) Error() string {
	if e.Dims == nil {
		return e.Reason
	}
	if e.Axis < 0 || e.Axis >= len(e.Dims) {
		return fmt.Sprintf("shape %s %s", String(e.Dims), e.Reason)
	}
	return fmt.Sprintf("dimension %d of shape %s, %d, %s", e.Axis, String(e.Dims), e.Dims[e.Axis], e.Reason)
}

func fail(dims []int, axis int, format string, args ...any) error {
	return &Error{Dims: Clone(dims), Axis: axis, Reason: fmt.Sprintf(format, args...)}
}

func failAll(dims []int, format string, args ...any) error { return fail(dims, -1, format, args...) }

// failAxis is the error for an axis number, where only the rank is known.
func failAxis(axis, rank int, reason string) error {
	have := fmt.Sprintf("the axes of %d dimensions are %d to %d", rank, -rank, rank-1)
	if rank <= 0 {
		have = "a scalar has no axes"
	}
	return &Error{Axis: axis, Reason: fmt.Sprintf("axis %d %s: %s", axis, reason, have)}
}

// Equal reports whether a and b are the same shape.
func Equal(a, b []int) bool { return slices.Equal(a, b) }

// Clone copies dims; the copy is never nil.
func Clone(dims []int) []int { return append(make([]int, 0, len(dims)), dims...) }

// String writes dims as "[2 3]", a scalar as "[]".
func String(dims []int) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range dims {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(d))
	}
	b.WriteByte(']')
	return b.String()
}

// add is a+b and whether it fits.
func add(a, b int) (int, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

// mul is a*b and whether it fits.
func mul(a, b int) (int, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt {
		return 0, false
	}
	return a * b, true
}

func magnitude(a int) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}
