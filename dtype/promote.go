package dtype

import "fmt"

// Promote is the type of an operation between a and b; the package comment has
// the table. It fails only if a or b is not an element type.
func Promote(a, b Type) (Type, error) {
	if !a.Valid() || !b.Valid() {
		return Invalid, fmt.Errorf("dtype: cannot promote %v with %v: both must be element types", a, b)
	}
	switch {
	case a == b || b == Bool:
		return a, nil
	case a == Bool:
		return b, nil
	case a.IsFloat() && b.IsFloat():
		return promoteFloats(a, b), nil
	case a.IsFloat():
		return a, nil
	case b.IsFloat():
		return b, nil
	}
	return promoteInts(a, b), nil
}

// promoteFloats takes the wider; two different types of one width meet in the
// narrowest type that holds both.
func promoteFloats(a, b Type) Type {
	switch {
	case a.Size() > b.Size():
		return a
	case a.Size() < b.Size():
		return b
	case a.Size() == 1:
		return F16
	}
	return F32
}

// promoteInts takes the wider of two types of one signedness; a signed and an
// unsigned type meet in the narrowest signed type that holds both, or f64.
func promoteInts(a, b Type) Type {
	if a.IsSigned() == b.IsSigned() {
		if a.Size() >= b.Size() {
			return a
		}
		return b
	}
	signed, unsigned := a, b
	if b.IsSigned() {
		signed, unsigned = b, a
	}
	if signed.Size() > unsigned.Size() {
		return signed
	}
	switch unsigned {
	case U8:
		return I16
	case U16:
		return I32
	case U32:
		return I64
	}
	return F64
}
