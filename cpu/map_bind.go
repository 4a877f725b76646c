package cpu

import "github.com/crease-ml/crease/ops/expr"

// mapArg is an operand of an instruction.
type mapArg struct {
	kind  mapArgKind
	index int
}

type mapArgKind uint8

const (
	argNone   mapArgKind = iota
	argNumber            // one of mapping.numbers
	argReg
	argInput
	argResult // where the call's result goes
)

// mapInstr is an instruction whose result is not the same for every element.
type mapInstr struct {
	op   string
	dst  int // a register
	args [3]mapArg
	from [3]int // for registers, the instruction whose result they hold
}

// scalar flags the operands that are one number.
func (in *mapInstr) scalar() (flags [3]bool) {
	for i, a := range in.args {
		flags[i] = a.kind == argNumber
	}
	return flags
}

// mapUniform is an instruction on numbers alone.
type mapUniform[T lane] struct {
	dst  int
	args [3]int // numbers; -1 for none
	f    func(a, b, c T) T
}

// mapBinder resolves the operands of a program.
type mapBinder[T lane] struct {
	*mapping[T]
	params []float64
	fixed  map[int]bool // numbers that are the same for every run
	known  [mapRegs]int // numbers that registers hold at this point, -1 for none
	holds  [mapRegs]int // instructions whose results registers hold at this point
}

// bind resolves operands, computes at once what is the same for every run, and finds the
// functions.
func (m *mapping[T]) bind(prog *expr.Program, params []float64) {
	b := mapBinder[T]{mapping: m, params: params, fixed: map[int]bool{}}
	for i := range b.known {
		b.known[i] = -1
	}
	list := make([]mapInstr, 0, len(prog.Instrs))
	for _, in := range prog.Instrs {
		r, single, constant := b.resolve(&in)
		if single {
			b.compute(&r, constant)
			continue
		}
		b.known[in.Dst], b.holds[in.Dst] = -1, len(list)
		list = append(list, r)
	}
	if k := b.known[prog.Out]; k >= 0 {
		m.result = mapArg{argNumber, k}
		return
	}
	m.result = mapArg{argReg, prog.Out}
	b.join(list)
}

// resolve finds the operands of an instruction. single says that all are numbers, and
// constant that they are the same for every run.
func (b *mapBinder[T]) resolve(in *expr.Instr) (r mapInstr, single, constant bool) {
	r = mapInstr{op: in.Op, dst: in.Dst}
	single, constant = true, true
	for i, a := range in.Args {
		r.args[i] = b.arg(a)
		switch r.args[i].kind {
		case argNone:
		case argNumber:
			constant = constant && b.fixed[r.args[i].index]
		case argReg:
			r.from[i] = b.holds[a.Index]
			fallthrough
		default:
			single = false
		}
	}
	return r, single, constant
}

func (b *mapBinder[T]) arg(a expr.Arg) mapArg {
	switch a.Kind {
	case expr.None:
		return mapArg{}
	case expr.Const:
		return b.number(b.lanes.number(a.Value))
	case expr.Param:
		return b.number(b.lanes.number(b.params[a.Index]))
	case expr.Input:
		for k, i := range b.scalars {
			if i == a.Index {
				return mapArg{argNumber, k}
			}
		}
		return mapArg{argInput, a.Index}
	}
	if k := b.known[a.Index]; k >= 0 {
		return mapArg{argNumber, k}
	}
	return mapArg{argReg, a.Index}
}

// number is a number that is the same for every run.
func (b *mapBinder[T]) number(v T) mapArg {
	k := len(b.numbers)
	b.numbers, b.fixed[k] = append(b.numbers, v), true
	return mapArg{argNumber, k}
}

// compute makes a number of an instruction on numbers.
func (b *mapBinder[T]) compute(in *mapInstr, constant bool) {
	u := mapUniform[T]{dst: b.number(0).index, args: [3]int{-1, -1, -1}, f: b.lanes.of(in.op)}
	for i, a := range in.args {
		if a.kind == argNumber {
			u.args[i] = a.index
		}
	}
	b.known[in.dst] = u.dst
	if b.mapping.compute(&u); !constant {
		delete(b.fixed, u.dst)
		b.uniform = append(b.uniform, u)
	}
}

func (m *mapping[T]) compute(u *mapUniform[T]) {
	var v [3]T
	for i, k := range u.args {
		if k >= 0 {
			v[i] = m.numbers[k]
		}
	}
	m.numbers[u.dst] = u.f(v[0], v[1], v[2])
}

// begin reads the operands that are one number and computes what follows from them.
func (m *mapping[T]) begin() {
	for k, i := range m.scalars {
		m.load(&m.in[i], m.numbers[k:k+1], m.in[i].Offset, 0, 1)
	}
	for i := range m.uniform {
		m.compute(&m.uniform[i])
	}
	if m.links != nil {
		m.beginChains()
	}
}

// slow applies a function element by element; numbers are slices of one.
func slow[T lane](f func(a, b, c T) T) func(dst, a, b, c []T) {
	at := func(s []T, i int) T {
		switch len(s) {
		case 0:
			return 0
		case 1:
			return s[0]
		}
		return s[i]
	}
	return func(dst, a, b, c []T) {
		for i := range dst {
			dst[i] = f(at(a, i), at(b, i), at(c, i))
		}
	}
}
