package devicec

// maxElements is how many elements an array may have to be kept in registers.
const maxElements = 1024

func (g *generator) block(b *block) {
	for _, s := range b.list {
		if g.dead {
			return
		}
		g.statement(s)
	}
}

func (g *generator) statement(s stmt) {
	switch s := s.(type) {
	case *block:
		g.block(s)
	case *declare:
		for _, d := range s.vars {
			g.declare(d)
		}
	case *compute:
		g.eval(s.x)
	case *branchStmt:
		g.branchStmt(s)
	case *loop:
		g.loop(s)
	case *choice:
		g.choice(s)
	case *leave:
		g.leave(s)
	case *label:
		fail(0, "a case outside of a switch")
	}
}

// declare gives a variable its place and its first value.
func (g *generator) declare(d *decl) {
	if d.typ.kind == array {
		g.declareArray(d)
		return
	}
	if !d.typ.kind.scalar() {
		fail(d.line, "%s is of a type that variables cannot have", d.name)
	}
	mark := len(g.regs)
	var v value
	if d.init != nil {
		v = g.eval(d.init)
		if d.typ.kind != pointer {
			v = g.convert(v, d.typ.kind)
		}
		v.elem = d.typ.elem
	}
	if d.init != nil && d.changes == 0 {
		g.vars[d] = &variable{value: g.keep(v)}
		return
	}
	r := g.newReg(classOf(d.typ.kind), true)
	g.vars[d] = &variable{value: value{kind: d.typ.kind, reg: r, elem: d.typ.elem}, mutable: true}
	if d.init != nil {
		g.set(r, g.asOperand(g.number(v)), mark)
	}
}

// keep is a value that stays what it is when variables change.
func (g *generator) keep(v value) value {
	if !v.known && g.regs[v.reg].mutable {
		c := g.regs[v.reg].class
		v.reg = g.pure(c, "mov."+moveType(c), operand{reg: v.reg})
	}
	return v
}

func (g *generator) declareArray(d *decl) {
	elem := d.typ.scalarElem()
	n := d.typ.size() / elem.size()
	v := &variable{}
	g.vars[d] = v
	switch {
	case d.shared:
		v.space, v.memory = "shared", g.array(d, "shared")
	case g.inMemory[d] || n > maxElements:
		g.inMemory[d] = true
		v.space, v.memory = "local", g.array(d, "local")
	default:
		v.elements = make([]int, n)
		g.tile += n * elem.size() / 4
		for i := range v.elements {
			v.elements[i] = g.newReg(classOf(elem.kind), true)
		}
	}
	if d.list == nil {
		return
	}
	if d.typ.elem.kind == array || d.shared {
		fail(d.line, "%s: only arrays of one dimension have initialisers", d.name)
	}
	for i := range n {
		x := value{kind: elem.kind, known: true}
		if i < len(d.list) {
			x = g.convert(g.eval(d.list[i]), elem.kind)
		}
		g.put(g.ofArray(d, []expr{&literal{pos(d.line), intValue(s32, int64(i))}}, d.line), x, len(g.regs))
	}
}

func (g *generator) branchStmt(s *branchStmt) {
	other := g.newLabel()
	g.enter()
	if known, is := g.jump(s.cond, other, false); known {
		g.exit()
		if is {
			g.statement(s.yes)
		} else if s.no != nil {
			g.statement(s.no)
		}
		return
	}
	g.enter()
	g.statement(s.yes)
	g.exit()
	g.exit()
	deadYes := g.dead
	g.dead = false
	if s.no == nil {
		g.place(other)
		return
	}
	end := g.newLabel()
	if !deadYes {
		g.branch(end)
	}
	g.place(other)
	g.enter()
	g.statement(s.no)
	g.exit()
	g.place(end)
	g.dead = g.dead && deadYes
}

// leave is return, break or continue.
func (g *generator) leave(s *leave) {
	if s.what == "return" {
		g.giveBack(s)
		return
	}
	for i := len(g.loops) - 1; i >= 0; i-- {
		t := g.loops[i]
		switch {
		case t == nil:
			fail(s.line, "%s outside of a loop", s.what)
		case s.what == "break":
			t.usedLeave = true
			g.branch(t.leave)
		case t.isSwitch:
			continue
		default:
			t.usedAgain = true
			g.branch(t.again)
		}
		g.dead = true
		return
	}
	fail(s.line, "%s outside of a loop", s.what)
}

func (g *generator) giveBack(s *leave) {
	f := g.frame
	mark := len(g.regs)
	if s.x != nil {
		v := g.eval(s.x)
		if f.fn.ret.kind != pointer {
			v = g.convert(v, f.fn.ret.kind)
		}
		if s == f.only {
			f.value = v
			g.dead = true
			return
		}
		g.set(f.result, g.asOperand(g.number(v)), mark)
	}
	if s == f.only {
		g.dead = true
		return
	}
	f.used = true
	g.branch(f.end)
	g.dead = true
}

// choice is a switch. Only the cases that can be meant are emitted.
func (g *generator) choice(s *choice) {
	x := g.number(g.eval(s.x))
	x = g.convert(x, x.kind.promoted())
	t := &target{leave: g.newLabel(), isSwitch: true}
	matches := func(l *label) (value, bool) {
		for _, e := range l.values {
			v, ok := g.constant(e)
			if !ok {
				fail(s.line, "a case is no constant")
			}
			if x.known && v.i == x.i {
				return v, true
			}
		}
		return value{}, false
	}
	labels := map[*label]string{}
	var other *label
	hit := false
	for _, st := range s.list {
		l, ok := st.(*label)
		if !ok {
			continue
		}
		if l.other {
			other = l
		}
		if _, yes := matches(l); yes {
			hit = true
		}
		if x.known {
			continue
		}
		labels[l] = g.newLabel()
		for _, e := range l.values {
			v, _ := g.constant(e)
			g.branchIf(g.compare("==", x, convertKnown(v, x.kind)).reg, false, labels[l])
		}
	}
	if !x.known {
		if other != nil {
			g.branch(labels[other])
		} else {
			t.usedLeave = true
			g.branch(t.leave)
		}
	}
	g.loops = append(g.loops, t)
	g.dead = true
	depth := 0
	for _, st := range s.list {
		if l, ok := st.(*label); ok {
			if depth > 0 {
				g.exit()
			}
			if x.known {
				if _, yes := matches(l); yes || l.other && !hit {
					g.dead = false
				}
			} else {
				g.dead = false
				g.place(labels[l])
			}
			g.enter()
			depth = 1
			continue
		}
		if !g.dead {
			g.statement(st)
		}
	}
	if depth > 0 {
		g.exit()
	}
	g.loops = g.loops[:len(g.loops)-1]
	if t.usedLeave {
		g.place(t.leave)
		g.dead = false
	}
	if x.known && !hit && other == nil {
		g.dead = false
	}
}
