package devicec

// parser reads declarations, statements and expressions. Names are resolved on the way.
type parser struct {
	toks      []token // the last is tokEnd
	i         int
	types     map[string]*ctype
	functions map[string]*function
	scopes    []map[string]*decl
	kernels   []*function
	changed   map[*decl]int // changes so far
}

func newParser(toks []token) *parser {
	line := 0
	if len(toks) > 0 {
		line = toks[len(toks)-1].line
	}
	return &parser{
		toks: append(toks, token{line: line}), functions: map[string]*function{}, scopes: []map[string]*decl{{}}, changed: map[*decl]int{},
		types: map[string]*ctype{"void": basic[void], "char": basic[s8], "short": basic[s16], "int": basic[s32], "long": basic[s64],
			"float": basic[f32], "double": basic[f64], "unsigned": basic[u32], "signed": basic[s32], "bool": basic[s32]},
	}
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) ahead(n int) token { return p.toks[min(p.i+n, len(p.toks)-1)] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

func (p *parser) accept(text string) bool {
	if t := p.peek(); t.text == text && t.kind != tokString && t.kind != tokEnd {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(text string) token {
	t := p.peek()
	if !p.accept(text) {
		fail(t.line, "%q where %q is expected", t.text, text)
	}
	return t
}

func (p *parser) name() token {
	t := p.next()
	if t.kind != tokName {
		fail(t.line, "%q where a name is expected", t.text)
	}
	return t
}

// unit reads a whole text.
func (p *parser) unit() {
	for p.peek().kind != tokEnd {
		if p.accept(";") {
			continue
		}
		if p.accept("typedef") {
			p.typedef()
			continue
		}
		p.function()
	}
}

func (p *parser) typedef() {
	var t *ctype
	if p.accept("struct") {
		p.expect("{")
		t = &ctype{kind: structure}
		for !p.accept("}") {
			elem := p.typeName()
			name := p.name().text
			t.add(name, p.arrayOf(elem))
			p.expect(";")
		}
	} else {
		t = p.typeName()
	}
	p.types[p.name().text] = t
	p.expect(";")
}

// isType reports whether a type begins here.
func (p *parser) isType() bool {
	t := p.peek()
	return t.kind == tokName && (t.text == "const" || p.types[t.text] != nil)
}

// typeName reads a type without the sizes of arrays.
func (p *parser) typeName() *ctype {
	line := p.peek().line
	var t *ctype
	unsigned, long := false, false
	for {
		w := p.peek()
		switch {
		case w.kind != tokName:
		case w.text == "const":
			p.i++
			continue
		case w.text == "unsigned" || w.text == "signed":
			unsigned = w.text == "unsigned"
			if t == nil {
				t = p.types["int"]
			}
			p.i++
			continue
		case w.text == "long":
			long = true
			p.i++
			continue
		case w.text == "int" && (long || t != nil):
			p.i++
			continue
		case p.types[w.text] != nil && (t == nil || unsigned && t.kind == s32 && p.types[w.text].kind < s32):
			t = p.types[w.text]
			p.i++
			continue
		}
		break
	}
	if long {
		t = basic[s64]
	}
	if t == nil {
		fail(line, "%q where a type is expected", p.peek().text)
	}
	if unsigned && t.kind.integer() && !t.kind.unsigned() {
		t = basic[t.kind+1]
	}
	for p.accept("*") {
		for p.accept("const") || p.accept("__restrict__") {
		}
		t = &ctype{kind: pointer, elem: t}
	}
	return t
}

// arrayOf reads the sizes of an array.
func (p *parser) arrayOf(elem *ctype) *ctype {
	if !p.accept("[") {
		return elem
	}
	line := p.peek().line
	v, ok := fold(p.ternary())
	if !ok || !v.kind.integer() || v.i < 1 || v.i > 1<<20 {
		fail(line, "the length of an array is no constant from 1 to %d", 1<<20)
	}
	p.expect("]")
	return &ctype{kind: array, elem: p.arrayOf(elem), length: int(v.i)}
}

// function reads a function, or skips the declaration of one without a text.
func (p *parser) function() {
	f := &function{line: p.peek().line}
	for {
		switch {
		case p.accept("static") || p.accept("inline") || p.accept("__device__") || p.accept("__forceinline__"):
			continue
		case p.accept("extern"):
			if p.peek().kind == tokString {
				p.next()
			}
			continue
		case p.accept("__global__"):
			f.kernel = true
			continue
		}
		break
	}
	f.ret = p.typeName()
	if p.accept("__launch_bounds__") {
		p.expect("(")
		v, ok := fold(p.ternary())
		if !ok {
			fail(f.line, "__launch_bounds__ wants a constant")
		}
		f.bound = int(v.i)
		p.expect(")")
	}
	f.name = p.name().text
	p.expect("(")
	p.push()
	defer p.pop()
	for !p.accept(")") {
		if p.peek().text == "void" && p.ahead(1).text == ")" {
			p.next()
			continue
		}
		t := p.typeName()
		d := &decl{typ: t, param: f.kernel, line: p.peek().line}
		if p.peek().kind == tokName {
			d.name = p.name().text
		}
		p.declare(d)
		f.params = append(f.params, d)
		if !p.accept(",") && p.peek().text != ")" {
			fail(p.peek().line, "%q in a list of parameters", p.peek().text)
		}
	}
	if p.accept(";") {
		return
	}
	f.body = p.block()
	if p.functions[f.name] != nil {
		fail(f.line, "there are two functions %s", f.name)
	}
	p.functions[f.name] = f
	if f.kernel {
		p.kernels = append(p.kernels, f)
	}
}

func (p *parser) push() { p.scopes = append(p.scopes, map[string]*decl{}) }
func (p *parser) pop()  { p.scopes = p.scopes[:len(p.scopes)-1] }

func (p *parser) declare(d *decl) { p.scopes[len(p.scopes)-1][d.name] = d }

func (p *parser) lookup(name string) *decl {
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if d := p.scopes[i][name]; d != nil {
			return d
		}
	}
	return nil
}

// change notes that an expression changes what it stands for.
func (p *parser) change(x expr) {
	switch x := x.(type) {
	case *reference:
		x.to.changes++
	case *index:
		if d := root(x); d != nil && d.typ.kind == array {
			d.changes++
		}
	case *member:
		fail(x.at(), "the parameter %s cannot be changed", x.name)
	default:
		fail(x.at(), "this cannot be assigned to")
	}
}

// root is the variable that an element is of, nil where it is not of a variable.
func root(x expr) *decl {
	for {
		switch at := x.(type) {
		case *index:
			x = at.base
		case *reference:
			return at.to
		default:
			return nil
		}
	}
}
