package devicec

// eval computes an expression.
func (g *generator) eval(x expr) value {
	switch x := x.(type) {
	case *literal:
		return x.value
	case *reference:
		return g.read(g.locate(x))
	case *member, *index:
		return g.read(g.locate(x))
	case *special:
		return value{kind: u32, reg: g.once(words, x.name, "mov.u32", text("%"+x.name))}
	case *unary:
		return g.unary(x.op, g.eval(x.x), x.at())
	case *cast:
		return g.cast(x)
	case *binary:
		if x.op == "&&" || x.op == "||" {
			return g.logical(x)
		}
		a := g.eval(x.x)
		return g.binary(x.op, a, g.eval(x.y), x.at())
	case *conditional:
		return g.conditional(x)
	case *assign:
		return g.assign(x)
	case *increment:
		return g.increment(x)
	case *call:
		return g.call(x)
	}
	fail(x.at(), "an expression of an unknown kind")
	return value{}
}

func (g *generator) cast(x *cast) value {
	v := g.eval(x.x)
	if x.to.kind == pointer {
		if v.kind != pointer {
			fail(x.at(), "only pointers become pointers")
		}
		v.elem = x.to.elem
		return v
	}
	if v.kind == pointer {
		fail(x.at(), "a pointer becomes no number")
	}
	return g.convert(v, x.to.kind)
}

func (g *generator) assign(x *assign) value {
	mark := len(g.regs)
	var v value
	var w where
	if x.op == "" {
		v = g.eval(x.y)
		w = g.locate(x.x)
	} else {
		w = g.locate(x.x)
		old := g.read(w)
		v = g.binary(x.op, old, g.eval(x.y), x.at())
	}
	if w.kind != pointer {
		v = g.convert(v, w.kind)
	}
	g.put(w, v, mark)
	if w.reg >= 0 {
		return value{kind: w.kind, reg: w.reg, elem: w.elem}
	}
	return v
}

func (g *generator) increment(x *increment) value {
	mark := len(g.regs)
	w := g.locate(x.x)
	old := g.read(w)
	if x.post && w.reg >= 0 { // the register is about to change
		c := classOf(w.kind)
		old = value{kind: w.kind, reg: g.newReg(c, false), elem: w.elem}
		g.code = append(g.code, instruction{op: "mov." + moveType(c), dst: old.reg, args: []operand{{reg: w.reg}}, guard: -1, pure: true})
		mark = len(g.regs)
	}
	v := g.convert(g.binary("+", g.read(w), intValue(s32, int64(x.by)), x.at()), w.kind)
	g.put(w, v, mark)
	if x.post {
		return old
	}
	if w.reg >= 0 {
		return value{kind: w.kind, reg: w.reg}
	}
	return v
}

// simple reports whether computing an expression where it is not needed costs little
// and does no harm: no memory, no division of integers, no change.
func (g *generator) simple(x expr) bool { return g.cost(x) < 24 }

const dear = 1000

func (g *generator) cost(x expr) int {
	switch x := x.(type) {
	case *literal, *reference, *special:
		return 1
	case *member:
		return 1
	case *index:
		if d := root(x); d != nil && d.typ.kind == array && g.vars[d] != nil && g.vars[d].elements != nil {
			return 1 + g.cost(x.idx)
		}
		return dear
	case *unary:
		return 1 + g.cost(x.x)
	case *cast:
		return 1 + g.cost(x.x)
	case *binary:
		a := g.cost(x.x)
		if v, ok := g.constant(x.x); ok && (x.op == "&&" && !v.truth() || x.op == "||" && v.truth()) {
			return 1
		}
		if x.op == "/" || x.op == "%" {
			return dear // a divisor may be zero just where it is not asked for
		}
		return 1 + a + g.cost(x.y)
	case *conditional:
		if v, ok := g.constant(x.cond); ok {
			if v.truth() {
				return g.cost(x.yes)
			}
			return g.cost(x.no)
		}
		return 1 + g.cost(x.cond) + g.cost(x.yes) + g.cost(x.no)
	case *call:
		if x.fn == nil && builtins[x.name] != nil && x.name != "__syncthreads" && x.name != "__shfl_xor" {
			n := 1
			for _, a := range x.args {
				n += g.cost(a)
			}
			return n
		}
	}
	return dear
}

// constant is the value of an expression that is known here.
func (g *generator) constant(x expr) (value, bool) {
	return foldWith(x, func(d *decl) (value, bool) {
		if v := g.vars[d]; v != nil && v.known {
			return v.value, true
		}
		return value{}, false
	})
}

