package num

import "math"

// NaN is the bits of the only NaN that leaves an accumulator.
const NaN = 0x7fc00000

// Canonical is f, with the one form of NaN.
func Canonical(f float32) float32 {
	if f != f {
		return math.Float32frombits(NaN)
	}
	return f
}

// Narrow rounds f to bfloat16: to nearest, ties to even, overflow to infinity.
// Subnormal results stay: it is the arrays that take them for zero.
func Narrow(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return NaN >> 16
	}
	b += 0x7fff + b>>16&1
	return uint16(b >> 16)
}

// Widen is the value of a bfloat16 operand of an array; subnormal ones are zero.
func Widen(h uint16) float32 {
	if h&0x7f80 == 0 {
		return 0
	}
	return math.Float32frombits(uint32(h) << 16)
}

func floatOf(b uint32) float32 { return math.Float32frombits(b) }

func bitsOf(f float32) uint32 { return math.Float32bits(f) }
