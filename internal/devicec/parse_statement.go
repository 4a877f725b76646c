package devicec

func (p *parser) block() *block {
	p.expect("{")
	p.push()
	defer p.pop()
	b := &block{}
	for !p.accept("}") {
		if p.peek().kind == tokEnd {
			fail(p.peek().line, "a block does not end")
		}
		b.list = append(b.list, p.statement())
	}
	return b
}

func (p *parser) statement() stmt {
	t := p.peek()
	switch t.text {
	case "{":
		return p.block()
	case ";":
		p.next()
		return &block{}
	case "_Pragma":
		p.next()
		p.expect("(")
		p.next()
		p.expect(")")
		return p.statement()
	case "if":
		p.next()
		p.expect("(")
		s := &branchStmt{cond: p.comma()}
		p.expect(")")
		s.yes = p.statement()
		if p.accept("else") {
			s.no = p.statement()
		}
		return s
	case "for":
		return p.loop()
	case "while":
		p.next()
		p.expect("(")
		s := &loop{line: t.line, cond: []expr{p.comma()}}
		p.expect(")")
		s.body = p.statement()
		return s
	case "do":
		p.next()
		s := &loop{line: t.line, body: p.statement(), last: true}
		p.expect("while")
		p.expect("(")
		s.cond = []expr{p.comma()}
		p.expect(")")
		p.expect(";")
		return s
	case "switch":
		p.next()
		p.expect("(")
		s := &choice{line: t.line, x: p.comma()}
		p.expect(")")
		s.list = p.block().list
		return s
	case "case", "default":
		s := &label{}
		for {
			switch {
			case p.accept("case"):
				s.values = append(s.values, p.ternary())
				p.expect(":")
				continue
			case p.accept("default"):
				s.other = true
				p.expect(":")
				continue
			}
			return s
		}
	case "return", "break", "continue":
		p.next()
		s := &leave{line: t.line, what: t.text}
		if t.text == "return" && p.peek().text != ";" {
			s.x = p.comma()
		}
		p.expect(";")
		return s
	}
	if p.isType() || t.text == "__shared__" {
		return p.declaration()
	}
	s := &compute{x: p.comma()}
	p.expect(";")
	return s
}

func (p *parser) declaration() *declare {
	shared := p.accept("__shared__")
	base := p.typeName()
	s := &declare{}
	for {
		t := base
		for p.accept("*") {
			t = &ctype{kind: pointer, elem: t}
		}
		n := p.name()
		d := &decl{name: n.text, typ: p.arrayOf(t), shared: shared, line: n.line}
		switch {
		case p.accept("=") && p.accept("{"):
			for !p.accept("}") {
				d.list = append(d.list, p.assignment())
				if !p.accept(",") && p.peek().text != "}" {
					fail(p.peek().line, "%q in an initialiser", p.peek().text)
				}
			}
		case p.toks[p.i-1].text == "=":
			d.init = p.assignment()
		}
		if d.shared && d.typ.kind != array {
			fail(d.line, "%s: only arrays are shared", d.name)
		}
		p.declare(d)
		s.vars = append(s.vars, d)
		if !p.accept(",") {
			p.expect(";")
			return s
		}
	}
}

// loop reads a for statement.
func (p *parser) loop() *loop {
	s := &loop{line: p.next().line, inner: map[*decl]int{}}
	p.expect("(")
	p.push()
	defer p.pop()
	switch {
	case p.accept(";"):
	case p.isType():
		s.init = p.declaration()
	default:
		s.init = &compute{x: p.comma()}
		p.expect(";")
	}
	if p.peek().text != ";" {
		s.cond = []expr{p.comma()}
	}
	p.expect(";")
	for p.peek().text != ")" {
		s.step = append(s.step, p.assignment())
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	before := map[*decl]int{}
	d, _ := s.init.(*declare)
	if d != nil {
		for _, v := range d.vars {
			before[v] = v.changes
		}
	}
	s.body = p.statement()
	for v, n := range before {
		s.inner[v] = v.changes - n
	}
	return s
}