// logical is x && y or x || y.
func (g *generator) logical(x *binary) value {
	a := g.truth(g.eval(x.x))
	and := x.op == "&&"
	if a.known {
		if a.truth() != and {
			return a
		}
		return g.truth(g.eval(x.y))
	}
	if g.simple(x.y) {
		b := g.truth(g.eval(x.y))
		switch {
		case b.known && b.truth() == and:
			return a
		case b.known:
			return b
		}
		name := "or.pred"
		if and {
			name = "and.pred"
		}
		return value{kind: s32, logical: true, reg: g.pure(predicates, name, operand{reg: a.reg}, operand{reg: b.reg})}
	}
	r, end := g.newReg(predicates, true), g.newLabel()
	g.set(r, operand{reg: a.reg}, len(g.regs))
	g.branchIf(a.reg, and, end)
	g.enter()
	mark := len(g.regs)
	b := g.truth(g.eval(x.y))
	if b.known {
		b = g.truth(g.inRegister(b))
	}
	g.set(r, operand{reg: b.reg}, mark)
	g.exit()
	g.place(end)
	return value{kind: s32, logical: true, reg: r}
}

// conditional is cond ? yes : no.
func (g *generator) conditional(x *conditional) value {
	if v, ok := g.constant(x.cond); ok {
		return g.side(x, v.truth())
	}
	if g.simple(x.yes) && g.simple(x.no) {
		c := g.truth(g.eval(x.cond))
		if c.known {
			return g.side(x, c.truth())
		}
		a, b := g.eval(x.yes), g.eval(x.no)
		k := common(a.kind, b.kind)
		if a.kind == pointer {
			fail(x.at(), "a pointer that depends on a condition")
		}
		a, b = g.number(g.convert(a, k)), g.number(g.convert(b, k))
		cl := classOf(k)
		return value{kind: k, reg: g.pure(cl, "selp."+moveType(cl), g.asOperand(a), g.asOperand(b), operand{reg: c.reg})}
	}
	other, end := g.newLabel(), g.newLabel()
	k := common(g.typeOf(x.yes), g.typeOf(x.no))
	g.enter()
	if known, v := g.jump(x.cond, other, false); known {
		g.exit()
		return g.side(x, v)
	}
	r := g.newReg(classOf(k), true)
	g.enter()
	mark := len(g.regs)
	g.set(r, g.asOperand(g.number(g.convert(g.eval(x.yes), k))), mark)
	g.branch(end)
	g.exit()
	g.exit()
	g.place(other)
	g.enter()
	mark = len(g.regs)
	g.set(r, g.asOperand(g.number(g.convert(g.eval(x.no), k))), mark)
	g.exit()
	g.place(end)
	return value{kind: k, reg: r}
}

// side is the one side of a conditional that counts, in the type of both.
func (g *generator) side(x *conditional, yes bool) value {
	k := common(g.typeOf(x.yes), g.typeOf(x.no))
	if yes {
		return g.convert(g.eval(x.yes), k)
	}
	return g.convert(g.eval(x.no), k)
}

// jump goes to a label if a condition is as wanted. Where the condition is known here,
// nothing is emitted and the condition comes back.
func (g *generator) jump(x expr, label string, want bool) (known, is bool) {
	if v, ok := g.constant(x); ok {
		return true, v.truth()
	}
	if b, ok := x.(*binary); ok && (b.op == "&&" || b.op == "||") && !g.simple(b.y) {
		and := b.op == "&&"
		if and != want { // either side alone decides
			known, is := g.jump(b.x, label, want)
			if known && is == want {
				return true, is
			}
			if known {
				return g.jump(b.y, label, want)
			}
			if known, is := g.jump(b.y, label, want); known && is == want {
				g.branch(label)
			}
			return false, false
		}
	}
	v := g.truth(g.eval(x))
	if v.known {
		return true, v.truth()
	}
	g.branchIf(v.reg, !want, label)
	return false, false
}

// typeOf is the type of an expression's value, without computing it.
func (g *generator) typeOf(x expr) kind {
	switch x := x.(type) {
	case *literal:
		return x.kind
	case *reference:
		return x.to.typ.kind
	case *special:
		return u32
	case *member, *index:
		return g.typeOfPlace(x).kind
	case *unary:
		if x.op == "!" {
			return s32
		}
		return g.typeOf(x.x).promoted()
	case *cast:
		return x.to.kind
	case *binary:
		switch x.op {
		case "&&", "||", "<", "<=", ">", ">=", "==", "!=":
			return s32
		case "<<", ">>":
			return g.typeOf(x.x).promoted()
		}
		a, b := g.typeOf(x.x), g.typeOf(x.y)
		if a == pointer {
			return pointer
		}
		return common(a, b)
	case *conditional:
		return common(g.typeOf(x.yes), g.typeOf(x.no))
	case *assign:
		return g.typeOf(x.x)
	case *increment:
		return g.typeOf(x.x)
	case *call:
		return g.typeOfCall(x)
	}
	return s32
}

// typeOfPlace is the C type of a place.
func (g *generator) typeOfPlace(x expr) *ctype {
	switch x := x.(type) {
	case *reference:
		return x.to.typ
	case *cast:
		return x.to
	case *member:
		if r, ok := x.base.(*reference); ok && r.to.typ.kind == structure {
			if f := r.to.typ.field(x.name); f != nil {
				return f.typ
			}
		}
	case *index:
		if t := g.typeOfPlace(x.base); t.elem != nil {
			return t.elem
		}
	case *binary:
		return g.typeOfPlace(x.x)
	}
	fail(x.at(), "this has no type")
	return nil
}
