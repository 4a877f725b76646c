package arch

import (
	"math"
	"math/bits"
)

// Rate is an exact number of bytes per cycle, Num/Den. The zero Rate has no limit.
type Rate struct {
	Num, Den uint64
}

// NewRate returns bytesPerSecond/hertz in lowest terms.
func NewRate(bytesPerSecond, hertz uint64) Rate {
	if bytesPerSecond == 0 || hertz == 0 {
		return Rate{}
	}
	g := gcd(bytesPerSecond, hertz)
	return Rate{bytesPerSecond / g, hertz / g}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Limited reports whether the rate is a limit at all.
func (r Rate) Limited() bool { return r.Num != 0 }

// Cycles is the number of cycles in which n bytes pass, rounded up; 0 without a
// limit. It saturates at the largest int64, far above any emulated time.
func (r Rate) Cycles(n uint64) int64 {
	if !r.Limited() || n == 0 {
		return 0
	}
	hi, lo := bits.Mul64(n, r.Den)
	if hi >= r.Num {
		return math.MaxInt64
	}
	q, rem := bits.Div64(hi, lo, r.Num)
	if rem > 0 && q < math.MaxUint64 {
		q++
	}
	return int64(min(q, math.MaxInt64))
}

// PerCycle is the rate as a floating-point number, 0 without a limit.
func (r Rate) PerCycle() float64 {
	if !r.Limited() {
		return 0
	}
	return float64(r.Num) / float64(r.Den)
}
