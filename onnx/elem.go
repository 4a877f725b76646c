package onnx

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
)

// Elem is an element type of ONNX, numbered as in TensorProto.DataType.
type Elem int32

// Element types.
const (
	Undefined Elem = iota
	Float32
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Float64
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0
	Uint2
	Int2
	Float6E2M3
	Float6E3M2
)

// elemRow says how an element type is kept.
type elemRow struct {
	name string // as in onnx.proto
	// carrier is the crease type that holds the values. It is Invalid for types that
	// crease cannot compute with at all.
	carrier dtype.Type
	bits    int // in raw data
	// narrow types have fewer values than their carrier.
	narrow bool
}

var elems = map[Elem]elemRow{
	Float32: {"FLOAT", dtype.F32, 32, false}, Float64: {"DOUBLE", dtype.F64, 64, false},
	Float16: {"FLOAT16", dtype.F16, 16, false}, BFloat16: {"BFLOAT16", dtype.BF16, 16, false},
	Int8: {"INT8", dtype.I8, 8, false}, Int16: {"INT16", dtype.I16, 16, false},
	Int32: {"INT32", dtype.I32, 32, false}, Int64: {"INT64", dtype.I64, 64, false},
	Uint8: {"UINT8", dtype.U8, 8, false}, Uint16: {"UINT16", dtype.U16, 16, false},
	Uint32: {"UINT32", dtype.U32, 32, false}, Uint64: {"UINT64", dtype.U64, 64, false},
	Bool:         {"BOOL", dtype.Bool, 8, false},
	Float8E4M3FN: {"FLOAT8E4M3FN", dtype.F8E4M3, 8, false}, Float8E5M2: {"FLOAT8E5M2", dtype.F8E5M2, 8, false},
	Float8E4M3FNUZ: {"FLOAT8E4M3FNUZ", dtype.F32, 8, true}, Float8E5M2FNUZ: {"FLOAT8E5M2FNUZ", dtype.F32, 8, true},
	Float8E8M0: {"FLOAT8E8M0", dtype.F32, 8, true}, Float4E2M1: {"FLOAT4E2M1", dtype.F32, 4, true},
	Int4: {"INT4", dtype.I8, 4, true}, Uint4: {"UINT4", dtype.U8, 4, true},
	Int2: {"INT2", dtype.I8, 2, true}, Uint2: {"UINT2", dtype.U8, 2, true},
	String: {"STRING", dtype.Invalid, 0, false}, Complex64: {"COMPLEX64", dtype.Invalid, 64, false}, Complex128: {"COMPLEX128", dtype.Invalid, 128, false},
	Float6E2M3: {"FLOAT6E2M3", dtype.Invalid, 6, false}, Float6E3M2: {"FLOAT6E3M2", dtype.Invalid, 6, false},
}

func (e Elem) String() string {
	if r, ok := elems[e]; ok {
		return r.name
	}
	return fmt.Sprintf("element type %d", int32(e))
}

// DType is the crease type that holds values of the type, dtype.Invalid where none does.
// Types that crease does not have are held in a wider one.
func (e Elem) DType() dtype.Type { return elems[e].carrier }

// elemOf is the ONNX type of a crease type, Undefined where ONNX has none.
func elemOf(t dtype.Type) Elem { return ownElems[t] }

// ownElems are the element types that crease has, by its own.
var ownElems = func() map[dtype.Type]Elem {
	own := map[dtype.Type]Elem{}
	for e, r := range elems {
		if r.carrier != dtype.Invalid && !r.narrow {
			own[r.carrier] = e
		}
	}
	return own
}()

// smallFloat is a float of at most 8 bits: sign, exponent, mantissa. Float8E8M0, which has
// neither a sign nor a mantissa, is none.
type smallFloat struct {
	mantissa int // bits
	bias     int
	max      float64 // the largest finite value
	nan      bool    // it has a NaN
	inf      bool    // it has infinities
}

// minExp is the exponent of the smallest normal number.
func (f smallFloat) minExp() int { return 1 - f.bias }

var smallFloats = map[Elem]smallFloat{
	Float8E4M3FN:   {3, 7, 448, true, false},
	Float8E4M3FNUZ: {3, 8, 240, true, false},
	Float8E5M2:     {2, 15, 57344, true, true},
	Float8E5M2FNUZ: {2, 16, 57344, true, false},
	Float4E2M1:     {1, 1, 6, false, false},
}

// values are those of all bit patterns of a narrow type.
func (e Elem) values() []float64 {
	v := make([]float64, 1<<elems[e].bits)
	for bits := range v {
		v[bits] = e.decode(uint8(bits))
	}
	return v
}

// decode is the value of a bit pattern of a narrow type.
func (e Elem) decode(bits uint8) float64 {
	switch e {
	case Int4:
		return float64(int8(bits<<4) >> 4)
	case Int2:
		return float64(int8(bits<<6) >> 6)
	case Uint4, Uint2:
		return float64(bits)
	case Float8E8M0:
		if bits == 0xff {
			return math.NaN()
		}
		return math.Ldexp(1, int(bits)-127)
	}
	f := smallFloats[e]
	width := elems[e].bits
	if e == Float8E4M3FNUZ || e == Float8E5M2FNUZ {
		if bits == 0x80 {
			return math.NaN()
		}
	}
	sign := 1.0
	if bits>>(width-1) == 1 {
		sign = -1
	}
	mask := uint8(1)<<f.mantissa - 1
	m := float64(bits & mask)
	exp := int(bits>>f.mantissa) & (1<<(width-1-f.mantissa) - 1)
	scale := math.Ldexp(1, -f.mantissa)
	if exp == 0 {
		return sign * math.Ldexp(m*scale, f.minExp())
	}
	return sign * math.Ldexp(1+m*scale, exp-f.bias)
}
