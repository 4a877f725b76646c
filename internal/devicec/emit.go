package devicec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// class is a kind of registers.
type class uint8

const (
	predicates class = iota
	words
	longs
	floats
	doubles
)

var classNames = [...]string{"%p", "%r", "%rd", "%f", "%fd"}
var classTypes = [...]string{".pred", ".b32", ".b64", ".f32", ".f64"}

func classOf(k kind) class {
	switch k {
	case f32:
		return floats
	case f64:
		return doubles
	case s64, u64, pointer:
		return longs
	}
	return words
}

// register is a register. One that is mutable is written more than once.
type register struct {
	class   class
	mutable bool
	version int
}

// operand is a register, with what is added to it if it is an address, or a text.
type operand struct {
	reg    int // -1: text
	text   string
	memory bool
	off    int64
	list   []int // registers in braces
}

func text(s string) operand { return operand{reg: -1, text: s} }

// instruction is one of PTX, or a label.
type instruction struct {
	op      string
	dst     int // -1: none
	args    []operand
	guard   int // a predicate, -1: none
	not     bool
	label   string // a label, or where a branch goes
	pure    bool   // may go if nobody reads what it writes
	removed bool
	key     *known // what remembers its result
}

// known is a computation that has been done.
type known struct {
	op   string
	args [3]knownArg
}

type knownArg struct {
	reg     int
	text    string
	memory  bool
	off     int64
	version int
	epoch   int
}

// emitter keeps instructions.
type emitter struct {
	regs  []register
	code  []instruction
	front []instruction // that come first: what does not depend on anything
	fixed map[string]int
	seen  []map[known]int // one a region of code that is left again
	epoch int
	label int
}

func newEmitter() *emitter {
	return &emitter{fixed: map[string]int{}, seen: []map[known]int{{}}}
}

func (g *emitter) newReg(c class, mutable bool) int {
	g.regs = append(g.regs, register{class: c, mutable: mutable})
	return len(g.regs) - 1
}

func (g *emitter) newLabel() string {
	g.label++
	return "$L" + strconv.Itoa(g.label)
}

// enter begins a region whose results are not known after it.
func (g *emitter) enter() { g.seen = append(g.seen, map[known]int{}) }
func (g *emitter) exit()  { g.seen = g.seen[:len(g.seen)-1] }

// forget begins a loop: what was computed of variables may be otherwise in it.
func (g *emitter) forget() { g.epoch++ }

func (g *emitter) place(label string) {
	g.code = append(g.code, instruction{label: label, dst: -1, guard: -1})
}

func (g *emitter) branch(label string) {
	g.code = append(g.code, instruction{op: "bra", label: label, dst: -1, guard: -1})
}

func (g *emitter) branchIf(pred int, not bool, label string) {
	g.code = append(g.code, instruction{op: "bra", label: label, dst: -1, guard: pred, not: not})
}

// effect emits what must stay.
func (g *emitter) effect(op string, dst int, args ...operand) {
	g.code = append(g.code, instruction{op: op, dst: dst, args: args, guard: -1})
	if dst >= 0 {
		g.regs[dst].version++
	}
}

// pure is the result of an operation, computed now or before.
func (g *emitter) pure(c class, op string, args ...operand) int {
	k := known{op: op}
	for i, a := range args {
		k.args[i] = knownArg{reg: a.reg, text: a.text, memory: a.memory, off: a.off}
		if a.reg >= 0 {
			k.args[i].version = g.regs[a.reg].version
			if g.regs[a.reg].mutable {
				k.args[i].epoch = g.epoch
			}
		}
	}
	if len(args) <= 3 {
		for i := len(g.seen) - 1; i >= 0; i-- {
			if r, ok := g.seen[i][k]; ok {
				return r
			}
		}
	}
	dst := g.newReg(c, false)
	in := instruction{op: op, dst: dst, args: args, guard: -1, pure: true}
	if len(args) <= 3 {
		g.seen[len(g.seen)-1][k] = dst
		in.key = &k
	}
	g.code = append(g.code, in)
	return dst
}

// load is a read from memory, which may be otherwise next time.
func (g *emitter) load(c class, op string, at operand) int {
	dst := g.newReg(c, false)
	g.code = append(g.code, instruction{op: op, dst: dst, args: []operand{at}, guard: -1, pure: true})
	return dst
}

// once is a value that is the same all over the kernel, computed at its beginning.
func (g *emitter) once(c class, name, op string, args ...operand) int {
	if r, ok := g.fixed[name]; ok {
		return r
	}
	r := g.newReg(c, false)
	g.front = append(g.front, instruction{op: op, dst: r, args: args, guard: -1, pure: true})
	g.fixed[name] = r
	return r
}

