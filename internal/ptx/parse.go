package ptx

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// parser reads a module. Errors are thrown as *parseError and caught in Parse.
type parser struct {
	words  []word
	i      int
	mod    *Module
	entry  *Entry
	scopes []map[string]operand // registers by name
	objs   []map[string]*object
	labels map[string]int
	tables map[string][]string // lists of branch targets
	fix    []int               // branches that wait for their labels
}

type parseError struct{ err error }

// Parse reads a text.
func Parse(src string) (mod *Module, err error) {
	words, err := scan(src)
	if err != nil {
		return nil, err
	}
	p := &parser{words: words, mod: &Module{Entries: map[string]*Entry{}, globals: map[string]*object{}}}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*parseError)
			if !ok {
				panic(r)
			}
			mod, err = nil, e.err
		}
	}()
	p.module()
	return p.mod, nil
}

func (p *parser) fail(format string, args ...any) {
	line := 0
	if p.i < len(p.words) {
		line = p.words[p.i].line
	}
	panic(&parseError{fmt.Errorf("ptx: line %d: %s", line, fmt.Sprintf(format, args...))})
}

func (p *parser) peek() string {
	if p.i < len(p.words) {
		return p.words[p.i].text
	}
	return ""
}

func (p *parser) next() string {
	if p.i >= len(p.words) {
		p.fail("the text ends too early")
	}
	p.i++
	return p.words[p.i-1].text
}

func (p *parser) accept(s string) bool {
	if p.peek() == s {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(s string) {
	if got := p.peek(); !p.accept(s) {
		p.fail("%q where %q is expected", got, s)
	}
}

func (p *parser) number() int {
	s := p.next()
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1<<30 {
		p.fail("%q is no count", s)
	}
	return n
}

func (p *parser) module() {
	for p.i < len(p.words) {
		switch s := p.next(); s {
		case ".version":
			p.mod.Version = p.next()
		case ".target":
			p.mod.Target = p.next()
			for p.accept(",") {
				p.next()
			}
		case ".address_size":
			p.next()
		case ".visible", ".extern", ".weak":
			if s == ".extern" && p.peek() == ".shared" {
				p.next()
				name, o := p.object("shared")
				o.extern = true
				p.mod.globals[name] = o
			}
		case ".entry":
			p.readEntry()
		case ".shared", ".global", ".const":
			name, o := p.object(s[1:])
			p.mod.globals[name] = o
		case ".file", ".loc", ".section":
			p.fail("debug sections are not read")
		case ".func":
			p.fail("functions are not read; everything has to be inlined")
		default:
			p.fail("%q at the top of a module", s)
		}
	}
	if len(p.mod.Entries) == 0 {
		p.fail("the text has no entry")
	}
}

var sizes = map[string]int{"8": 1, "16": 2, "32": 4, "64": 8, "128": 16}

// typeSize is the bytes of a type like ".b32".
func typeSize(t string) int { return sizes[strings.TrimLeft(strings.TrimPrefix(t, "."), "busf")] }

// object reads a declaration behind its space: .align 4 .b8 name[16];
func (p *parser) object(space string) (string, *object) {
	o := &object{space: space, align: 1}
	elem := 0
	for strings.HasPrefix(p.peek(), ".") {
		switch w := p.next(); w {
		case ".align":
			o.align = p.number()
		case ".ptr", ".global", ".shared", ".const", ".local":
		default:
			if elem = typeSize(w); elem == 0 {
				p.fail("%q in a declaration", w)
			}
		}
	}
	name := p.next()
	o.size, o.align = elem, max(o.align, elem)
	for p.accept("[") {
		if p.accept("]") {
			o.size, o.extern = 0, true
			continue
		}
		n := p.number()
		if o.size > 0 && n > 1<<30/o.size {
			p.fail("%s is too large", name)
		}
		o.size *= n
		p.expect("]")
	}
	if p.accept("=") {
		p.expect("{")
		for !p.accept("}") {
			v := p.immediate("b64")
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], v)
			o.init = append(o.init, b[:elem]...)
			p.accept(",")
		}
	}
	p.accept(";")
	return name, o
}

func alignUp(n, a int) int { return (n + a - 1) / a * a }

