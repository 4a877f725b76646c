package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/crease-ml/crease/dtype"
)

// source holds a kernel before it is translated to a dialect: the declarations of what it
// reads and writes, and a body that every dialect understands.
type source struct {
	name    string
	class   class
	buffers []buffer
	fields  []field      // of the structure of values, after those of the buffers
	defines [][2]string  // constants of this very program
	locals  []localArray // memory that a group shares
	group   [3]int
	body    string
	helpers string // functions that the body calls
}

// buffer holds the declaration of an operand in device memory. Its type is "T" for that of
// the class, the name of an element type, "index" for an integer type that is only known
// when the kernel runs, or "coded" for any type that is only known then, where the body
// decodes the elements by itself.
type buffer struct {
	name, typ string
	out       bool
}

// coded reports whether the buffer's element type is passed to the kernel as a value.
func (b buffer) coded(c class) bool {
	return b.typ == "index" || b.typ == "coded" || b.typ == "T" && c.coded()
}

// field holds the declaration of a value of type "int", "long" or "real". It is an array if
// length is positive.
type field struct {
	name, typ string
	length    int
}

// localArray holds the declaration of memory that the work items of a group share. Its length
// is an expression in C.
type localArray struct {
	name, typ, length string
	elements          hostExpr // the same for the host; nil in a program of a test
}

// ctype returns the C type that the type of a field or of local memory stands for.
func (s *source) ctype(t string) string {
	if t == "real" {
		return s.class.real()
	}
	return t
}

// layout returns all fields of the structure of values, those for buffers first.
func (s *source) layout() []field {
	var all []field
	for _, b := range s.buffers {
		all = append(all, field{name: b.name + "_off", typ: "int"})
		if b.coded(s.class) {
			all = append(all, field{name: b.name + "_t", typ: "int"})
		}
	}
	return append(all, s.fields...)
}

func width(ctype string) int {
	switch ctype {
	case "long", "double":
		return 8
	case "ushort":
		return 2
	}
	return 4
}

// program translates the kernel to a dialect.
func (s *source) program(d Dialect) *Program {
	w := &values{}
	for _, f := range s.layout() {
		for range max(f.length, 1) {
			w.pad(width(s.ctype(f.typ)))
			w.b = append(w.b, make([]byte, width(s.ctype(f.typ)))...)
		}
	}
	return &Program{
		Name: s.name, Dialect: d, Source: dialects[d].text(s), Group: s.group,
		Buffers: len(s.buffers), Values: len(w.done()), F64: s.class == f64 || strings.Contains(s.body, "double"),
	}
}

// values builds the structure that a launch passes to its program, field by field.
type values struct {
	b     []byte
	align int
}

func (v *values) pad(n int) {
	v.align = max(v.align, n)
	for len(v.b)%n != 0 {
		v.b = append(v.b, 0)
	}
}

func (v *values) int(x int) {
	v.pad(4)
	v.b = binary.LittleEndian.AppendUint32(v.b, uint32(int32(x)))
}

func (v *values) long(x int64) {
	v.pad(8)
	v.b = binary.LittleEndian.AppendUint64(v.b, uint64(x))
}

func (v *values) real(c class, x float64, t dtype.Type) {
	switch c {
	case f64:
		v.pad(8)
		v.b = binary.LittleEndian.AppendUint64(v.b, math.Float64bits(x))
	case ints:
		v.long(intOf(x, t))
	default:
		v.pad(4)
		v.b = binary.LittleEndian.AppendUint32(v.b, math.Float32bits(float32(x)))
	}
}

// done returns the structure, padded to the length that it has in C.
func (v *values) done() []byte {
	v.pad(max(v.align, 1))
	return v.b
}

// dialect holds how a language spells what surrounds a kernel's body.
type dialect struct {
	prelude string
	// host, if any, writes what starts the kernel, before values have names.
	host func(s *source) string
	// entry is the head of the kernel function with its parameters.
	entry func(s *source) string
	local func(ctype, name, length string) string
}

// text returns the whole text of the program, as a compiler reads it.
func (d *dialect) text(s *source) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#define REAL_IS_%s 1\n", strings.ToUpper(s.class.real()))
	b.WriteString(d.prelude)
	b.WriteString(codes())
	b.WriteString(common)
	b.WriteString("typedef struct {\n")
	for _, f := range s.layout() {
		if f.length > 0 {
			fmt.Fprintf(&b, "\t%s %s[%d];\n", s.ctype(f.typ), f.name, f.length)
		} else {
			fmt.Fprintf(&b, "\t%s %s;\n", s.ctype(f.typ), f.name)
		}
	}
	b.WriteString("} Values;\n")
	for i, n := range s.group {
		fmt.Fprintf(&b, "#define GROUP%d %d\n", i, n)
	}
	for _, c := range s.defines {
		fmt.Fprintf(&b, "#define %s %s\n", c[0], c[1])
	}
	for _, f := range s.buffers {
		b.WriteString(access(f, s.class))
	}
	if d.host != nil {
		b.WriteString(d.host(s))
	}
	for _, f := range s.fields {
		if f.length > 0 {
			fmt.Fprintf(&b, "#define %s (V.%s)\n", f.name, f.name)
		}
	}
	b.WriteString(s.helpers)
	b.WriteString(d.entry(s))
	b.WriteString("{\n")
	for _, f := range s.fields {
		if f.length == 0 {
			fmt.Fprintf(&b, "\tconst %s %s = V.%s;\n", s.ctype(f.typ), f.name, f.name)
		}
	}
	for _, l := range s.locals {
		b.WriteString(d.local(s.ctype(l.typ), l.name, l.length))
	}
	b.WriteString(s.body)
	b.WriteString("}\n")
	return b.String()
}

// access returns the macros GET and SET of a buffer, by which bodies read and write elements.
func access(b buffer, c class) string {
	at := fmt.Sprintf("%s, V.%s_off + (i)", b.name, b.name)
	switch {
	case b.typ == "coded":
		return ""
	case b.typ == "index":
		return fmt.Sprintf("#define GET_%s(i) get_int(%s, V.%s_t)\n", b.name, at, b.name)
	case b.typ == "T" && c == half:
		return fmt.Sprintf("#define GET_%s(i) get_half(%s, V.%s_t)\n#define SET_%[1]s(i, v) set_half(%[2]s, v, V.%[3]s_t)\n", b.name, at, b.name)
	case b.typ == "T" && c == ints:
		return fmt.Sprintf("#define GET_%s(i) get_int(%s, V.%s_t)\n#define SET_%[1]s(i, v) set_int(%[2]s, v, V.%[3]s_t)\n", b.name, at, b.name)
	case b.typ == "bool":
		return fmt.Sprintf("#define GET_%s(i) (AT(%s) != 0)\n#define SET_%[1]s(i, v) (AT(%[2]s) = (v) != 0)\n", b.name, at)
	}
	return fmt.Sprintf("#define GET_%s(i) AT(%s)\n#define SET_%[1]s(i, v) (AT(%[2]s) = (v))\n", b.name, at)
}

// pointee returns the C type that a buffer's pointer points to.
func (b buffer) pointee(c class) string {
	t := b.typ
	if t == "T" && !c.coded() {
		t = c.String()
	}
	switch t {
	case "f32":
		return "float"
	case "f64":
		return "double"
	case "i32":
		return "int"
	case "u32":
		return "uint"
	case "i64":
		return "long"
	case "u64":
		return "ulong"
	}
	return "uchar" // bool, and what is read through a type code
}