// set writes a mutable register. What made the value writes it there itself where
// nobody else has the value; mark is how many registers there were before.
func (g *emitter) set(reg int, v operand, mark int) {
	defer func() { g.regs[reg].version++ }()
	if n := len(g.code); n > 0 && v.reg >= mark && !v.memory {
		last := &g.code[n-1]
		if last.dst == v.reg && last.pure && !g.regs[v.reg].mutable && g.regs[v.reg].class == g.regs[reg].class && last.label == "" {
			if last.key != nil {
				for _, region := range g.seen {
					delete(region, *last.key)
				}
				last.key = nil
			}
			last.dst = reg
			return
		}
	}
	g.code = append(g.code, instruction{op: "mov." + moveType(g.regs[reg].class), dst: reg, args: []operand{v}, guard: -1, pure: true})
}

func moveType(c class) string { return [...]string{"pred", "b32", "b64", "f32", "f64"}[c] }

// sweep drops instructions whose results nobody reads.
func (g *emitter) sweep() {
	uses := make([]int, len(g.regs))
	lists := []*[]instruction{&g.front, &g.code}
	count := func(in *instruction, by int) {
		for _, a := range in.args {
			if a.reg >= 0 {
				uses[a.reg] += by
			}
			for _, r := range a.list {
				uses[r] += by
			}
		}
		if in.guard >= 0 {
			uses[in.guard] += by
		}
	}
	for _, l := range lists {
		for i := range *l {
			count(&(*l)[i], 1)
		}
	}
	for again := true; again; {
		again = false
		for k := 1; k >= 0; k-- {
			l := *lists[k]
			for i := len(l) - 1; i >= 0; i-- {
				if in := &l[i]; in.pure && !in.removed && uses[in.dst] == 0 {
					in.removed, again = true, true
					count(in, -1)
				}
			}
		}
	}
}

// immediate is a constant as an operand.
func immediate(v value) operand {
	switch v.kind {
	case f32:
		return text(fmt.Sprintf("0f%08X", math.Float32bits(float32(v.f))))
	case f64:
		return text(fmt.Sprintf("0d%016X", math.Float64bits(v.f)))
	}
	return text(strconv.FormatInt(v.i, 10))
}

// write appends the registers' declarations and the instructions.
func (g *emitter) write(b *strings.Builder) {
	names := make([]string, len(g.regs))
	var n [len(classNames)]int
	for _, l := range [][]instruction{g.front, g.code} {
		for i := range l {
			in := &l[i]
			if in.removed {
				continue
			}
			name := func(r int) {
				if r >= 0 && names[r] == "" {
					c := g.regs[r].class
					n[c]++
					names[r] = classNames[c] + strconv.Itoa(n[c])
				}
			}
			name(in.dst)
			name(in.guard)
			for _, a := range in.args {
				name(a.reg)
				for _, r := range a.list {
					name(r)
				}
			}
		}
	}
	for c, count := range n {
		if count > 0 {
			fmt.Fprintf(b, "\t.reg %s %s<%d>;\n", classTypes[c], classNames[c], count+1)
		}
	}
	for _, l := range [][]instruction{g.front, g.code} {
		for i := range l {
			if !l[i].removed {
				l[i].write(b, names)
			}
		}
	}
}

func (in *instruction) write(b *strings.Builder, names []string) {
	if in.op == "" {
		b.WriteString(in.label + ":\n")
		return
	}
	b.WriteByte('\t')
	if in.guard >= 0 {
		b.WriteByte('@')
		if in.not {
			b.WriteByte('!')
		}
		b.WriteString(names[in.guard] + " ")
	}
	b.WriteString(in.op)
	sep := " "
	if in.dst >= 0 {
		b.WriteString(sep + names[in.dst])
		sep = ", "
	}
	if in.op == "bra" {
		b.WriteString(sep + in.label)
	}
	for _, a := range in.args {
		b.WriteString(sep)
		sep = ", "
		s := a.text
		if a.reg >= 0 {
			s = names[a.reg]
		}
		if a.list != nil {
			b.WriteByte('{')
			for i, r := range a.list {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(names[r])
			}
			b.WriteByte('}')
			continue
		}
		if a.memory {
			b.WriteByte('[')
			b.WriteString(s)
			if a.off != 0 {
				b.WriteString("+" + strconv.FormatInt(a.off, 10))
			}
			b.WriteByte(']')
			continue
		}
		b.WriteString(s)
	}
	b.WriteString(";\n")
}
