package devicec

import (
	"fmt"
	"slices"
	"strings"
)

// Target is what a driver's assembler is told of the hardware.
type Target struct {
	PTX int // the version of the language times 10: 70
	SM  int // the least compute capability times 10: 80
}

// Compile is a kernel's text as PTX. The text has one kernel.
func Compile(src string, to Target) (ptx string, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *syntaxError:
			err = r
		default:
			panic(r)
		}
	}()
	p := newParser(preprocess(src))
	p.unit()
	if len(p.kernels) != 1 {
		fail(0, "the text has %d kernels; it must have one", len(p.kernels))
	}
	inMemory := map[*decl]bool{}
	for {
		g := newGenerator(p.kernels[0], p.functions, inMemory)
		if g.try() {
			return g.text(to), nil
		}
	}
}

// generator emits the code of a kernel.
type generator struct {
	*emitter
	kernel    *function
	functions map[string]*function
	// inMemory are the arrays that are indexed by what is not known here, so that
	// their elements cannot be registers. It grows until a try succeeds.
	inMemory map[*decl]bool
	vars     map[*decl]*variable
	values   map[string]int // parameters by name: what is loaded of them
	loops    []*target
	frame    *frame
	active   []*function
	globals  strings.Builder // declarations of shared and local memory
	arrays   int
	tile     int  // words of arrays that are kept in registers
	dead     bool // nothing comes here
}

// variable is where a variable is.
type variable struct {
	value           // of one that does not change
	mutable  bool   // value.reg is written
	elements []int  // registers of a small array
	memory   string // the name of an array in shared or local memory
	space    string // its space
}

// target is where break and continue go.
type target struct {
	leave, again         string
	usedLeave, usedAgain bool
	isSwitch             bool
}

// frame is a function that is being inlined.
type frame struct {
	fn     *function
	result int // a register, -1: none
	end    string
	used   bool
	only   *leave // the only return, at the end: it needs no branch
	value  value  // what that returns
}

// restart is thrown where an array turns out to belong in memory.
type restart struct{ of *decl }

func newGenerator(k *function, functions map[string]*function, inMemory map[*decl]bool) *generator {
	return &generator{
		emitter: newEmitter(), kernel: k, functions: functions, inMemory: inMemory,
		vars: map[*decl]*variable{}, values: map[string]int{}, frame: &frame{fn: k, result: -1, end: "$end"},
	}
}

// try generates the kernel. It is false where it has to be done again.
func (g *generator) try() (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			again, is := r.(restart)
			if !is || g.inMemory[again.of] {
				panic(r)
			}
			g.inMemory[again.of] = true
		}
	}()
	for _, d := range g.kernel.params {
		switch d.typ.kind {
		case pointer:
			raw := g.once(longs, "raw "+d.name, "ld.param.u64", operand{reg: -1, text: g.param(d), memory: true})
			r := g.once(longs, "global "+d.name, "cvta.to.global.u64", operand{reg: raw})
			g.vars[d] = &variable{value: value{kind: pointer, reg: r, elem: d.typ.elem}}
		case structure:
			g.vars[d] = &variable{}
		default:
			fail(d.line, "the kernel's parameter %s is neither a pointer nor a structure", d.name)
		}
	}
	g.block(g.kernel.body)
	if g.frame.used {
		g.place(g.frame.end)
	}
	g.effect("ret", -1)
	g.sweep()
	return true
}

// param is the name of a parameter in PTX.
func (g *generator) param(d *decl) string {
	return fmt.Sprintf("%s_param_%d", g.kernel.name, slices.Index(g.kernel.params, d))
}

// largeTile is a tile above which a block may have all registers: the assembler would
// rather spill a few than have fewer blocks at a time.
const largeTile = 32

// text is the whole module.
func (g *generator) text(to Target) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".version %d.%d\n.target sm_%d\n.address_size 64\n\n.visible .entry %s(", to.PTX/10, to.PTX%10, to.SM, g.kernel.name)
	for i, d := range g.kernel.params {
		if i > 0 {
			b.WriteByte(',')
		}
		if d.typ.kind == pointer {
			fmt.Fprintf(&b, "\n\t.param .u64 %s", g.param(d))
		} else {
			fmt.Fprintf(&b, "\n\t.param .align %d .b8 %s[%d]", d.typ.align(), g.param(d), d.typ.size())
		}
	}
	b.WriteString("\n)\n")
	if g.kernel.bound > 0 {
		fmt.Fprintf(&b, ".maxntid %d, 1, 1\n", g.kernel.bound)
		if g.tile > largeTile {
			b.WriteString(".minnctapersm 1\n")
		}
	}
	b.WriteString("{\n")
	b.WriteString(g.globals.String())
	g.write(&b)
	b.WriteString("}\n")
	return b.String()
}

// array declares an array in memory and is its name.
func (g *generator) array(d *decl, space string) string {
	g.arrays++
	name := fmt.Sprintf("%s_%s_%d", space, d.name, g.arrays)
	fmt.Fprintf(&g.globals, "\t.%s .align %d .b8 %s[%d];\n", space, 16, name, d.typ.size())
	return name
}

// asOperand is a value as it stands in an instruction.
func (g *generator) asOperand(v value) operand {
	if v.known {
		return immediate(v)
	}
	return operand{reg: g.inRegister(v).reg}
}

// inRegister adds what is to be added to a register; constants come into one. A
// predicate becomes a number.
func (g *generator) inRegister(v value) value {
	c := classOf(v.kind)
	switch {
	case v.logical:
		return value{kind: v.kind, reg: g.pure(words, "selp.b32", text("1"), text("0"), operand{reg: v.reg}), elem: v.elem}
	case v.known:
		return value{kind: v.kind, reg: g.pure(c, "mov."+moveType(c), immediate(v)), elem: v.elem}
	case v.i != 0 && !v.kind.float():
		k := v.kind
		if k == pointer {
			k = s64
		}
		return value{kind: v.kind, reg: g.pure(c, "add."+k.ptx(), operand{reg: v.reg}, immediate(intValue(k, v.i))), elem: v.elem}
	}
	return v
}
