package cpu

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/internal/cpufeat"
)

// Instructions of one vector operation are joined: a chain (vec.Link) keeps what one of
// them computes in vector registers for the next one, where the strips of other
// instructions are stored and loaded again. A result that is needed later than by the
// next instruction is stored on the way. Instructions that have no link, such as exp,
// stay loops of their own between chains.

// chainForm is the links of an instruction of two operands: of the accumulator with
// memory or with a number, then with the accumulator as the second operand.
type chainForm struct{ memory, number, memoryFirst, numberFirst vec.ChainOp }

var chainBinary = map[string]chainForm{
	"add": {vec.ChainAdd, vec.ChainAddS, vec.ChainRAdd, vec.ChainAddS},
	"sub": {vec.ChainSub, vec.ChainSubS, vec.ChainRSub, vec.ChainRSubS},
	"mul": {vec.ChainMul, vec.ChainMulS, vec.ChainRMul, vec.ChainMulS},
	"div": {vec.ChainDiv, vec.ChainDivS, vec.ChainRDiv, vec.ChainRDivS},
	"max": {vec.ChainMax, vec.ChainMaxS, vec.ChainRMax, vec.ChainMaxS},
	"min": {vec.ChainMin, vec.ChainMinS, vec.ChainRMin, vec.ChainMinS},
	"lt":  {vec.ChainLt, vec.ChainLtS, vec.ChainGt, vec.ChainGtS},
	"le":  {vec.ChainLe, vec.ChainLeS, vec.ChainGe, vec.ChainGeS},
	"gt":  {vec.ChainGt, vec.ChainGtS, vec.ChainLt, vec.ChainLtS},
	"ge":  {vec.ChainGe, vec.ChainGeS, vec.ChainLe, vec.ChainLeS},
	"eq":  {vec.ChainEq, vec.ChainEqS, vec.ChainEq, vec.ChainEqS},
	"ne":  {vec.ChainNe, vec.ChainNeS, vec.ChainNe, vec.ChainNeS},
	"and": {vec.ChainAnd, vec.ChainAndS, vec.ChainAnd, vec.ChainAndS},
	"or":  {vec.ChainOr, vec.ChainOrS, vec.ChainOr, vec.ChainOrS},
	"xor": {vec.ChainXor, vec.ChainXorS, vec.ChainXor, vec.ChainXorS},
}

// chainUnary are the links of an instruction of one operand, with their numbers.
var chainUnary = map[string][]vec.Link{
	"float": {}, "copy": {},
	"neg":      {{Op: vec.ChainNeg}},
	"abs":      {{Op: vec.ChainAbs}},
	"sign":     {{Op: vec.ChainSign}},
	"step":     {{Op: vec.ChainGtS}},
	"floor":    {{Op: vec.ChainFloor}},
	"ceil":     {{Op: vec.ChainCeil}},
	"round":    {{Op: vec.ChainRound}},
	"trunc":    {{Op: vec.ChainTrunc}},
	"recip":    {{Op: vec.ChainRecip}},
	"sqrt":     {{Op: vec.ChainSqrt}},
	"rsqrt":    {{Op: vec.ChainRsqrt}},
	"not":      {{Op: vec.ChainEqS}},
	"isfinite": {{Op: vec.ChainAbs}, {Op: vec.ChainLeS, Number: math.MaxFloat32}},
	"isinf":    {{Op: vec.ChainAbs}, {Op: vec.ChainEqS, Number: float32(math.Inf(1))}},
	"isnan":    {{Op: vec.ChainAbs}, {Op: vec.ChainLeS, Number: float32(math.Inf(1))}, {Op: vec.ChainEqS}},
}

// chainable reports whether an instruction has links.
func (in *mapInstr) chainable() bool {
	if _, ok := chainBinary[in.op]; ok {
		return true
	}
	_, ok := chainUnary[in.op]
	return ok || in.op == "where"
}