func (p *parser) readEntry() {
	e := &Entry{Name: p.next()}
	p.entry, p.labels, p.tables, p.fix = e, map[string]int{}, map[string][]string{}, nil
	if p.accept("(") {
		for !p.accept(")") {
			p.expect(".param")
			q := Param{Align: 1}
			for strings.HasPrefix(p.peek(), ".") {
				switch w := p.next(); w {
				case ".align":
					q.Align = p.number()
				case ".ptr", ".global", ".shared", ".const":
				default:
					q.Size = typeSize(w)
				}
			}
			q.Align = max(q.Align, q.Size)
			q.Name = p.next()
			if p.accept("[") {
				q.Size *= p.number()
				p.expect("]")
			}
			q.Offset = alignUp(e.Values, q.Align)
			e.Values = q.Offset + q.Size
			e.Params = append(e.Params, q)
			p.accept(",")
		}
	}
	for p.peek() != "{" {
		switch w := p.next(); w {
		case ".maxntid", ".reqntid":
			e.MaxThreads = p.number()
			for p.accept(",") {
				e.MaxThreads *= p.number()
			}
		case ".minnctapersm", ".maxnreg":
			p.number()
		case ".noreturn":
		default:
			p.fail("%q before the text of %s", w, e.Name)
		}
	}
	if p.mod.Entries[e.Name] != nil {
		p.fail("there are two entries %s", e.Name)
	}
	p.mod.Entries[e.Name] = e
	p.scopes, p.objs = nil, []map[string]*object{{}}
	for name, o := range p.mod.globals {
		if o.space == "shared" && !o.extern {
			p.place(o)
			p.objs[0][name] = o
		}
	}
	p.body()
	for _, i := range p.fix {
		p.resolve(&e.code[i])
	}
	e.compile()
}

// place gives a variable its offset.
func (p *parser) place(o *object) {
	at := &p.entry.Shared
	if o.space == "local" {
		at = &p.entry.Local
	}
	o.offset = alignUp(*at, max(o.align, 1))
	*at = o.offset + o.size
}

func (p *parser) resolve(in *instruction) {
	for _, a := range in.args {
		if a.kind != opLabel {
			continue
		}
		if list, ok := p.tables[a.name]; ok {
			for _, l := range list {
				in.table = append(in.table, p.label(l))
			}
			continue
		}
		in.to = p.label(a.name)
	}
}

func (p *parser) label(name string) int {
	at, ok := p.labels[name]
	if !ok {
		p.fail("there is no label %s in %s", name, p.entry.Name)
	}
	return at
}

// body reads the instructions between braces, those of inner braces too.
func (p *parser) body() {
	p.expect("{")
	p.scopes = append(p.scopes, map[string]operand{})
	p.objs = append(p.objs, map[string]*object{})
	for {
		w := p.peek()
		switch {
		case w == "}":
			p.next()
			p.scopes, p.objs = p.scopes[:len(p.scopes)-1], p.objs[:len(p.objs)-1]
			return
		case w == "":
			p.fail("the text of %s does not end", p.entry.Name)
		case w == "{":
			p.body()
		case w == ".reg":
			p.next()
			p.registers()
		case w == ".shared" || w == ".local":
			p.next()
			name, o := p.object(w[1:])
			p.place(o)
			p.objs[len(p.objs)-1][name] = o
		case w == ".pragma" || w == ".loc":
			for p.next() != ";" {
			}
		case p.i+1 < len(p.words) && p.words[p.i+1].text == ":":
			p.next()
			p.next()
			if p.accept(".branchtargets") {
				for !p.accept(";") {
					p.tables[w] = append(p.tables[w], p.next())
					p.accept(",")
				}
				continue
			}
			p.labels[w] = len(p.entry.code)
		default:
			p.instruction()
		}
	}
}

func (p *parser) registers() {
	t := p.next()
	kind := map[int]regType{1: bits16, 2: bits16, 4: bits32, 8: bits64, 16: bits64}[typeSize(t)]
	if t == ".pred" {
		kind = predicate
	} else if typeSize(t) == 0 {
		p.fail("registers of the type %s", t)
	}
	for {
		name, n := p.next(), -1
		if p.accept("<") {
			n = p.number()
			p.expect(">")
			if n > 1<<16 {
				p.fail("%d registers", n)
			}
		}
		add := func(name string) {
			o := operand{kind: opRegister, reg: len(p.entry.regs)}
			if kind == predicate {
				o.kind, o.reg = opPredicate, p.entry.preds
				p.entry.preds++
			} else {
				p.entry.regs = append(p.entry.regs, kind)
			}
			p.scopes[len(p.scopes)-1][name] = o
		}
		if n < 0 {
			add(name)
		}
		for i := range max(n, 0) {
			add(name + strconv.Itoa(i))
		}
		if !p.accept(",") {
			p.expect(";")
			return
		}
	}
}

