package dtype

import (
	"fmt"
	"math"
)

// chunk is the number of elements that go through a buffer on the stack when a
// conversion has two steps.
const chunk = 512

// Convert writes the elements of src, of type st, to dst as type dt, under the
// rules of the package. It converts len(dst)/dt.Size() elements; src must hold
// as many and share no memory with dst. Neither needs to be aligned. It panics if
// a type is invalid or the lengths do not agree.
func Convert(dst []byte, dt Type, src []byte, st Type) {
	ds, ss := dt.Size(), st.Size()
	if ds == 0 || ss == 0 {
		panic(fmt.Sprintf("dtype: cannot convert %v to %v: not an element type", st, dt))
	}
	n := len(dst) / ds
	if n*ds != len(dst) || len(src)%ss != 0 || len(src)/ss != n {
		panic(fmt.Sprintf("dtype: cannot convert %d bytes of %v to %d bytes of %v: the element counts differ or are not whole", len(src), st, len(dst), dt))
	}
	switch {
	case n == 0:
	case dt == st && dt != Bool:
		copy(dst, src)
	case alignedTo(dst, ds) && alignedTo(src, ss):
		convert(dst, dt, src, st)
	default:
		var db, sb [chunk]uint64
		for i := 0; i < n; i += chunk {
			m := min(chunk, n-i)
			d, s := Bytes(db[:])[:m*ds], Bytes(sb[:])[:m*ss]
			copy(s, src[i*ss:])
			convert(d, dt, s, st)
			copy(dst[i*ds:], d)
		}
	}
}

// convert dispatches on the source; both buffers are aligned.
func convert(dst []byte, dt Type, src []byte, st Type) {
	switch st {
	case F64:
		fromFloat(dst, dt, view[float64](src))
	case F32:
		fromFloat(dst, dt, view[float32](src))
	case I64:
		fromInt(dst, dt, view[int64](src))
	case I32:
		fromInt(dst, dt, view[int32](src))
	case I16:
		fromInt(dst, dt, view[int16](src))
	case I8:
		fromInt(dst, dt, view[int8](src))
	case U64:
		fromInt(dst, dt, view[uint64](src))
	case U32:
		fromInt(dst, dt, view[uint32](src))
	case U16:
		fromInt(dst, dt, view[uint16](src))
	case U8:
		fromInt(dst, dt, src)
	case Bool:
		fromBool(dst, dt, src)
	default:
		if dt == F32 {
			widen(view[float32](dst), src, st)
			return
		}
		var buf [chunk]float32
		ds, ss := dt.Size(), st.Size()
		for n := len(src) / ss; n > 0; {
			m := min(chunk, n)
			widen(buf[:m], src[:m*ss], st)
			fromFloat(dst[:m*ds], dt, buf[:m])
			dst, src, n = dst[m*ds:], src[m*ss:], n-m
		}
	}
}

// widen reads the reduced-precision floats, each exact in a float32.
func widen(dst []float32, src []byte, st Type) {
	switch st {
	case F16:
		src := view[Float16](src)[:len(dst)]
		for i, h := range src {
			if h.isNormal() {
				dst[i] = widenNormal(h)
			} else {
				dst[i] = widenRare(h)
			}
		}
	case BF16:
		src := view[BFloat16](src)[:len(dst)]
		for i, h := range src {
			dst[i] = h.Float32()
		}
	case F8E4M3:
		for i, h := range src[:len(dst)] {
			dst[i] = e4m3Values[h]
		}
	case F8E5M2:
		for i, h := range src[:len(dst)] {
			dst[i] = e5m2Values[h]
		}
	}
}

// narrow rounds to the reduced-precision floats.
func narrow(dst []byte, dt Type, src []float32) {
	switch dt {
	case F16:
		dst := view[Float16](dst)[:len(src)]
		for i, v := range src {
			if b := math.Float32bits(v); isNormal16(b) {
				dst[i] = narrowNormal(b)
			} else {
				dst[i] = narrowRare(b)
			}
		}
	case BF16:
		dst := view[BFloat16](dst)[:len(src)]
		for i, v := range src {
			dst[i] = ToBFloat16(v)
		}
	case F8E4M3:
		for i, v := range src {
			dst[i] = uint8(ToFloat8E4M3(v))
		}
	case F8E5M2:
		for i, v := range src {
			dst[i] = uint8(ToFloat8E5M2(v))
		}
	}
}

