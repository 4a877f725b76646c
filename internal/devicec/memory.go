package devicec

import "fmt"

// where is a place that can be read and written.
type where struct {
	kind  kind
	elem  *ctype
	to    *variable // a variable
	of    *decl     // of to
	reg   int       // its register, or that of an element; -1: memory
	space string    // global, shared, local or param
	at    value     // the address
}

// locate is the place of an expression.
func (g *generator) locate(x expr) where {
	switch x := x.(type) {
	case *reference:
		v := g.variable(x.to, x.at())
		if x.to.typ.kind == array || x.to.typ.kind == structure {
			fail(x.at(), "%s is no scalar", x.to.name)
		}
		return where{kind: x.to.typ.kind, elem: x.to.typ.elem, to: v, of: x.to, reg: v.reg}
	case *member:
		return g.inParameter(x, nil)
	case *index:
		return g.element(x)
	}
	fail(x.at(), "this is no place in memory")
	return where{}
}

func (g *generator) variable(d *decl, line int) *variable {
	v := g.vars[d]
	if v == nil {
		fail(line, "%s has no value here", d.name)
	}
	return v
}

// inParameter is a field of the kernel's structure, or an element of one.
func (g *generator) inParameter(x *member, idx []expr) where {
	ref, ok := x.base.(*reference)
	if !ok || !ref.to.param || ref.to.typ.kind != structure {
		fail(x.at(), "%s is no field of the kernel's parameter", x.name)
	}
	f := ref.to.typ.field(x.name)
	if f == nil {
		fail(x.at(), "the kernel's parameter has no field %s", x.name)
	}
	w := where{space: "param", reg: -1, at: value{kind: pointer, i: int64(f.offset)}}
	off, t := g.flatten(f.typ, idx, x.at())
	w.kind = t.kind
	name := g.param(ref.to)
	if off.known {
		w.at.i += off.i * int64(t.size())
		w.at.known = true
		w.of = ref.to
		return w
	}
	base := g.once(longs, "address "+name, "mov.b64", text(name))
	w.at.reg, w.at.elem = base, t
	w.at = g.advance(w.at, off)
	return w
}

// flatten is the number of an element of an array and its type.
func (g *generator) flatten(t *ctype, idx []expr, line int) (value, *ctype) {
	sum := intValue(s32, 0)
	for _, x := range idx {
		if t.kind != array {
			fail(line, "too many indices")
		}
		i := g.convert(g.number(g.eval(x)), s32)
		sum = g.binary("+", g.binary("*", sum, intValue(s32, int64(t.length)), line), i, line)
		t = t.elem
	}
	if t.kind == array {
		fail(line, "too few indices")
	}
	return sum, t
}

// element is the place of base[idx].
func (g *generator) element(x *index) where {
	idx := []expr{x.idx}
	base := x.base
	for {
		inner, ok := base.(*index)
		if !ok {
			break
		}
		if d := root(inner); d == nil || d.typ.kind != array {
			if _, field := base.(*index).base.(*member); !field {
				break
			}
		}
		idx = append([]expr{inner.idx}, idx...)
		base = inner.base
	}
	switch b := base.(type) {
	case *member:
		return g.inParameter(b, idx)
	case *reference:
		if b.to.typ.kind == array {
			return g.ofArray(b.to, idx, x.at())
		}
	}
	p := g.eval(base)
	if p.kind != pointer || len(idx) != 1 {
		fail(x.at(), "only arrays and pointers have elements")
	}
	at := g.advance(p, g.eval(idx[0]))
	return where{kind: p.elem.kind, reg: -1, space: "global", at: at}
}

func (g *generator) ofArray(d *decl, idx []expr, line int) where {
	v := g.variable(d, line)
	off, t := g.flatten(d.typ, idx, line)
	if v.elements != nil {
		if !off.known {
			panic(restart{d})
		}
		if off.i < 0 || off.i >= int64(len(v.elements)) {
			// Undefined, and unreachable in a text that is right: a guard decides that when it runs.
			return where{kind: t.kind, reg: g.newReg(classOf(t.kind), true), to: v, of: d}
		}
		return where{kind: t.kind, reg: v.elements[off.i], to: v, of: d}
	}
	w := where{kind: t.kind, reg: -1, space: v.space}
	if v.space == "shared" { // addresses of 32 bits
		base := value{kind: s32, reg: g.once(words, v.memory, "mov.u32", text(v.memory))}
		w.at = g.binary("+", base, g.binary("*", off, intValue(s32, int64(t.size())), line), line)
		return w
	}
	w.at = value{kind: pointer, reg: g.once(longs, v.memory, "mov.u64", text(v.memory)), elem: t}
	w.at = g.advance(w.at, off)
	return w
}

// memoryType is the type of a load or store.
func memoryType(k kind) string {
	if k == pointer {
		return "u64"
	}
	return k.ptx()
}

// read is what a place has.
func (g *generator) read(w where) value {
	if w.reg >= 0 {
		if w.to.elements != nil {
			return value{kind: w.kind, reg: w.reg}
		}
		return w.to.value
	}
	c := classOf(w.kind)
	op := "ld." + w.space + "." + memoryType(w.kind)
	if w.space == "param" && w.at.known {
		name := g.param(w.of)
		at := operand{reg: -1, text: name, memory: true, off: w.at.i}
		return value{kind: w.kind, reg: g.once(c, fmt.Sprintf("%s %s+%d", op, name, w.at.i), op, at)}
	}
	return value{kind: w.kind, reg: g.load(c, op, operand{reg: w.at.reg, memory: true, off: w.at.i})}
}

// put changes a place. mark is how many registers there were before the value.
func (g *generator) put(w where, v value, mark int) {
	v = g.number(v)
	if w.reg >= 0 {
		g.set(w.reg, g.asOperand(v), mark)
		return
	}
	if w.space == "param" {
		fail(0, "a parameter cannot be changed")
	}
	g.effect("st."+w.space+"."+memoryType(w.kind), -1, operand{reg: w.at.reg, memory: true, off: w.at.i}, g.asOperand(v))
}