// mapJoiner makes steps of instructions.
type mapJoiner[T lane] struct {
	*mapping[T]
	list    []mapInstr
	lastUse []int // where the result of an instruction is used last
	acc     int   // the instruction whose result is in the accumulator, -1 for none
	saved   bool  // it is in its register too
	first   int   // link of the chain
	joined  int   // instructions of the chain
}

// join makes steps of the instructions, of which the last one gives the result.
func (m *mapping[T]) join(list []mapInstr) {
	j := mapJoiner[T]{mapping: m, list: list, lastUse: make([]int, len(list)), acc: -1}
	for i := range list {
		for k, a := range list[i].args {
			if a.kind == argReg {
				j.lastUse[list[i].from[k]] = i
			}
		}
	}
	j.lastUse[len(list)-1] = len(list)
	for i := range list {
		if m.lanes.chain == nil || !list[i].chainable() {
			j.end(i)
			j.alone(i)
		} else {
			j.add(i)
		}
	}
	j.end(len(list))
}

// alone makes a step of one instruction.
func (j *mapJoiner[T]) alone(i int) {
	in := &j.list[i]
	f := j.lanes.vector(in.op, in.scalar())
	if f == nil {
		f = slow(j.lanes.of(in.op))
	}
	j.steps = append(j.steps, mapStep[T]{dst: in.dst, args: in.args, run: f})
	if j.stream && i == len(j.list)-1 { // from its register, which is in the cache
		j.link(vec.ChainGet, mapArg{argReg, in.dst})
		j.acc, j.joined = i, 2
	}
}

// add continues the chain with an instruction, or begins one.
func (j *mapJoiner[T]) add(i int) {
	in := &j.list[i]
	at, again := -1, false // the operand that is the accumulator, and whether another one is
	for k, a := range in.args {
		if a.kind == argReg && in.from[k] == j.acc {
			again = at >= 0
			if !again {
				at = k
			}
		}
	}
	square := again && in.op == "mul"
	save := again && !square || j.acc >= 0 && j.lastUse[j.acc] > i
	if in.op == "where" && in.args[0].kind == argNumber && at > 0 {
		at, save = -1, true // the condition has to be the accumulator
	}
	if save {
		j.save()
	}
	if at < 0 {
		at = 0
		if in.args[0].kind == argNumber && in.args[1].kind > argNumber && in.op != "where" {
			at = 1
		}
		j.link(kinds(vec.ChainGet, vec.ChainGetS, in.args[at]), in.args[at])
	}
	switch form, binary := chainBinary[in.op]; {
	case square:
		j.link(vec.ChainSquare, mapArg{})
	case in.op == "where":
		j.where(in, at)
	case binary && at == 0:
		j.link(kinds(form.memory, form.number, in.args[1]), in.args[1])
	case binary:
		j.link(kinds(form.memoryFirst, form.numberFirst, in.args[0]), in.args[0])
	default:
		for _, l := range chainUnary[in.op] {
			j.link(l.Op, mapArg{})
			j.template[len(j.template)-1].Number = l.Number
		}
	}
	j.acc, j.saved, j.joined = i, false, j.joined+1
}

// where adds the links of a choice whose operand at is the accumulator.
func (j *mapJoiner[T]) where(in *mapInstr, at int) {
	c, a, b := in.args[0], in.args[1], in.args[2]
	switch at {
	case 0:
		j.link(kinds(kinds(vec.ChainIfMM, vec.ChainIfSM, a), kinds(vec.ChainIfMS, vec.ChainIfSS, a), b), a)
		j.link(vec.ChainEnd, b)
	case 1:
		j.link(kinds(vec.ChainThenM, vec.ChainThenS, b), c)
		j.link(vec.ChainEnd, b)
	default:
		j.link(kinds(vec.ChainElseM, vec.ChainElseS, a), c)
		j.link(vec.ChainEnd, a)
	}
}

// kinds is the instruction for an operand in memory or for a number.
func kinds(memory, number vec.ChainOp, a mapArg) vec.ChainOp {
	if a.kind == argNumber {
		return number
	}
	return memory
}