// narrow64 is narrow through float32s rounded to odd, so that it rounds once.
func narrow64(dst []byte, dt Type, src []float64) {
	var buf [chunk]float32
	for size := dt.Size(); len(src) > 0; {
		m := min(chunk, len(src))
		for i, v := range src[:m] {
			buf[i] = toOdd(v)
		}
		narrow(dst[:m*size], dt, buf[:m])
		dst, src = dst[m*size:], src[m:]
	}
}

// fromFloat writes floats to any type.
func fromFloat[S float32 | float64](dst []byte, dt Type, src []S) {
	switch dt {
	case F64:
		cast[float64](dst, src)
	case F32:
		cast[float32](dst, src)
	case F16, BF16, F8E4M3, F8E5M2:
		switch src := any(src).(type) {
		case []float32:
			narrow(dst, dt, src)
		case []float64:
			narrow64(dst, dt, src)
		}
	case I64:
		truncateAll[int64](dst, src)
	case I32:
		truncateAll[int32](dst, src)
	case I16:
		truncateAll[int16](dst, src)
	case I8:
		truncateAll[int8](dst, src)
	case U64:
		truncateAll[uint64](dst, src)
	case U32:
		truncateAll[uint32](dst, src)
	case U16:
		truncateAll[uint16](dst, src)
	case U8:
		truncateAll[uint8](dst, src)
	case Bool:
		for i, v := range src {
			dst[i] = truth(v)
		}
	}
}

// fromInt writes integers to any type.
func fromInt[S integer](dst []byte, dt Type, src []S) {
	switch dt {
	case F64:
		cast[float64](dst, src)
	case F32:
		cast[float32](dst, src)
	case F16:
		// An integer that a float32 would round overflows f16 and f8 either way.
		d := view[Float16](dst)
		for i, v := range src {
			d[i] = ToFloat16(float32(v))
		}
	case BF16:
		d := view[BFloat16](dst)
		for i, v := range src {
			d[i] = bfloat16FromInt(v)
		}
	case F8E4M3:
		for i, v := range src {
			dst[i] = uint8(ToFloat8E4M3(float32(v)))
		}
	case F8E5M2:
		for i, v := range src {
			dst[i] = uint8(ToFloat8E5M2(float32(v)))
		}
	case I64:
		cast[int64](dst, src)
	case I32:
		cast[int32](dst, src)
	case I16:
		cast[int16](dst, src)
	case I8:
		cast[int8](dst, src)
	case U64:
		cast[uint64](dst, src)
	case U32:
		cast[uint32](dst, src)
	case U16:
		cast[uint16](dst, src)
	case U8:
		cast[uint8](dst, src)
	case Bool:
		for i, v := range src {
			dst[i] = truth(v)
		}
	}
}

// fromBool writes 0 and 1 as any type.
func fromBool(dst []byte, dt Type, src []byte) {
	if dt == Bool {
		fromInt(dst, dt, src)
		return
	}
	var buf [chunk]uint8
	for size := dt.Size(); len(src) > 0; {
		m := min(chunk, len(src))
		for i, v := range src[:m] {
			buf[i] = truth(v)
		}
		fromInt(dst[:m*size], dt, buf[:m])
		dst, src = dst[m*size:], src[m:]
	}
}

// cast is Go's own conversion, where it is the rule of the package.
func cast[D integer | float32 | float64, S integer | float32 | float64](dst []byte, src []S) {
	d := view[D](dst)[:len(src)]
	for i, v := range src {
		d[i] = D(v)
	}
}

func truncateAll[D integer, S float32 | float64](dst []byte, src []S) {
	d := view[D](dst)[:len(src)]
	for i, v := range src {
		d[i] = truncate[D](v)
	}
}
