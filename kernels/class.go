package kernels

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/dtype"
)

// class is a set of element types that a kernel computes with in the same way. One program
// serves all types of a class, since there are many types and many drivers compile slowly.
type class uint8

const (
	f32  class = iota // float, read and written as it lies in memory
	f64               // double
	half              // float, converted from and to a type known when it runs: f16, bf16, f8
	ints              // long, wrapped to the width of a type known when it runs; bool too
)

func (c class) String() string { return [...]string{"f32", "f64", "half", "int"}[c] }

// real returns the C type that a class computes in.
func (c class) real() string { return [...]string{"float", "double", "float", "long"}[c] }

// coded reports whether elements of the class are read and written by a type code, because
// its types have different sizes or formats in memory.
func (c class) coded() bool { return c == half || c == ints }

func classOf(t dtype.Type) class {
	switch {
	case t == dtype.F32:
		return f32
	case t == dtype.F64:
		return f64
	case t.IsFloat():
		return half
	}
	return ints
}

func parseClass(s string) (class, error) {
	for c := f32; c <= ints; c++ {
		if c.String() == s {
			return c, nil
		}
	}
	return 0, fmt.Errorf("no class of types %q; there are f32, f64, half and int", s)
}

// codes returns the definitions of the element types' numbers for kernel text: T_F32 and so on.
func codes() string {
	var b strings.Builder
	for _, t := range dtype.All() {
		fmt.Fprintf(&b, "#define T_%s %d\n", strings.ToUpper(t.String()), t)
	}
	return b.String()
}