func (j *mapJoiner[T]) link(op vec.ChainOp, a mapArg) {
	j.links, j.template = append(j.links, a), append(j.template, vec.Link{Op: op})
}

// save stores the accumulator in the register of its result.
func (j *mapJoiner[T]) save() {
	if !j.saved {
		j.link(vec.ChainPut, mapArg{argReg, j.list[j.acc].dst})
		j.saved, j.spills = true, true
	}
}

// end ends the chain before instruction i.
func (j *mapJoiner[T]) end(i int) {
	if j.acc < 0 {
		return
	}
	in, last := &j.list[j.acc], i == len(j.list)
	st := mapStep[T]{dst: in.dst, args: in.args}
	if j.joined == 1 && !(last && j.stream) {
		st.run = j.lanes.vector(in.op, in.scalar()) // has one loop the less
	}
	if st.run != nil {
		j.links, j.template = j.links[:j.first], j.template[:j.first]
	} else {
		if last {
			j.link(vec.ChainPut, mapArg{kind: argResult})
		} else {
			j.save()
		}
		j.link(vec.ChainEnd, mapArg{})
		st.first, st.end = j.first, len(j.links)
	}
	j.steps = append(j.steps, st)
	j.first, j.acc, j.saved, j.joined = len(j.links), -1, false, 0
}

// streams reports whether the operands are too large for the caches to keep any of the
// result for whoever reads it.
func (m *mapping[T]) streams() bool {
	bytes := m.out.bytes
	for i := range m.in {
		if m.in[i].dense {
			bytes += m.in[i].bytes
		}
	}
	return m.lanes.chain != nil && m.out.linear && m.out.DType == m.lanes.dtype && bytes >= streamed()
}

// streamed is the size of operands from which results are stored past the caches.
var streamed = sync.OnceValue(func() int {
	if n := cpufeat.Caches().L3; n > 0 {
		return n
	}
	return 32 << 20
})

// beginChains sets the numbers of links for a run.
func (m *mapping[T]) beginChains() {
	put := vec.ChainPut
	if m.stream && !m.inPlace() {
		put = vec.ChainStream
	}
	for i, a := range m.links {
		switch a.kind {
		case argNumber:
			m.template[i].Number = float32(m.numbers[a.index])
		case argResult:
			m.template[i].Op = put
		}
	}
}

// inPlace reports whether the result goes where an operand is, and so is in a cache
// when it is stored.
func (m *mapping[T]) inPlace() bool {
	for i := range m.in {
		if m.in[i].dense && &m.in[i].mem[0] == &m.out.mem[0] {
			return true
		}
	}
	return false
}

// chain runs the links of a step on k elements.
func (m *mapping[T]) chain(s *mapScratch[T], st *mapStep[T], dst []T, k int) {
	links := s.links[st.first:st.end]
	for i, a := range m.links[st.first:st.end] {
		switch a.kind {
		case argInput:
			links[i].Mem = m.lanes.view(s.views[a.index])
		case argReg:
			links[i].Mem = m.lanes.view(grow(&s.regs[a.index], k))
		case argResult:
			links[i].Mem = m.lanes.view(dst)
		}
	}
	m.lanes.chain(links, k)
}

// simpleChain computes elements lo to hi of a plain mapping that is a chain.
func (m *mapping[T]) simpleChain(lo, hi int) {
	if m.out.n <= grain { // the only part of this run
		m.partChain(m.template, lo, hi)
		return
	}
	s := m.take()
	m.partChain(s.links, lo, hi)
	m.leave(s)
}

func (m *mapping[T]) partChain(links []vec.Link, lo, hi int) {
	for i, a := range m.links {
		switch a.kind {
		case argInput:
			links[i].Mem = m.lanes.view(m.part(&m.in[a.index], lo, hi))
		case argResult:
			links[i].Mem = m.lanes.view(m.part(&m.out, lo, hi))
		}
	}
	m.lanes.chain(links, hi-lo)
}
