package ops

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
)

// Number is a number in attributes: Value, or, where a float64 would round it, Int,
// whose Value is then 0. As an element of u64, Int is its two's complement bits.
type Number struct {
	Value float64
	Int   int64
}

// maxExact is the first whole number whose successor a float64 does not hold.
const maxExact = 1 << 53

// NumberOf returns the number of an integer, which keeps all its digits.
func NumberOf(i int64) Number {
	if -maxExact <= i && i <= maxExact {
		return Number{Value: float64(i)}
	}
	return Number{Int: i}
}

// Float returns the number as a float64, rounded if it does not hold it.
func (n Number) Float() float64 { return n.Value + float64(n.Int) }

// Bits returns the bytes of an element of that value, rounded once to a float type.
func (n Number) Bits(t dtype.Type) (b [8]byte) {
	if n.Int != 0 {
		dtype.StoreInt(b[:], t, 0, n.Int)
	} else {
		dtype.Store(b[:], t, 0, n.Value)
	}
	return b
}

// check returns an error for a number that elements of a type cannot be. Floats are
// rounded and truth values are not 0; integers must be the number.
func (n Number) check(t dtype.Type) error {
	switch {
	case n.Int != 0 && n.Value != 0:
		return attrErr("the value is given twice, as %v and as %d", n.Value, n.Int)
	case !t.Valid() || t.IsFloat() || t == dtype.Bool:
		return nil
	case n.Int != 0:
		if t.Size() < 8 {
			return attrErr("%d is not among the numbers of %s", n.Int, t)
		}
		return nil
	}
	if why := NotHeld(t, n.Value); why != "" {
		return attrErr("%s", why)
	}
	return nil
}

// NotHeld says why a number is none of an integer type: it has a fraction, is out of the
// type's range, or is not a number. For a number of the type it returns "".
func NotHeld(t dtype.Type, v float64) string {
	lo, past := integerRange(t)
	switch {
	case v != math.Trunc(v): // NaN too
		return fmt.Sprintf("%v is no whole number, as elements of %s are", v, t)
	case v < lo || v >= past:
		return fmt.Sprintf("%v is out of the range of %s, %d to %d", v, t, int64(lo), lastOf(t))
	}
	return ""
}

// integerRange is the smallest number of an integer type and the first one past its
// largest.
func integerRange(t dtype.Type) (lo, past float64) {
	bits := 8 * t.Size()
	if t.IsUnsigned() {
		return 0, math.Ldexp(1, bits)
	}
	return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
}

// lastOf is the largest number of an integer type.
func lastOf(t dtype.Type) uint64 {
	if t.IsUnsigned() {
		return math.MaxUint64 >> (64 - 8*t.Size())
	}
	return math.MaxInt64 >> (64 - 8*t.Size())
}

// fillHost makes every element of an array the same.
func fillHost(h Host, bits [8]byte) {
	size := h.DType.Size()
	for i := 0; i < len(h.Data); i += size {
		copy(h.Data[i:i+size], bits[:])
	}
}
