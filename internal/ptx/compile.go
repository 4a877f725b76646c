package ptx

import (
	"fmt"
	"strings"
)

// program is a kernel's instructions as functions.
type program struct {
	steps     []step
	vectors   int // of a warp: registers and special registers
	constants []*vector
	special   map[string]int // special registers by name
	known     map[uint64]int // constants by value: negative, counted from -1
	regs      int
	err       error // an instruction that is not modelled
}

// Address windows of what is not global memory, for generic addresses.
const (
	sharedWindow = 0x1000_0000_0000
	localWindow  = 0x2000_0000_0000
	paramWindow  = 0x3000_0000_0000
	windowSize   = 0x1000_0000_0000
)

// compiler makes the functions of one entry.
type compiler struct {
	*program
	entry *Entry
	in    *instruction
}

// unsupported is thrown where an instruction is not modelled.
type unsupported struct{ err error }

func (c *compiler) bad(format string, args ...any) {
	panic(unsupported{fmt.Errorf("ptx: %s, line %d: %s: %s", c.entry.Name, c.in.line, c.in.text, fmt.Sprintf(format, args...))})
}

// compile makes the program. An instruction that is not modelled is an error of every
// launch, not of reading the text.
func (e *Entry) compile() {
	e.program = &program{special: map[string]int{}, known: map[uint64]int{}, regs: len(e.regs)}
	c := &compiler{program: e.program, entry: e}
	defer func() {
		if r := recover(); r != nil {
			u, ok := r.(unsupported)
			if !ok {
				panic(r)
			}
			e.program.err = u.err
		}
	}()
	// Special registers lie behind the registers and constants behind those, so the
	// number of special ones has to be known before constants are counted.
	for i := range e.code {
		for _, a := range e.code[i].args {
			c.findSpecial(a)
		}
	}
	c.vectors = c.regs + len(c.special)
	for i := range e.code {
		c.in = &e.code[i]
		s := step{guard: c.in.guard, not: c.in.not, to: c.in.to, table: c.in.table}
		c.instruction(&s)
		c.steps = append(c.steps, s)
	}
}

func (c *compiler) findSpecial(a operand) {
	if a.kind == opSpecial {
		if _, ok := c.special[a.name]; !ok {
			c.special[a.name] = c.regs + len(c.special)
		}
	}
	for _, x := range a.list {
		c.findSpecial(x)
	}
}

// spoil makes registers what nobody wrote. The next block of a worker finds those of the
// last: a register that is read before it is written has any value.
func (p *program) spoil(w *warp) {
	for i := range p.regs {
		for l := range w.r[i] {
			w.r[i][l] = 0xffb6_b6b6_b6b6_b6b6
		}
	}
}

// fill sets the special registers of a warp.
func (p *program) fill(w *warp) {
	clear(w.p)
	b := w.block
	size, grid := b.run.launch.Block, b.run.launch.Grid
	for name, i := range p.special {
		base, axis, _ := strings.Cut(name, ".")
		d := max(strings.Index("xyz", axis), 0)
		for l := range w.r[i] {
			t := w.thread(l)
			var v int
			switch base {
			case "%tid":
				v = [3]int{t % size[0], t / size[0] % size[1], t / size[0] / size[1]}[d]
			case "%ntid":
				v = size[d]
			case "%ctaid":
				v = b.at[d]
			case "%nctaid":
				v = grid[d]
			case "%laneid":
				v = l
			case "%warpid":
				v = t / lanes
			case "%nwarpid":
				v = len(b.warps)
			case "%lanemask_eq":
				v = 1 << l
			case "%lanemask_lt":
				v = 1<<l - 1
			case "%lanemask_le":
				v = 1<<(l+1) - 1
			case "%lanemask_gt":
				v = int(^uint32(1<<(l+1) - 1))
			case "%lanemask_ge":
				v = int(^uint32(1<<l - 1))
			}
			w.r[i][l] = uint64(uint32(v))
		}
	}
}

