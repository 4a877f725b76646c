package dtype

import (
	"fmt"
	"strings"
)

// Type names an element type. The zero value is Invalid.
type Type uint8

// The element types. The two f8 types are the OCP 8-bit formats: E4M3 is the
// finite-only variant with NaN and no infinity, E5M2 follows IEEE 754.
const (
	Invalid Type = iota
	F64
	F32
	F16
	BF16
	F8E4M3
	F8E5M2
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
)

const typeCount = int(Bool) + 1

var names = [typeCount]string{
	Invalid: "invalid",
	F64:     "f64", F32: "f32", F16: "f16", BF16: "bf16", F8E4M3: "f8e4m3", F8E5M2: "f8e5m2",
	I64: "i64", I32: "i32", I16: "i16", I8: "i8",
	U64: "u64", U32: "u32", U16: "u16", U8: "u8",
	Bool: "bool",
}

var sizes = [typeCount]int{
	F64: 8, F32: 4, F16: 2, BF16: 2, F8E4M3: 1, F8E5M2: 1,
	I64: 8, I32: 4, I16: 2, I8: 1,
	U64: 8, U32: 4, U16: 2, U8: 1,
	Bool: 1,
}

// aliases are the names other tools use, in lower case.
var aliases = map[string]Type{
	"float64": F64, "double": F64,
	"float32": F32, "float": F32,
	"float16": F16, "half": F16,
	"bfloat16": BF16,
	"f8_e4m3":  F8E4M3, "f8e4m3fn": F8E4M3, "float8e4m3": F8E4M3, "float8e4m3fn": F8E4M3,
	"float8_e4m3": F8E4M3, "float8_e4m3fn": F8E4M3,
	"f8_e5m2": F8E5M2, "float8e5m2": F8E5M2, "float8_e5m2": F8E5M2,
	"int64": I64, "int32": I32, "int16": I16, "int8": I8,
	"uint64": U64, "uint32": U32, "uint16": U16, "uint8": U8,
	"boolean": Bool,
}

// Valid reports whether t is one of the element types.
func (t Type) Valid() bool { return t > Invalid && t <= Bool }

// Size is the size of one element in bytes, 0 for an invalid type.
func (t Type) Size() int {
	if !t.Valid() {
		return 0
	}
	return sizes[t]
}

// String is the short name: "f32", "bf16", "u8", "bool".
func (t Type) String() string {
	if int(t) >= typeCount {
		return fmt.Sprintf("dtype(%d)", uint8(t))
	}
	return names[t]
}

// IsFloat reports whether t is a floating-point type of any width.
func (t Type) IsFloat() bool { return t >= F64 && t <= F8E5M2 }

// Wide is the type that sums, statistics and optimiser states of a type are kept in: f32 for floats of
// 16 bits, and the type itself for others.
func (t Type) Wide() Type {
	if t == F16 || t == BF16 {
		return F32
	}
	return t
}

// IsInt reports whether t is an integer type; Bool is not.
func (t Type) IsInt() bool { return t >= I64 && t <= U8 }

// IsSigned reports whether t is a signed integer or a float.
func (t Type) IsSigned() bool { return t >= F64 && t <= I8 }

// IsUnsigned reports whether t is an unsigned integer; Bool is not.
func (t Type) IsUnsigned() bool { return t >= U64 && t <= U8 }

// All lists the element types in declaration order. The slice is the caller's.
func All() []Type {
	all := make([]Type, 0, typeCount-1)
	for t := F64; t <= Bool; t++ {
		all = append(all, t)
	}
	return all
}

// Parse reads a type name. It accepts what String writes and the names used by
// NumPy, PyTorch, ONNX and safetensors, in any case.
func Parse(name string) (Type, error) {
	s := strings.ToLower(name)
	for t := F64; t <= Bool; t++ {
		if names[t] == s {
			return t, nil
		}
	}
	if t, ok := aliases[s]; ok {
		return t, nil
	}
	if len(name) > 32 {
		name = name[:32] + "..."
	}
	return Invalid, fmt.Errorf("dtype: no element type is called %q; the types are %s", name, strings.Join(names[F64:], ", "))
}

// MarshalText writes the name of t. It fails for an invalid type.
func (t Type) MarshalText() ([]byte, error) {
	if !t.Valid() {
		return nil, fmt.Errorf("dtype: %v is not an element type and has no name to write", t)
	}
	return []byte(names[t]), nil
}

// UnmarshalText reads a name as Parse does.
func (t *Type) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}
