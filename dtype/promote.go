package dtype

import "fmt"

// Promote returns the type of an operation between elements of all the types, whatever
// their order; the package comment has the table for two. It fails if there is none or one
// is not an element type.
func Promote(types ...Type) (Type, error) {
	if len(types) == 0 {
		return Invalid, fmt.Errorf("dtype: there are no types to promote")
	}
	var floats, signed, unsigned widest
	for _, t := range types {
		switch {
		case !t.Valid():
			return Invalid, fmt.Errorf("dtype: cannot promote %v: all must be element types", types)
		case t.IsFloat():
			floats.add(t)
		case t.IsSigned():
			signed.add(t)
		case t.IsUnsigned():
			unsigned.add(t)
		}
	}
	switch {
	case floats.mixed && floats.Size() == 1:
		return F16, nil
	case floats.mixed:
		return F32, nil
	case floats.Valid():
		return floats.Type, nil
	case signed.Valid() && signed.Size() > unsigned.Size():
		return signed.Type, nil
	case signed.Valid():
		return above(unsigned.Type), nil
	case unsigned.Valid():
		return unsigned.Type, nil
	}
	return Bool, nil
}

// widest is the widest type of a kind; mixed says that another one is as wide.
type widest struct {
	Type
	mixed bool
}

func (w *widest) add(t Type) {
	switch {
	case t.Size() > w.Size():
		*w = widest{Type: t}
	case t.Size() == w.Size() && t != w.Type:
		w.mixed = true
	}
}

// above is the narrowest type that holds an unsigned one and negative numbers as wide; for
// u64 there is only f64, which rounds.
func above(unsigned Type) Type {
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