var specials = map[string]bool{"%tid": true, "%ntid": true, "%ctaid": true, "%nctaid": true, "%laneid": true, "%warpid": true, "%nwarpid": true,
	"%lanemask_eq": true, "%lanemask_lt": true, "%lanemask_le": true, "%lanemask_gt": true, "%lanemask_ge": true}

// constant is the register of a number.
func (c *compiler) constant(v uint64) int {
	if i, ok := c.known[v]; ok {
		return i
	}
	x := &vector{}
	for l := range x {
		x[l] = v
	}
	i := c.vectors + len(c.constants)
	c.constants = append(c.constants, x)
	c.known[v] = i
	return i
}

// source is the register that an operand of so many bits is read from.
func (c *compiler) source(a operand, bits int) int {
	switch a.kind {
	case opRegister:
		if a.value != 0 {
			c.bad("a sum where a register is expected")
		}
		return a.reg
	case opImmediate:
		return c.constant(cut(a.value, bits))
	case opSpecial:
		base, _, _ := strings.Cut(a.name, ".")
		if !specials[base] {
			c.bad("special register %s is not modelled", a.name)
		}
		return c.special[a.name]
	case opSymbol:
		return c.constant(c.address(a))
	}
	c.bad("an operand of this kind is not modelled here")
	return 0
}

// address is where a symbol is.
func (c *compiler) address(a operand) uint64 {
	switch {
	case a.param != nil:
		return paramWindow + uint64(a.param.Offset) + a.value
	case a.at.space == "shared":
		return uint64(c.offset(a.at)) + a.value
	case a.at.space == "local":
		return localWindow + uint64(a.at.offset) + a.value
	}
	c.bad("variables in %s memory are not modelled", a.at.space)
	return 0
}

// offset is where a shared variable lies. Dynamic memory comes behind all others.
func (c *compiler) offset(o *object) int {
	if o.extern {
		return alignUp(c.entry.Shared, 16)
	}
	return o.offset
}

// dest is the register that a result goes to.
func (c *compiler) dest(a operand) int {
	if a.kind != opRegister {
		c.bad("the result goes to no register")
	}
	return a.reg
}

func (c *compiler) pred(a operand) int {
	if a.kind != opPredicate {
		c.bad("an operand is no predicate")
	}
	return a.reg
}

// want checks the number of operands.
func (c *compiler) want(n int) {
	if len(c.in.args) != n {
		c.bad("%d operands, and there should be %d", len(c.in.args), n)
	}
}

// typ is the last type of the instruction: its letter and bits.
func (c *compiler) typ() (letter byte, bits int) { return typeOf(c.in.op[len(c.in.op)-1]) }

func typeOf(s string) (letter byte, bits int) {
	switch s {
	case "pred":
		return 'p', 1
	case "bf16":
		return 'h', 16
	case "bf16x2":
		return 'h', 32
	case "f16x2":
		return 'f', 33
	}
	if len(s) < 2 {
		return 0, 0
	}
	if n := sizes[s[1:]]; n > 0 && strings.IndexByte("busf", s[0]) >= 0 {
		return s[0], n * 8
	}
	return 0, 0
}

func (c *compiler) has(mod string) bool {
	for _, m := range c.in.op[1:] {
		if m == mod {
			return true
		}
	}
	return false
}

func cut(v uint64, bits int) uint64 {
	if bits >= 64 {
		return v
	}
	return v & (1<<bits - 1)
}

func signed(v uint64, bits int) int64 { return int64(v<<(64-bits)) >> (64 - bits) }

// family makes the function of one instruction.
type family func(c *compiler, s *step)

var families map[string]family

// instruction fills in a step.
func (c *compiler) instruction(s *step) {
	f := families[c.in.op[0]]
	if f == nil {
		c.bad("this instruction is not modelled")
	}
	f(c, s)
}