func (p *parser) instruction() {
	in := instruction{guard: -1, line: p.words[p.i].line}
	start := p.i
	if p.accept("@") {
		in.not = p.accept("!")
		g, ok := p.register(p.peek())
		if !ok || g.kind != opPredicate {
			p.fail("%q guards nothing", p.peek())
		}
		p.next()
		in.guard = g.reg
	}
	in.op = strings.Split(p.next(), ".")
	typ := in.op[len(in.op)-1]
	for !p.accept(";") {
		in.args = append(in.args, p.operand(typ))
		if !p.accept(",") && p.peek() != ";" {
			p.fail("%q in the operands of %s", p.peek(), strings.Join(in.op, "."))
		}
	}
	for _, w := range p.words[start:p.i] {
		in.text += w.text
		if w.text == "," || w.text == in.words() {
			in.text += " "
		}
	}
	if slices.ContainsFunc(in.args, func(o operand) bool { return o.kind == opLabel }) {
		p.fix = append(p.fix, len(p.entry.code))
	}
	p.entry.code = append(p.entry.code, in)
}

func (in *instruction) words() string { return strings.Join(in.op, ".") }

func (p *parser) register(name string) (operand, bool) {
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if o, ok := p.scopes[i][name]; ok {
			return o, true
		}
	}
	return operand{}, false
}

func (p *parser) operand(typ string) operand {
	switch w := p.peek(); {
	case w == "[":
		p.next()
		o := operand{kind: opMemory}
		for !p.accept("]") {
			o.list = append(o.list, p.sum(typ))
			p.accept(",")
		}
		return o
	case w == "{":
		p.next()
		o := operand{kind: opList}
		for !p.accept("}") {
			o.list = append(o.list, p.operand(typ))
			p.accept(",")
		}
		return o
	case w == "!":
		p.next()
		o := p.operand(typ)
		o.not = !o.not
		return o
	case w == "(":
		p.fail("calls are not read; everything has to be inlined")
	}
	o := p.sum(typ)
	if p.accept("|") {
		q := p.operand(typ)
		o.pair = &q
	}
	return o
}

// sum is a register, symbol or number, and a number added to it.
func (p *parser) sum(typ string) operand {
	if p.peek() == "{" {
		return p.operand("s32")
	}
	o := p.atom(typ)
	for p.peek() == "+" || p.peek() == "-" {
		minus := p.next() == "-"
		v := p.immediate("s64")
		if minus {
			v = -v
		}
		o.value += v
	}
	return o
}

func (p *parser) atom(typ string) operand {
	w := p.peek()
	if o, ok := p.register(w); ok {
		p.next()
		return o
	}
	if w == "_" {
		p.next()
		return operand{kind: opSink}
	}
	if strings.HasPrefix(w, "%") {
		p.next()
		if strings.HasPrefix(w, "%r") || strings.HasPrefix(w, "%f") || strings.HasPrefix(w, "%p") {
			p.fail("register %s is not declared", w)
		}
		return operand{kind: opSpecial, name: w}
	}
	if w == "-" || w != "" && w[0] >= '0' && w[0] <= '9' {
		return operand{kind: opImmediate, value: p.immediate(typ)}
	}
	for i := len(p.objs) - 1; i >= 0; i-- {
		if o := p.objs[i][w]; o != nil {
			p.next()
			return operand{kind: opSymbol, name: w, at: o}
		}
	}
	if o := p.mod.globals[w]; o != nil {
		p.next()
		return operand{kind: opSymbol, name: w, at: o}
	}
	for i := range p.entry.Params {
		if p.entry.Params[i].Name == w {
			p.next()
			return operand{kind: opSymbol, name: w, param: &p.entry.Params[i]}
		}
	}
	p.next()
	return operand{kind: opLabel, name: w}
}

// immediate is a number's bits: an integer, or a float as 0f3F800000 or 0d….
func (p *parser) immediate(typ string) uint64 {
	minus := p.accept("-")
	w := p.next()
	var v uint64
	var err error
	switch {
	case strings.HasPrefix(w, "0f") || strings.HasPrefix(w, "0F"):
		v, err = strconv.ParseUint(w[2:], 16, 32)
	case strings.HasPrefix(w, "0d") || strings.HasPrefix(w, "0D"):
		v, err = strconv.ParseUint(w[2:], 16, 64)
	default:
		v, err = strconv.ParseUint(strings.TrimSuffix(strings.TrimSuffix(w, "U"), "u"), 0, 64)
	}
	if err != nil {
		p.i--
		p.fail("%q is no number", w)
	}
	if minus {
		v = -v
	}
	return v
}
