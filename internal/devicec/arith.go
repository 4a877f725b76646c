package devicec

import "math/bits"

// convert is a value in another type.
func (g *generator) convert(v value, to kind) value {
	switch {
	case v.kind == to && !v.logical, to == void:
		return v
	case v.logical && to == s32:
		return v // still a truth value
	case v.known:
		return convertKnown(v, to)
	case v.kind == pointer || to == pointer:
		fail(0, "a pointer is no number")
	}
	if v.logical {
		one, zero := convertKnown(truthValue(true), to), convertKnown(truthValue(false), to)
		c := classOf(to)
		return value{kind: to, reg: g.pure(c, "selp."+moveType(c), immediate(one), immediate(zero), operand{reg: v.reg})}
	}
	switch {
	case to.float():
		op := "cvt.rn." + to.ptx() + "." + v.kind.ptx()
		if to == f64 && v.kind == f32 {
			op = "cvt.f64.f32"
		}
		return value{kind: to, reg: g.pure(classOf(to), op, g.asOperand(v))}
	case v.kind.float() && to.bytes() < 4:
		wide := s32
		if to.unsigned() {
			wide = u32
		}
		return g.convert(g.convert(v, wide), to)
	case v.kind.float():
		return value{kind: to, reg: g.pure(classOf(to), "cvt.rzi."+to.ptx()+"."+v.kind.ptx(), g.asOperand(v))}
	case to.bytes() < 4: // narrow: the register holds the number extended
		low := g.convert(v, u32)
		switch to {
		case u8:
			return value{kind: to, reg: g.pure(words, "and.b32", g.asOperand(low), text("255"))}
		case u16:
			return value{kind: to, reg: g.pure(words, "and.b32", g.asOperand(low), text("65535"))}
		}
		return value{kind: to, reg: g.pure(words, "cvt.s32."+to.ptx(), g.asOperand(low))}
	case to.bytes() == v.kind.bytes() || v.kind.bytes() < 4 && to.bytes() == 4:
		v = g.inRegister(v)
		v.kind = to
		return v
	case to.bytes() == 4:
		return value{kind: to, reg: g.pure(words, "cvt.u32.u64", g.asOperand(v))}
	}
	// To eight bytes: signed numbers are extended by their sign.
	from := v.kind
	if from.bytes() < 4 {
		from = s32
	}
	if from.unsigned() {
		return value{kind: to, reg: g.pure(longs, "cvt.u64.u32", g.asOperand(v))}
	}
	if to == s64 { // signed sums do not overflow, so the offset stays one
		return value{kind: to, reg: g.pure(longs, "cvt.s64.s32", operand{reg: v.reg}), i: v.i}
	}
	return value{kind: to, reg: g.pure(longs, "cvt.s64.s32", g.asOperand(v))}
}

// truth is a value as a predicate, or a constant.
func (g *generator) truth(v value) value {
	switch {
	case v.logical:
		return v
	case v.known:
		return truthValue(v.truth())
	}
	zero := convertKnown(truthValue(false), v.kind)
	return g.compare("!=", v, zero)
}

