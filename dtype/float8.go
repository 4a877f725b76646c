package dtype

import "math"

// Float8E4M3 has 4 exponent bits, 3 mantissa bits, one NaN per sign and no
// infinity (E4M3FN); its largest value is 448. Source: Micikevicius et al., "FP8
// formats for deep learning", 2022.
type Float8E4M3 uint8

// Float8E5M2 has 5 exponent bits, 2 mantissa bits and IEEE 754 infinities and
// NaNs; its largest finite value is 57344. Source as Float8E4M3.
type Float8E5M2 uint8

var e4m3Values, e5m2Values = float8Values()

// float8Values computes the value of every pattern of the two formats.
func float8Values() (e4m3, e5m2 [256]float32) {
	for i := range 256 {
		// An E5M2 is the upper half of a binary16.
		e5m2[i] = Float16(i << 8).Float32()

		exp, man := i>>3&15, i&7
		var v float64
		switch {
		case exp == 15 && man == 7:
			v = math.NaN()
		case exp == 0:
			v = math.Ldexp(float64(man), -9)
		default:
			v = math.Ldexp(float64(8+man), exp-10)
		}
		if i&0x80 != 0 {
			v = math.Copysign(v, -1)
		}
		e4m3[i] = float32(v)
	}
	return e4m3, e5m2
}

// Float32 is the exact value of h.
func (h Float8E4M3) Float32() float32 { return e4m3Values[h] }

// Float64 is the exact value of h.
func (h Float8E4M3) Float64() float64 { return float64(h.Float32()) }

// String formats the value with the fewest digits that give a float32 back.
func (h Float8E4M3) String() string { return format(h.Float32()) }

// ToFloat8E4M3 rounds f to nearest, ties to even. It does not saturate:
// magnitudes above 464, infinities and NaN give the NaN of their sign.
func ToFloat8E4M3(f float32) Float8E4M3 {
	b := math.Float32bits(f)
	sign, m := Float8E4M3(b>>24&0x80), b&0x7fffffff
	switch {
	case m > 0x43e80000: // 464, halfway between 448 and the step above it
		return sign | 0x7f
	case m < 0x3c800000: // 2^-6; one unit in the last place of 2^14 is 2^-9
		return sign | Float8E4M3(math.Float32bits(math.Float32frombits(m)+0x1p14)-0x46800000)
	}
	return sign | Float8E4M3((m+0xc407ffff+m>>20&1)>>20)
}

// Float8E4M3FromFloat64 rounds f once, as ToFloat8E4M3 rounds a float32.
func Float8E4M3FromFloat64(f float64) Float8E4M3 { return ToFloat8E4M3(toOdd(f)) }

// Float32 is the exact value of h. A signalling NaN comes back quiet.
func (h Float8E5M2) Float32() float32 { return e5m2Values[h] }

// Float64 is the exact value of h.
func (h Float8E5M2) Float64() float64 { return float64(h.Float32()) }

// String formats the value with the fewest digits that give a float32 back.
func (h Float8E5M2) String() string { return format(h.Float32()) }

// ToFloat8E5M2 rounds f to nearest, ties to even. Magnitudes of 61440 and above
// give an infinity; a NaN keeps its sign and leading payload bit.
func ToFloat8E5M2(f float32) Float8E5M2 {
	b := math.Float32bits(f)
	sign, m := Float8E5M2(b>>24&0x80), b&0x7fffffff
	switch {
	case m > 0x7f800000:
		return sign | 0x7e | Float8E5M2(m>>21&3)
	case m >= 0x47800000:
		return sign | 0x7c
	case m < 0x38800000: // 2^-14; one unit in the last place of 2^7 is 2^-16
		return sign | Float8E5M2(math.Float32bits(math.Float32frombits(m)+0x1p7)-0x43000000)
	}
	return sign | Float8E5M2((m+0xc80fffff+m>>21&1)>>21)
}

// Float8E5M2FromFloat64 rounds f once, as ToFloat8E5M2 rounds a float32.
func Float8E5M2FromFloat64(f float64) Float8E5M2 { return ToFloat8E5M2(toOdd(f)) }
