package num

import (
	"fmt"
	"math"
)

// Rounding is how a scaled sum becomes an integer.
type Rounding uint8

const (
	// FloatEven multiplies in float32 and rounds to nearest, ties to even.
	FloatEven Rounding = iota

	// FixedQ31 multiplies by a 31-bit fraction and shifts right in one step, rounding
	// to nearest, ties upwards.
	FixedQ31

	// ShiftEven shifts right, rounding to nearest, ties to even, as Gemmini's
	// accumulators do.
	ShiftEven

	roundings
)

var roundingNames = [...]string{"float", "q31", "shift"}

func (r Rounding) String() string {
	if !r.Valid() {
		return fmt.Sprintf("Rounding(%d)", r)
	}
	return roundingNames[r]
}

// Valid reports whether the rounding exists.
func (r Rounding) Valid() bool { return r < roundings }

// Requant brings a float32 value back to 8 bits: round(x) + zero, clipped to the
// range of the type. NaN becomes zero.
func Requant(x float32, zero int32, signed bool) int8 {
	lo, hi := 0.0, 255.0
	if signed {
		lo, hi = -128, 127
	}
	if x != x {
		x = 0
	}
	y := math.RoundToEven(float64(x)) + float64(zero)
	return int8(uint8(int32(min(max(y, lo), hi))))
}

// RequantFixed brings a sum back to 8 bits with integers alone: the sum times
// multiplier·2^-shift, rounded as r says (ShiftEven ignores the multiplier), plus
// zero, clipped. shift is 0 to 62.
func RequantFixed(sum, multiplier int32, shift uint, r Rounding, zero int32, signed bool) int8 {
	x := int64(sum)
	if r == FixedQ31 {
		x *= int64(multiplier)
	}
	if shift = min(shift, 62); shift > 0 {
		half := int64(1) << (shift - 1)
		floor := x >> shift
		rest := x - floor<<shift
		if rest > half || rest == half && (r == FixedQ31 || floor&1 == 1) {
			floor++
		}
		x = floor
	}
	x += int64(zero)
	lo, hi := int64(0), int64(255)
	if signed {
		lo, hi = -128, 127
	}
	return int8(uint8(min(max(x, lo), hi)))
}
