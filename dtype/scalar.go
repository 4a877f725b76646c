package dtype

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// integer is the element types of Go that are whole numbers.
type integer interface {
	int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8
}

// Load reads element i of b, a buffer of t, as a float64. The value is exact but
// for 64-bit integers beyond 2^53, which are rounded; see LoadInt. b need not be
// aligned.
func Load(b []byte, t Type, i int) float64 {
	switch t {
	case F64:
		return math.Float64frombits(binary.NativeEndian.Uint64(at(b, i, 8)))
	case F32:
		return float64(math.Float32frombits(binary.NativeEndian.Uint32(at(b, i, 4))))
	case F16:
		return Float16(binary.NativeEndian.Uint16(at(b, i, 2))).Float64()
	case BF16:
		return BFloat16(binary.NativeEndian.Uint16(at(b, i, 2))).Float64()
	case F8E4M3:
		return Float8E4M3(b[i]).Float64()
	case F8E5M2:
		return Float8E5M2(b[i]).Float64()
	case U64:
		return float64(uint64(LoadInt(b, t, i)))
	}
	return float64(LoadInt(b, t, i))
}

// Store writes v to element i of b, a buffer of t, under the rules of the
// package: rounded once to a float, truncated and saturated to an integer.
func Store(b []byte, t Type, i int, v float64) {
	switch t {
	case F64:
		binary.NativeEndian.PutUint64(at(b, i, 8), math.Float64bits(v))
	case F32:
		binary.NativeEndian.PutUint32(at(b, i, 4), math.Float32bits(float32(v)))
	case F16:
		binary.NativeEndian.PutUint16(at(b, i, 2), uint16(Float16FromFloat64(v)))
	case BF16:
		binary.NativeEndian.PutUint16(at(b, i, 2), uint16(BFloat16FromFloat64(v)))
	case F8E4M3:
		b[i] = uint8(Float8E4M3FromFloat64(v))
	case F8E5M2:
		b[i] = uint8(Float8E5M2FromFloat64(v))
	case I64:
		StoreInt(b, t, i, truncate[int64](v))
	case I32:
		StoreInt(b, t, i, int64(truncate[int32](v)))
	case I16:
		StoreInt(b, t, i, int64(truncate[int16](v)))
	case I8:
		StoreInt(b, t, i, int64(truncate[int8](v)))
	case U64:
		StoreInt(b, t, i, int64(truncate[uint64](v)))
	case U32:
		StoreInt(b, t, i, int64(truncate[uint32](v)))
	case U16:
		StoreInt(b, t, i, int64(truncate[uint16](v)))
	case U8:
		StoreInt(b, t, i, int64(truncate[uint8](v)))
	case Bool:
		b[i] = truth(v)
	default:
		panic(unknown(t))
	}
}

// LoadInt reads element i of b as an int64: exact for integers and bool, the
// two's complement bits of a u64, and truncated and saturated from a float.
func LoadInt(b []byte, t Type, i int) int64 {
	switch t {
	case I64, U64:
		return int64(binary.NativeEndian.Uint64(at(b, i, 8)))
	case I32:
		return int64(int32(binary.NativeEndian.Uint32(at(b, i, 4))))
	case U32:
		return int64(binary.NativeEndian.Uint32(at(b, i, 4)))
	case I16:
		return int64(int16(binary.NativeEndian.Uint16(at(b, i, 2))))
	case U16:
		return int64(binary.NativeEndian.Uint16(at(b, i, 2)))
	case I8:
		return int64(int8(b[i]))
	case U8:
		return int64(b[i])
	case Bool:
		return int64(truth(b[i]))
	case F64, F32, F16, BF16, F8E4M3, F8E5M2:
		return truncate[int64](Load(b, t, i))
	}
	panic(unknown(t))
}

// StoreInt writes v to element i of b: wrapped to the width of an integer type,
// rounded once to a float. For a u64, v is its two's complement bits.
func StoreInt(b []byte, t Type, i int, v int64) {
	switch t {
	case I64, U64:
		binary.NativeEndian.PutUint64(at(b, i, 8), uint64(v))
	case I32, U32:
		binary.NativeEndian.PutUint32(at(b, i, 4), uint32(v))
	case I16, U16:
		binary.NativeEndian.PutUint16(at(b, i, 2), uint16(v))
	case I8, U8:
		b[i] = uint8(v)
	case F32:
		binary.NativeEndian.PutUint32(at(b, i, 4), math.Float32bits(float32(v)))
	case BF16:
		binary.NativeEndian.PutUint16(at(b, i, 2), uint16(bfloat16FromInt(v)))
	case Bool:
		b[i] = truth(v)
	default:
		// f64 rounds here, and what rounds here is beyond f16 and f8 anyway.
		Store(b, t, i, float64(v))
	}
}

// at is the n bytes of element i.
func at(b []byte, i, n int) []byte { return b[i*n : i*n+n : i*n+n] }

// truncate is v towards zero, held to the range of D; NaN gives 0.
func truncate[D integer, S float32 | float64](v S) D {
	lo, hi := limits[D]()
	switch f := float64(v); {
	case f != f:
		return 0
	case f <= float64(lo):
		return lo
	case f >= float64(hi): // for 64 bits float64(hi) is one above hi, and still right
		return hi
	}
	return D(v)
}

// limits is the range of D.
func limits[D integer]() (lo, hi D) {
	ones := ^D(0)
	if ones > 0 {
		return 0, ones
	}
	lo = ones << (8*unsafe.Sizeof(ones) - 1)
	return lo, ^lo
}

// bfloat16FromInt rounds v once. A float64 holds only 53 bits, so the low bits
// of a large v are first gathered into one that keeps it off a false tie.
func bfloat16FromInt[S integer](v S) BFloat16 {
	mag, sign := uint64(v), BFloat16(0)
	if v < 0 {
		mag, sign = -mag, 0x8000
	}
	if mag >= 1<<32 && mag&0xfff != 0 {
		mag = mag&^0xfff | 0x1000
	}
	return sign | BFloat16FromFloat64(float64(mag))
}

// truth is 1 for a value that is not zero, NaN among them.
func truth[S integer | float32 | float64](v S) uint8 {
	if v != 0 {
		return 1
	}
	return 0
}

func unknown(t Type) string { return fmt.Sprintf("dtype: %v is not an element type", t) }

// Round returns the number of a type nearest to v; see [Store].
func Round(t Type, v float64) float64 {
	var b [8]byte
	Store(b[:], t, 0, v)
	return Load(b[:], t, 0)
}

// Next returns the number of f64, f32, f16 or bf16 next to v, which is one of them, above it
// or below. Beyond the largest number it is an infinity.
func Next(t Type, v float64, up bool) float64 {
	to := math.Inf(-1)
	if up {
		to = math.Inf(1)
	}
	switch t {
	case F64:
		return math.Nextafter(v, to)
	case F32:
		return float64(math.Nextafter32(float32(v), float32(to)))
	}
	if v == 0 {
		v = math.Copysign(0, to) // the first step is the least number of that sign
	}
	var b [2]byte
	Store(b[:], t, 0, v)
	bits := binary.NativeEndian.Uint16(b[:])
	if math.Signbit(v) == up {
		bits--
	} else {
		bits++
	}
	binary.NativeEndian.PutUint16(b[:], bits)
	return Load(b[:], t, 0)
}
