package dtype

import (
	"math"
	"strconv"
)

// Float16 is an IEEE 754 binary16: 5 exponent bits, 10 mantissa bits.
type Float16 uint16

// BFloat16 is the upper half of a float32: 8 exponent bits, 7 mantissa bits.
type BFloat16 uint16

// Float32 is the exact value of h. A signalling NaN comes back quiet, as from
// the conversion instructions of x86 and Arm.
func (h Float16) Float32() float32 {
	if h.isNormal() {
		return widenNormal(h)
	}
	return widenRare(h)
}

// The common case of both conversions is in functions small enough for the
// compiler to inline into the loops of Convert.

func (h Float16) isNormal() bool { return h&0x7c00-0x0400 < 0x7800 }

// widenNormal rebiases the exponent by 127-15.
func widenNormal(h Float16) float32 {
	return math.Float32frombits(uint32(h&0x8000)<<16 | uint32(h&0x7fff)<<13 + 112<<23)
}

// widenRare widens zeros, subnormals, infinities and NaNs.
func widenRare(h Float16) float32 {
	sign, m := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case m < 0x0400:
		return math.Float32frombits(sign | math.Float32bits(float32(m)*0x1p-24))
	case m == 0x7c00:
		return math.Float32frombits(sign | 0x7f800000)
	}
	return math.Float32frombits(sign | 0x7fc00000 | m<<13)
}

// Float64 is the exact value of h.
func (h Float16) Float64() float64 { return float64(h.Float32()) }

// String formats the value with the fewest digits that give a float32 back.
func (h Float16) String() string { return format(h.Float32()) }

// ToFloat16 rounds f to nearest, ties to even. Magnitudes of 65520 and above
// give an infinity; a NaN keeps its sign and leading payload bits.
func ToFloat16(f float32) Float16 {
	b := math.Float32bits(f)
	if isNormal16(b) {
		return narrowNormal(b)
	}
	return narrowRare(b)
}

// isNormal16 reports whether a float32 is from 2^-14 up to 65536 in magnitude.
func isNormal16(b uint32) bool { return b&0x7fffffff-0x38800000 < 0x0f000000 }

// narrowNormal rebiases the exponent by 15-127 and rounds half to even in one
// addition; a carry out of the mantissa raises the exponent, up to infinity.
func narrowNormal(b uint32) Float16 {
	return Float16(b>>16&0x8000 | (b&0x7fffffff+0xc8000fff+b>>13&1)>>13)
}

// narrowRare narrows what isNormal16 excludes.
func narrowRare(b uint32) Float16 {
	sign, m := Float16(b>>16&0x8000), b&0x7fffffff
	switch {
	case m > 0x7f800000:
		return sign | 0x7e00 | Float16(m>>13&0x3ff)
	case m >= 0x47800000:
		return sign | 0x7c00
	}
	// One unit in the last place of 0.5 is the binary16 subnormal step 2^-24, so
	// the addition rounds.
	return sign | Float16(math.Float32bits(math.Float32frombits(m)+0.5)-0x3f000000)
}

// Float16FromFloat64 rounds f once, as ToFloat16 rounds a float32.
func Float16FromFloat64(f float64) Float16 { return ToFloat16(toOdd(f)) }

// Float32 is the exact value of h, bit for bit.
func (h BFloat16) Float32() float32 { return math.Float32frombits(uint32(h) << 16) }

// Float64 is the exact value of h.
func (h BFloat16) Float64() float64 { return float64(h.Float32()) }

// String formats the value with the fewest digits that give a float32 back.
func (h BFloat16) String() string { return format(h.Float32()) }

// ToBFloat16 rounds f to nearest, ties to even. Values that round above the
// largest finite one give an infinity; a NaN keeps its sign and leading payload
// bits and becomes quiet.
func ToBFloat16(f float32) BFloat16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return BFloat16(b>>16 | 0x40)
	}
	return BFloat16((b + 0x7fff + b>>16&1) >> 16)
}

// BFloat16FromFloat64 rounds f once, as ToBFloat16 rounds a float32.
func BFloat16FromFloat64(f float64) BFloat16 { return ToBFloat16(toOdd(f)) }

// toOdd rounds f to a float32 towards zero and sets the last bit if anything was
// lost. Rounding the result again to a format with at most 22 mantissa bits gives
// what rounding f itself would: the set bit keeps a value near a tie off the tie.
// Source: Boldo and Melquiond, "When double rounding is odd", IMACS 2005.
func toOdd(f float64) float32 {
	n := float32(f)
	if float64(n) == f || f != f {
		return n
	}
	b := math.Float32bits(n)
	if math.Abs(float64(n)) > math.Abs(f) {
		b--
	}
	return math.Float32frombits(b | 1)
}

func format(f float32) string { return strconv.FormatFloat(float64(f), 'g', -1, 32) }
