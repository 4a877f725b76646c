package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The layout of a vec.Link.
const (
	linkMem    = 0
	linkNumber = 24
	linkOp     = 28
	linkSize   = 32
)

// chain is the function that runs a chain of instructions. It has several forms of every
// instruction: on all vectors of the accumulator, and on what is left then. Each form has
// a table of jumps in the order of the constants of package vec, eight bytes a jump, and
// every instruction ends by jumping to the entry of the next one.
type chain struct {
	*emitter
	ops []chainOp
	acc []vec

	links, link  reg.GPVirtual // the first instruction and the current one
	at, last, n  reg.GPVirtual // bytes done, those at which a form ends, and all
	table, entry reg.GPVirtual // the form's table, and the entry to jump to
	streamed     reg.GPVirtual // not zero if something was stored around the cache
}

// form is one of the forms that instructions have.
type form struct {
	*chain
	name    string
	vectors int
	masks   []Op // the lanes of each vector, nil if they are all there
}

// chainOp is an instruction. operands has a letter for each of its links: M for memory,
// S for a number, D for memory that is written.
type chainOp struct {
	name     string
	operands string
	// prepare loads what all vectors share, and returns what is done to each of them.
	prepare func(f *form, x []source) func(v int, acc vec)
}

// source gives the part of an operand that belongs to vector v of the accumulator. What
// is memory stays there, unless it is read through a mask or written.
type source func(v int) Op

// tableAt is where the tables begin, behind the instructions that set up registers.
const tableAt = 64

// emit writes the function.
func (c *chain) emit() {
	name := "chain" + c.suffix
	TEXT(name, attr.NOSPLIT, "func(links *byte, n int)")
	Pragma("noescape")
	Doc(name + " runs a chain of vec.Link on n elements, see Funcs.Chain.")
	c.links = Load(Param("links"), GP64()).(reg.GPVirtual)
	c.n = Load(Param("n"), GP64()).(reg.GPVirtual)
	c.link, c.at, c.last, c.table, c.entry, c.streamed = GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	forms := c.forms()
	for range forms[0].vectors {
		c.acc = append(c.acc, c.vec())
	}
	SHLQ(U8(2), c.n)
	XORQ(c.at, c.at)
	XORQ(c.streamed, c.streamed)
	LEAQ(NewDataAddr(Symbol{Name: "·" + name}, tableAt), c.table)
	JMP(LabelRef("wide"))

	c.align(tableAt)
	for _, f := range forms {
		for i := range c.ops {
			c.align(8)
			JMP(LabelRef(f.label(i)))
		}
	}
	c.align(16)

	Label("wide")
	for _, f := range forms[:len(forms)-1] {
		// last is where the form can begin for the last time.
		MOVQ(c.n, c.last)
		SUBQ(U32(f.bytes()), c.last)
		c.again(f)
		Label("under_" + f.name)
		ADDQ(U32(8*len(c.ops)), c.table)
	}
	part := forms[len(forms)-1]
	Label("part")
	rest := GP64()
	MOVQ(c.n, rest)
	SUBQ(c.at, rest)
	JLE(LabelRef("done"))
	SHRQ(U8(2), rest)
	next := c.tailMasks(rest)
	for v := range part.vectors {
		part.masks = append(part.masks, next(v))
	}
	c.first(part)

	for _, f := range forms {
		for i := range c.ops {
			c.align(16)
			Label(f.label(i))
			f.instruction(&c.ops[i])
		}
	}
	Label("done")
	TESTQ(c.streamed, c.streamed)
	JZ(LabelRef("return"))
	SFENCE()
	Label("return")
	VZEROUPPER()
	RET()
}

// forms are the forms of the level, from many elements to few. The jump to the next
// instruction costs as much as two vectors of AVX-512 and four of AVX2, so that blocks
// are large. Masked stores are slow on AVX2.
func (c *chain) forms() []*form {
	if c.bits == 512 {
		return []*form{{chain: c, name: "wide", vectors: 8}, {chain: c, name: "part", vectors: 4}}
	}
	return []*form{
		{chain: c, name: "wide", vectors: 12}, {chain: c, name: "few", vectors: 4},
		{chain: c, name: "one", vectors: 1}, {chain: c, name: "part", vectors: 1},
	}
}

func (f *form) label(op int) string { return f.name + f.ops[op].name }

// bytes is how much of an operand the form takes at once.
func (f *form) bytes() int { return f.vectors * f.bits / 8 }

// again begins with the next elements, if the form has enough of them.
func (c *chain) again(f *form) {
	CMPQ(c.at, c.last)
	JG(LabelRef("under_" + f.name))
	c.first(f)
}

// first goes to the first instruction.
func (c *chain) first(f *form) {
	MOVQ(c.links, c.link)
	c.jump(f, linkOp)
}

// jump goes to the instruction whose number is at an offset from the current link. Its
// inputs are all that instructions find in registers, so that the allocator keeps them.
func (c *chain) jump(f *form, number int) {
	MOVL(Mem{Base: c.link, Disp: number}, c.entry.As32())
	if number != linkOp {
		ADDQ(U32(number-linkOp), c.link)
	}
	LEAQ(Mem{Base: c.table, Index: c.entry, Scale: 8}, c.entry)
	in := []Op{c.links, c.link, c.at, c.last, c.n, c.table, c.entry, c.streamed}
	for _, a := range c.acc[:f.vectors] {
		in = append(in, a)
	}
	in = append(in, f.masks...)
	Instruction(&ir.Instruction{Opcode: "JMP", Operands: []Op{c.entry}, Inputs: in, IsTerminal: true})
}

// align pads with instructions that do nothing.
func (c *chain) align(bytes int) {
	Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []Op{Imm(uint64(bytes))}})
}

// instruction writes one form of an instruction.
func (f *form) instruction(op *chainOp) {
	if op.prepare == nil {
		f.end()
		return
	}
	var x []source
	for i, kind := range op.operands {
		x = append(x, f.source(i*linkSize, kind))
	}
	do := op.prepare(f, x)
	for v := range f.vectors {
		do(v, f.acc[v])
	}
	step := max(1, len(x)) * linkSize
	if op.operands == "D" { // often the last instruction, which saves a jump
		CMPL(Mem{Base: f.link, Disp: step + linkOp}, U8(0))
		JEQ(LabelRef(f.label(0)))
	}
	f.jump(f, step+linkOp)
}

// end goes on with the next elements.
func (f *form) end() {
	ADDQ(U32(f.bytes()), f.at)
	if f.masks != nil {
		JMP(LabelRef("part"))
	} else {
		f.again(f)
	}
}

// source is the operand of the link at an offset from the current one.
func (f *form) source(offset int, kind rune) source {
	if kind == 'S' {
		x := f.broadcast(Mem{Base: f.link, Disp: offset + linkNumber})
		return func(int) Op { return x }
	}
	p := GP64()
	MOVQ(Mem{Base: f.link, Disp: offset + linkMem}, p)
	return func(v int) Op {
		m := Mem{Base: p, Index: f.at, Scale: 1, Disp: v * f.bits / 8}
		if kind == 'M' && f.masks != nil {
			return f.loadMasked(m, f.masks[v])
		}
		return m
	}
}

// register is an operand in a register.
func (f *form) register(x Op) vec {
	if m, ok := x.(Mem); ok {
		return f.load(m)
	}
	return x.(vec)
}
