package devicec

// kind is a basic type.
type kind uint8

const (
	void kind = iota
	s8
	u8
	s16
	u16
	s32
	u32
	s64
	u64
	f32
	f64
	pointer
	array
	structure
)

// ctype is a type of C.
type ctype struct {
	kind   kind
	elem   *ctype // of pointers and arrays
	length int    // of arrays, in elements
	fields []fieldType
}

type fieldType struct {
	name   string
	typ    *ctype
	offset int
}

var basic = [...]*ctype{
	void: {kind: void}, s8: {kind: s8}, u8: {kind: u8}, s16: {kind: s16}, u16: {kind: u16}, s32: {kind: s32}, u32: {kind: u32},
	s64: {kind: s64}, u64: {kind: u64}, f32: {kind: f32}, f64: {kind: f64},
}

func (k kind) float() bool    { return k == f32 || k == f64 }
func (k kind) integer() bool  { return k >= s8 && k <= u64 }
func (k kind) unsigned() bool { return k == u8 || k == u16 || k == u32 || k == u64 }
func (k kind) scalar() bool   { return k >= s8 && k <= pointer }

// bytes is the size of a scalar.
func (k kind) bytes() int {
	switch k {
	case s8, u8:
		return 1
	case s16, u16:
		return 2
	case s32, u32, f32:
		return 4
	}
	return 8
}

// promoted is the type that a value is computed with.
func (k kind) promoted() kind {
	if k >= s8 && k <= u16 {
		return s32
	}
	return k
}

// ptx is the type's name in instructions, "s32".
func (k kind) ptx() string {
	return [...]string{"", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "u64", "", ""}[k]
}

// common is the type that both operands of an operator are converted to.
func common(a, b kind) kind {
	a, b = a.promoted(), b.promoted()
	switch {
	case a == f64 || b == f64:
		return f64
	case a == f32 || b == f32:
		return f32
	}
	return max(a, b) // s32 < u32 < s64 < u64, which is C's order too
}

// size is the bytes of a type.
func (t *ctype) size() int {
	switch t.kind {
	case array:
		return t.length * t.elem.size()
	case structure:
		if len(t.fields) == 0 {
			return 0
		}
		last := t.fields[len(t.fields)-1]
		a := t.align()
		return (last.offset + last.typ.size() + a - 1) / a * a
	}
	return t.kind.bytes()
}

func (t *ctype) align() int {
	switch t.kind {
	case array:
		return t.elem.align()
	case structure:
		a := 1
		for _, f := range t.fields {
			a = max(a, f.typ.align())
		}
		return a
	}
	return t.kind.bytes()
}

// scalarElem is the type of the innermost elements of an array.
func (t *ctype) scalarElem() *ctype {
	for t.kind == array {
		t = t.elem
	}
	return t
}

// add places a field behind those that are there.
func (t *ctype) add(name string, typ *ctype) {
	off := 0
	if n := len(t.fields); n > 0 {
		off = t.fields[n-1].offset + t.fields[n-1].typ.size()
	}
	a := typ.align()
	t.fields = append(t.fields, fieldType{name, typ, (off + a - 1) / a * a})
}

func (t *ctype) field(name string) *fieldType {
	for i := range t.fields {
		if t.fields[i].name == name {
			return &t.fields[i]
		}
	}
	return nil
}