var comparisons = map[string]string{"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}

// compare compares values of one type.
func (g *generator) compare(op string, a, b value) value {
	name := comparisons[op]
	k := a.kind
	if k.bytes() < 4 {
		k = s32
	}
	if k.float() && op == "!=" {
		name = "neu"
	}
	if a.known { // an immediate comes second
		a = g.inRegister(a)
	}
	return value{kind: s32, logical: true, reg: g.pure(predicates, "setp."+name+"."+k.ptx(), g.asOperand(a), g.asOperand(b))}
}

// binary computes an operator of C on values of any types.
func (g *generator) binary(op string, a, b value, line int) value {
	if a.logical && b.logical {
		if name := map[string]string{"&": "and", "|": "or", "^": "xor", "!=": "xor"}[op]; name != "" {
			return value{kind: s32, logical: true, reg: g.pure(predicates, name+".pred", operand{reg: a.reg}, operand{reg: b.reg})}
		}
	}
	if a.logical && b.known && b.kind.integer() && b.i == 0 {
		switch op {
		case "!=":
			return a
		case "==":
			return g.not(a)
		}
	}
	if a.kind == pointer || b.kind == pointer {
		if op != "+" || a.kind != pointer || !b.kind.integer() {
			fail(line, "operator %s on a pointer", op)
		}
		return g.advance(a, b)
	}
	if op == "<<" || op == ">>" {
		return g.shift(op, g.convert(a, a.kind.promoted()), b, line)
	}
	k := common(a.kind, b.kind)
	a, b = g.convert(a, k), g.convert(b, k)
	if a.known && b.known {
		if v, ok := binaryKnown(op, a, b); ok {
			return v
		}
	}
	if comparisons[op] != "" {
		return g.compare(op, a, b)
	}
	if k.float() {
		return g.floatOp(op, a, b, line)
	}
	return g.intOp(op, a, b, line)
}

func (g *generator) floatOp(op string, a, b value, line int) value {
	name := map[string]string{"+": "add.rn.", "-": "sub.rn.", "*": "mul.rn.", "/": "div.rn."}[op]
	if name == "" {
		fail(line, "operator %s on floats", op)
	}
	if a.known && (op == "+" || op == "*") {
		a, b = b, a // both are commutative to the last bit, but for the payload of a not-a-number
	}
	return value{kind: a.kind, reg: g.pure(classOf(a.kind), name+a.kind.ptx(), g.asOperand(a), g.asOperand(b))}
}

// intOp computes with integers of one type. Signed sums keep constants apart.
func (g *generator) intOp(op string, a, b value, line int) value {
	k := a.kind
	signed := k == s32 || k == s64
	c := classOf(k)
	if a.known && (op == "+" || op == "*" || op == "&" || op == "|" || op == "^") {
		a, b = b, a
	}
	a, b = g.number(a), g.number(b)
	switch op {
	case "+":
		if b.known && b.i == 0 {
			return a
		}
		if !signed {
			break
		}
		if b.known {
			a.i = wrap(k, a.i+b.i)
			return a
		}
		return value{kind: k, reg: g.pure(c, "add."+k.ptx(), operand{reg: a.reg}, operand{reg: b.reg}), i: wrap(k, a.i+b.i)}
	case "-":
		if b.known && b.i == 0 {
			return a
		}
		if !signed || a.known {
			break
		}
		if b.known {
			a.i = wrap(k, a.i-b.i)
			return a
		}
		return value{kind: k, reg: g.pure(c, "sub."+k.ptx(), operand{reg: a.reg}, operand{reg: b.reg}), i: wrap(k, a.i-b.i)}
	case "*":
		switch {
		case b.known && b.i == 0:
			return b
		case b.known && b.i == 1:
			return a
		case b.known && signed:
			r := value{kind: k, i: wrap(k, a.i*b.i)}
			if b.i > 0 && b.i&(b.i-1) == 0 {
				r.reg = g.pure(c, "shl."+moveType(c), operand{reg: a.reg}, immediate(intValue(u32, int64(bits.TrailingZeros64(uint64(b.i))))))
			} else {
				r.reg = g.pure(c, "mul.lo."+k.ptx(), operand{reg: a.reg}, immediate(b))
			}
			return r
		}
	case "/":
		if b.known && b.i == 1 {
			return a
		}
	case "%":
		if b.known && b.i == 1 {
			return intValue(k, 0)
		}
	}
	var name string
	switch op {
	case "+", "-":
		name = map[string]string{"+": "add.", "-": "sub."}[op] + k.ptx()
	case "*":
		name = "mul.lo." + k.ptx()
	case "/":
		name = "div." + k.ptx()
	case "%":
		name = "rem." + k.ptx()
	case "&", "|", "^":
		name = map[string]string{"&": "and.", "|": "or.", "^": "xor."}[op] + moveType(c)
	default:
		fail(line, "operator %s on integers", op)
	}
	return value{kind: k, reg: g.pure(c, name, g.asOperand(a), g.asOperand(b))}
}

// number is a value that is no predicate.
func (g *generator) number(v value) value {
	if v.logical {
		return g.inRegister(v)
	}
	return v
}

func (g *generator) shift(op string, a, b value, line int) value {
	if !a.kind.integer() || !b.kind.integer() {
		fail(line, "operator %s on floats", op)
	}
	if a.known && b.known {
		if v, ok := binaryKnown(op, a, convertKnown(b, s64)); ok {
			return v
		}
	}
	c := classOf(a.kind)
	name := "shl." + moveType(c)
	if op == ">>" {
		name = "shr." + a.kind.ptx()
	}
	return value{kind: a.kind, reg: g.pure(c, name, g.asOperand(g.number(a)), g.asOperand(g.convert(g.number(b), u32)))}
}

// not is the opposite of a truth value.
func (g *generator) not(v value) value {
	v = g.truth(v)
	if v.known {
		return truthValue(!v.truth())
	}
	v.reg = g.pure(predicates, "not.pred", operand{reg: v.reg})
	return v
}

func (g *generator) unary(op string, v value, line int) value {
	if op == "!" {
		return g.not(v)
	}
	if v.known {
		return unaryKnown(op, v)
	}
	k := v.kind.promoted()
	v = g.number(g.convert(v, k))
	switch op {
	case "+":
		return v
	case "-":
		if k == u32 || k == u64 {
			return g.intOp("-", intValue(k, 0), v, line)
		}
		return value{kind: k, reg: g.pure(classOf(k), "neg."+k.ptx(), g.asOperand(v))}
	}
	if k.float() {
		fail(line, "operator %s on a float", op)
	}
	return value{kind: k, reg: g.pure(classOf(k), "not."+moveType(classOf(k)), g.asOperand(v))}
}

// advance is a pointer some elements further.
func (g *generator) advance(p, by value) value {
	size := int64(p.elem.size())
	by = g.number(by)
	switch {
	case by.known:
		p.i += by.i * size
		return p
	case by.kind == s64 || by.kind == u64:
		off := g.intOp("*", g.convert(by, s64), intValue(s64, size), 0)
		p.reg = g.pure(longs, "add.s64", operand{reg: p.reg}, operand{reg: off.reg})
		p.i += off.i
		return p
	}
	if by.kind == u32 {
		by = g.inRegister(by)
		p.reg = g.pure(longs, "add.s64", operand{reg: p.reg}, operand{reg: g.pure(longs, "mul.wide.u32", operand{reg: by.reg}, immediate(intValue(u32, size)))})
		return p
	}
	wide := 0
	if size == 1 {
		wide = g.pure(longs, "cvt.s64.s32", operand{reg: by.reg})
	} else {
		wide = g.pure(longs, "mul.wide.s32", operand{reg: by.reg}, immediate(intValue(s32, size)))
	}
	p.i += by.i * size
	p.reg = g.pure(longs, "add.s64", operand{reg: p.reg}, operand{reg: wide})
	return p
}
