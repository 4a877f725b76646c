package devicec

import "math"

// value is what an expression comes to: a constant, or a register and a number that is
// to be added to it (for signed integers and addresses).
type value struct {
	kind    kind
	known   bool // a constant, i or f
	i       int64
	f       float64
	reg     int
	logical bool   // reg is a predicate, which stands for 0 or 1
	elem    *ctype // what a pointer points to
}

func intValue(k kind, i int64) value { return value{kind: k, known: true, i: wrap(k, i)} }

func floatValue(k kind, f float64) value {
	if k == f32 {
		f = float64(float32(f))
	}
	return value{kind: k, known: true, f: f}
}

func truthValue(b bool) value {
	if b {
		return intValue(s32, 1)
	}
	return intValue(s32, 0)
}

// wrap cuts an integer to its type.
func wrap(k kind, i int64) int64 {
	switch k {
	case s8:
		return int64(int8(i))
	case u8:
		return int64(uint8(i))
	case s16:
		return int64(int16(i))
	case u16:
		return int64(uint16(i))
	case s32:
		return int64(int32(i))
	case u32:
		return int64(uint32(i))
	}
	return i
}

func (v value) truth() bool {
	if v.kind.float() {
		return v.f != 0
	}
	return v.i != 0
}

// convertKnown converts a constant.
func convertKnown(v value, to kind) value {
	switch {
	case v.kind.float() && to.float():
		return floatValue(to, v.f)
	case v.kind.float():
		return intValue(to, truncate(v.f, to))
	case to.float() && v.kind == u64:
		if to == f32 {
			return floatValue(f32, float64(float32(uint64(v.i))))
		}
		return floatValue(f64, float64(uint64(v.i)))
	case to.float():
		if to == f32 {
			return floatValue(f32, float64(float32(v.i)))
		}
		return floatValue(f64, float64(v.i))
	}
	return intValue(to, v.i)
}

// truncate saturates, as the hardware does.
func truncate(f float64, to kind) int64 {
	lo, hi := float64(math.MinInt64), float64(math.MaxInt64)
	switch to {
	case s32, s16, s8:
		lo, hi = math.MinInt32, math.MaxInt32
	case u32, u16, u8:
		lo, hi = 0, math.MaxUint32
	case u64, pointer:
		lo, hi = 0, math.MaxUint64
	}
	switch {
	case f != f:
		return 0
	case f <= lo:
		if lo == 0 {
			return 0
		}
		if to == s64 {
			return math.MinInt64
		}
		return math.MinInt32
	case f >= hi:
		switch to {
		case s64:
			return math.MaxInt64
		case u64, pointer:
			return -1
		}
		return int64(hi)
	case to == u64 || to == pointer:
		return int64(uint64(f))
	}
	return int64(f)
}

// binaryKnown computes with two constants of one type. It is false where the result is
// undefined.
func binaryKnown(op string, a, b value) (value, bool) {
	if a.kind.float() {
		x, y := a.f, b.f
		switch op {
		case "+":
			return floatValue(a.kind, x+y), true
		case "-":
			return floatValue(a.kind, x-y), true
		case "*":
			return floatValue(a.kind, x*y), true
		case "/":
			return floatValue(a.kind, x/y), true
		}
		less, equal := x < y, x == y
		return compareKnown(op, less, equal, x != x || y != y)
	}
	x, y, unsigned := a.i, b.i, a.kind.unsigned()
	switch op {
	case "+":
		return intValue(a.kind, x+y), true
	case "-":
		return intValue(a.kind, x-y), true
	case "*":
		return intValue(a.kind, x*y), true
	case "/", "%":
		if y == 0 || y == -1 && !unsigned && x == math.MinInt64 {
			return value{}, false
		}
		switch {
		case op == "/" && unsigned:
			return intValue(a.kind, int64(uint64(x)/uint64(y))), true
		case op == "/":
			return intValue(a.kind, x/y), true
		case unsigned:
			return intValue(a.kind, int64(uint64(x)%uint64(y))), true
		}
		return intValue(a.kind, x%y), true
	case "&":
		return intValue(a.kind, x&y), true
	case "|":
		return intValue(a.kind, x|y), true
	case "^":
		return intValue(a.kind, x^y), true
	case "<<":
		if y < 0 || y > 63 {
			return value{}, false
		}
		return intValue(a.kind, x<<y), true
	case ">>":
		if y < 0 || y > 63 {
			return value{}, false
		}
		if unsigned {
			return intValue(a.kind, int64(uint64(x)>>y)), true
		}
		return intValue(a.kind, x>>y), true
	}
	less := x < y
	if unsigned {
		less = uint64(x) < uint64(y)
	}
	return compareKnown(op, less, x == y, false)
}

func compareKnown(op string, less, equal, nan bool) (value, bool) {
	switch op {
	case "<":
		return truthValue(less), true
	case "<=":
		return truthValue(less || equal), true
	case ">":
		return truthValue(!less && !equal && !nan), true
	case ">=":
		return truthValue(!less && !nan), true
	case "==":
		return truthValue(equal), true
	case "!=":
		return truthValue(!equal), true
	}
	return value{}, false
}

func unaryKnown(op string, v value) value {
	v = convertKnown(v, v.kind.promoted())
	switch op {
	case "!":
		return truthValue(!v.truth())
	case "~":
		return intValue(v.kind, ^v.i)
	case "-":
		if v.kind.float() {
			return floatValue(v.kind, -v.f)
		}
		return intValue(v.kind, -v.i)
	}
	return v
}

// fold is the value of an expression of literals; false where it is not one.
func fold(x expr) (value, bool) {
	return foldWith(x, func(*decl) (value, bool) { return value{}, false })
}

// foldWith is fold with variables that may be known.
func foldWith(x expr, known func(*decl) (value, bool)) (value, bool) {
	switch x := x.(type) {
	case *literal:
		return x.value, true
	case *reference:
		return known(x.to)
	case *unary:
		v, ok := foldWith(x.x, known)
		if !ok {
			return v, false
		}
		return unaryKnown(x.op, v), true
	case *cast:
		v, ok := foldWith(x.x, known)
		if !ok || !x.to.kind.scalar() || x.to.kind == pointer {
			return v, false
		}
		return convertKnown(v, x.to.kind), true
	case *conditional:
		v, ok := foldWith(x.cond, known)
		if !ok {
			return v, false
		}
		if v.truth() {
			return foldWith(x.yes, known)
		}
		return foldWith(x.no, known)
	case *binary:
		a, ok := foldWith(x.x, known)
		switch {
		case ok && x.op == "&&" && !a.truth() || ok && x.op == "||" && a.truth():
			return truthValue(x.op == "||"), true
		}
		b, okb := foldWith(x.y, known)
		if !okb || !ok {
			return a, false
		}
		if x.op == "&&" || x.op == "||" {
			return truthValue(b.truth()), true
		}
		k := common(a.kind, b.kind)
		if x.op == "<<" || x.op == ">>" {
			return binaryKnown(x.op, convertKnown(a, a.kind.promoted()), convertKnown(b, s64))
		}
		return binaryKnown(x.op, convertKnown(a, k), convertKnown(b, k))
	}
	return value{}, false
}
