package dtype

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unsafe"
)

func TestNames(t *testing.T) {
	if len(All()) != 15 {
		t.Fatalf("%d types, want 15", len(All()))
	}
	for _, typ := range All() {
		for _, name := range []string{typ.String(), strings.ToUpper(typ.String())} {
			if got, err := Parse(name); got != typ || err != nil {
				t.Errorf("Parse(%q) = %v, %v", name, got, err)
			}
		}
		text, err := json.Marshal(map[string]Type{"t": typ})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]Type
		if err := json.Unmarshal(text, &back); err != nil || back["t"] != typ {
			t.Errorf("%v through JSON is %v, %v", typ, back["t"], err)
		}
	}
	for name, want := range map[string]Type{"float32": F32, "bfloat16": BF16, "F8_E4M3": F8E4M3, "float8_e5m2": F8E5M2, "int64": I64, "uint8": U8, "half": F16, "double": F64} {
		if got, err := Parse(name); got != want || err != nil {
			t.Errorf("Parse(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "invalid", "f33", " f32", strings.Repeat("x", 1000)} {
		_, err := Parse(name)
		if err == nil || !strings.Contains(err.Error(), "bf16") || len(err.Error()) > 300 {
			t.Errorf("Parse(%.20q): error %v does not list the types, or is long", name, err)
		}
	}
	if _, err := Invalid.MarshalText(); err == nil {
		t.Error("Invalid has a text form")
	}
	if s := Type(200).String(); s != "dtype(200)" {
		t.Errorf("Type(200) is %q", s)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		types                           []Type
		float, integer, signed, without bool
	}{
		{[]Type{F64, F32, F16, BF16, F8E4M3, F8E5M2}, true, false, true, false},
		{[]Type{I64, I32, I16, I8}, false, true, true, false},
		{[]Type{U64, U32, U16, U8}, false, true, false, true},
		{[]Type{Bool, Invalid, Type(99)}, false, false, false, false},
	} {
		for _, typ := range c.types {
			if typ.IsFloat() != c.float || typ.IsInt() != c.integer || typ.IsSigned() != c.signed || typ.IsUnsigned() != c.without {
				t.Errorf("%v is of the wrong kind", typ)
			}
		}
	}
	if Invalid.Valid() || Type(99).Valid() || Invalid.Size() != 0 || Type(99).Size() != 0 {
		t.Error("an invalid type is valid or has a size")
	}
}

func checkElement[T Element](t *testing.T, want Type) {
	t.Helper()
	if got := Of[T](); got != want {
		t.Errorf("Of[%T] = %v, want %v", *new(T), got, want)
	}
	s := make([]T, 5)
	b := Bytes(s)
	if len(b) != 5*want.Size() || want.Size() != int(unsafe.Sizeof(s[0])) {
		t.Errorf("%v: 5 elements are %d bytes", want, len(b))
	}
	Store(b, want, 3, 1)
	if back := Slice[T](b); len(back) != 5 || back[3] != s[3] || back[3] == s[2] || &back[0] != &s[0] {
		t.Errorf("%v: Slice(Bytes(s)) does not share s", want)
	}
	if len(Bytes([]T(nil))) != 0 || len(Slice[T](nil)) != 0 {
		t.Errorf("%v: an empty slice is not empty as bytes", want)
	}
}

func TestWide(t *testing.T) {
	for _, typ := range All() {
		want := typ
		if typ.IsFloat() && typ.Size() == 2 {
			want = F32
		}
		if got := typ.Wide(); got != want {
			t.Errorf("%s is kept in %s, want %s", typ, got, want)
		}
	}
}

func TestElements(t *testing.T) {
	checkElement[float64](t, F64)
	checkElement[float32](t, F32)
	checkElement[Float16](t, F16)
	checkElement[BFloat16](t, BF16)
	checkElement[Float8E4M3](t, F8E4M3)
	checkElement[Float8E5M2](t, F8E5M2)
	checkElement[int64](t, I64)
	checkElement[int32](t, I32)
	checkElement[int16](t, I16)
	checkElement[int8](t, I8)
	checkElement[uint64](t, U64)
	checkElement[uint32](t, U32)
	checkElement[uint16](t, U16)
	checkElement[uint8](t, U8)
	checkElement[bool](t, Bool)
}

func promote(t *testing.T, types ...Type) Type {
	t.Helper()
	p, err := Promote(types...)
	if err != nil || !p.Valid() {
		t.Fatalf("Promote(%v) = %v, %v", types, p, err)
	}
	return p
}

// TestPromoteTable checks the table in the package comment, row by row.
func TestPromoteTable(t *testing.T) {
	for _, table := range []string{
		`i8: i8 i16 i32 i64 i16 i32 i64 f64
		i16: i16 i16 i32 i64 i16 i32 i64 f64
		i32: i32 i32 i32 i64 i32 i32 i64 f64
		i64: i64 i64 i64 i64 i64 i64 i64 f64
		u8: i16 i16 i32 i64 u8 u16 u32 u64
		u16: i32 i32 i32 i64 u16 u16 u32 u64
		u32: i64 i64 i64 i64 u32 u32 u32 u64
		u64: f64 f64 f64 f64 u64 u64 u64 u64`,
		`f8e4m3: f8e4m3 f16 f16 bf16 f32 f64
		f8e5m2: f16 f8e5m2 f16 bf16 f32 f64
		f16: f16 f16 f16 f32 f32 f64
		bf16: bf16 bf16 f32 bf16 f32 f64
		f32: f32 f32 f32 f32 f32 f64
		f64: f64 f64 f64 f64 f64 f64`,
	} {
		rows := strings.Split(table, "\n")
		heads := make([]Type, len(rows))
		for i, row := range rows {
			name, _, _ := strings.Cut(strings.TrimSpace(row), ":")
			heads[i], _ = Parse(name)
		}
		for i, row := range rows {
			for j, cell := range strings.Fields(row)[1:] {
				if got := promote(t, heads[i], heads[j]); got.String() != cell {
					t.Errorf("Promote(%v, %v) = %v, want %s", heads[i], heads[j], got, cell)
				}
			}
		}
	}
}

func TestPromoteLaws(t *testing.T) {
	if _, err := Promote(); err == nil {
		t.Error("no types give no error")
	}
	for _, a := range All() {
		if promote(t, a, a) != a || promote(t, a, Bool) != a {
			t.Errorf("%v with itself or with bool is not %v", a, a)
		}
		if _, err := Promote(a, Invalid); err == nil {
			t.Errorf("%v with an invalid type gives no error", a)
		}
		for _, b := range All() {
			ab := promote(t, a, b)
			if ab != promote(t, b, a) {
				t.Errorf("%v and %v do not commute", a, b)
			}
			if promote(t, a, ab) != ab || promote(t, ab, b) != ab {
				t.Errorf("%v is not above both %v and %v", ab, a, b)
			}
			for _, c := range All() {
				abc := promote(t, a, b, c)
				for _, other := range []Type{promote(t, a, c, b), promote(t, b, a, c), promote(t, b, c, a), promote(t, c, a, b), promote(t, c, b, a)} {
					if other != abc {
						t.Errorf("%v, %v and %v give %v or %v, by their order", a, b, c, abc, other)
					}
				}
				if (a.IsFloat() || b.IsFloat() || c.IsFloat()) != abc.IsFloat() && (a != U64 && b != U64 && c != U64) {
					t.Errorf("%v, %v and %v give %v", a, b, c, abc)
				}
			}
		}
	}
}

// TestPromoteHoldsBoth checks that within one kind nothing is lost.
func TestPromoteHoldsBoth(t *testing.T) {
	for _, a := range All() {
		for _, b := range All() {
			p := promote(t, a, b)
			if a.Size() == 8 && p.IsFloat() || a.IsInt() && b.IsFloat() {
				continue // the lossy cases: 64-bit integers in f64, integers in floats
			}
			one, two := make([]byte, 8), make([]byte, 8)
			for _, v := range []float64{0, 1, -3, 0.0625, 100, 200, 57344, -57344, 1e9, math.Inf(1)} {
				Store(one, a, 0, v)
				held := Load(one, a, 0)
				Convert(two[:p.Size()], p, one[:a.Size()], a)
				if got := Load(two, p, 0); !same(got, held) {
					t.Errorf("%v %v in Promote(%v, %v) = %v is %v", a, held, a, b, p, got)
				}
			}
		}
	}
}
