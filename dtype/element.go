package dtype

import (
	"fmt"
	"unsafe"
)

// Number is any type whose underlying type is a Go number of a fixed width. The
// reduced-precision floats satisfy it through their bit patterns, on which
// arithmetic means nothing; generic code tells them apart with Of.
type Number interface {
	~float64 | ~float32 | ~int64 | ~int32 | ~int16 | ~int8 | ~uint64 | ~uint32 | ~uint16 | ~uint8
}

// Element is a Go type that has a Type.
type Element interface {
	float64 | float32 | int64 | int32 | int16 | int8 | uint64 | uint32 | uint16 | uint8 |
		bool | Float16 | BFloat16 | Float8E4M3 | Float8E5M2
}

// Of is the Type of T.
func Of[T Element]() Type {
	var zero T
	switch any(zero).(type) {
	case float64:
		return F64
	case float32:
		return F32
	case Float16:
		return F16
	case BFloat16:
		return BF16
	case Float8E4M3:
		return F8E4M3
	case Float8E5M2:
		return F8E5M2
	case int64:
		return I64
	case int32:
		return I32
	case int16:
		return I16
	case int8:
		return I8
	case uint64:
		return U64
	case uint32:
		return U32
	case uint16:
		return U16
	case uint8:
		return U8
	}
	return Bool
}

// Slice sees b as elements of T in the byte order of the machine; both share
// memory. It panics if b is not aligned for T or does not hold a whole number of
// elements. Bytes seen as bool must be 0 or 1.
func Slice[T Element](b []byte) []T {
	if size := int(unsafe.Sizeof(*new(T))); len(b)%size != 0 {
		panic(fmt.Sprintf("dtype: %d bytes are not a whole number of %v elements of %d bytes", len(b), Of[T](), size))
	}
	if !aligned[T](b) {
		panic(fmt.Sprintf("dtype: buffer at %p is not aligned for %v elements; copy it into one made with make([]%v, n)", b, Of[T](), Of[T]()))
	}
	return view[T](b)
}

// Bytes sees s as raw bytes in the byte order of the machine; both share memory.
func Bytes[T Element](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}

// view is Slice for bytes already known to be aligned; a remainder is left off.
func view[T Element](b []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(*new(T))))
}

func aligned[T Element](b []byte) bool { return alignedTo(b, int(unsafe.Alignof(*new(T)))) }

// alignedTo reports whether b starts at a multiple of n, a power of two. No
// element is reached through an empty slice, so it is always aligned.
func alignedTo(b []byte, n int) bool {
	return len(b) == 0 || uintptr(unsafe.Pointer(unsafe.SliceData(b)))&uintptr(n-1) == 0
}
