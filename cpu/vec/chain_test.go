package vec

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// chainTwin says what an instruction computes by separate primitives: from the
// accumulator a and the operands x and y, which for numbers are spread over a slice.
type chainTwin struct {
	name     string
	op       ChainOp
	operands string // M memory, S number
	run      func(fn *Funcs, dst, a, x, y []float32)
}

func unaryTwin(f func(fn *Funcs) Unary) func(fn *Funcs, dst, a, x, y []float32) {
	return func(fn *Funcs, dst, a, _, _ []float32) { f(fn)(dst, a) }
}

func binaryTwin(f func(fn *Funcs) Binary) func(fn *Funcs, dst, a, x, y []float32) {
	return func(fn *Funcs, dst, a, x, _ []float32) { f(fn)(dst, a, x) }
}

func reversedTwin(f func(fn *Funcs) Binary) func(fn *Funcs, dst, a, x, y []float32) {
	return func(fn *Funcs, dst, a, x, _ []float32) { f(fn)(dst, x, a) }
}

func scalarTwin(f func(fn *Funcs) Scalar) func(fn *Funcs, dst, a, x, y []float32) {
	return func(fn *Funcs, dst, a, x, _ []float32) {
		if len(x) > 0 {
			f(fn)(dst, a, x[0])
		}
	}
}

// logicTwin is logic on the truth of both operands.
func logicTwin(f func(a, b bool) bool) func(fn *Funcs, dst, a, x, y []float32) {
	return func(_ *Funcs, dst, a, x, _ []float32) {
		for i := range dst {
			dst[i] = 0
			if f(a[i] != 0, x[i] != 0) {
				dst[i] = 1
			}
		}
	}
}

func chainTwins() []chainTwin {
	and := logicTwin(func(a, b bool) bool { return a && b })
	or := logicTwin(func(a, b bool) bool { return a || b })
	xor := logicTwin(func(a, b bool) bool { return a != b })
	cond := func(fn *Funcs, dst, a, x, y []float32) { fn.Where(dst, a, x, y) }
	then := func(fn *Funcs, dst, a, x, y []float32) { fn.Where(dst, x, a, y) }
	otherwise := func(fn *Funcs, dst, a, x, y []float32) { fn.Where(dst, x, y, a) }
	list := []chainTwin{
		{"Get", ChainGet, "M", func(_ *Funcs, dst, _, x, _ []float32) { copy(dst, x) }},
		{"GetS", ChainGetS, "S", func(_ *Funcs, dst, _, x, _ []float32) { copy(dst, x) }},
		{"Add", ChainAdd, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Add })},
		{"AddS", ChainAddS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.AddS })},
		{"RAdd", ChainRAdd, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Add })},
		{"Sub", ChainSub, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Sub })},
		{"SubS", ChainSubS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.SubS })},
		{"RSub", ChainRSub, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Sub })},
		{"RSubS", ChainRSubS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.RSubS })},
		{"Mul", ChainMul, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Mul })},
		{"MulS", ChainMulS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.MulS })},
		{"RMul", ChainRMul, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Mul })},
		{"Div", ChainDiv, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Div })},
		{"DivS", ChainDivS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.DivS })},
		{"RDiv", ChainRDiv, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Div })},
		{"RDivS", ChainRDivS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.RDivS })},
		{"Min", ChainMin, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Min })},
		{"MinS", ChainMinS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.MinS })},
		{"RMin", ChainRMin, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Min })},
		{"Max", ChainMax, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Max })},
		{"MaxS", ChainMaxS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.MaxS })},
		{"RMax", ChainRMax, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Max })},
		{"Lt", ChainLt, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Lt })},
		{"LtS", ChainLtS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.LtS })},
		{"Le", ChainLe, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Le })},
		{"LeS", ChainLeS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.LeS })},
		{"Gt", ChainGt, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Lt })},
		{"GtS", ChainGtS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.GtS })},
		{"Ge", ChainGe, "M", reversedTwin(func(fn *Funcs) Binary { return fn.Le })},
		{"GeS", ChainGeS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.GeS })},
		{"Eq", ChainEq, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Eq })},
		{"EqS", ChainEqS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.EqS })},
		{"Ne", ChainNe, "M", binaryTwin(func(fn *Funcs) Binary { return fn.Ne })},
		{"NeS", ChainNeS, "S", scalarTwin(func(fn *Funcs) Scalar { return fn.NeS })},
		{"And", ChainAnd, "M", and}, {"AndS", ChainAndS, "S", and},
		{"Or", ChainOr, "M", or}, {"OrS", ChainOrS, "S", or},
		{"Xor", ChainXor, "M", xor}, {"XorS", ChainXorS, "S", xor},
		{"IfMM", ChainIfMM, "MM", cond}, {"IfMS", ChainIfMS, "MS", cond},
		{"IfSM", ChainIfSM, "SM", cond}, {"IfSS", ChainIfSS, "SS", cond},
		{"ThenM", ChainThenM, "MM", then}, {"ThenS", ChainThenS, "MS", then},
		{"ElseM", ChainElseM, "MM", otherwise}, {"ElseS", ChainElseS, "MS", otherwise},
		{"Square", ChainSquare, "", func(fn *Funcs, dst, a, _, _ []float32) { fn.Mul(dst, a, a) }},
	}
	for name, op := range map[string]ChainOp{
		"Neg": ChainNeg, "Abs": ChainAbs, "Sqrt": ChainSqrt, "Rsqrt": ChainRsqrt, "Recip": ChainRecip,
		"Floor": ChainFloor, "Ceil": ChainCeil, "Round": ChainRound, "Trunc": ChainTrunc, "Sign": ChainSign,
	} {
		list = append(list, chainTwin{name, op, "", unaryTwin(func(fn *Funcs) Unary { return primitives[Unary](fn)[name] })})
	}
	return list
}

// chainMemory hands out slices of n elements before memory faults, with values on
// either side that must stay.
type chainMemory struct {
	t      *testing.T
	rng    *rand.Rand
	blocks [][]float32
	used   int
}

const (
	guardLanes = 9
	guardValue = 12345
)

// reset takes all slices back.
func (m *chainMemory) reset() { m.used = 0 }

// next is n elements that end misaligned elements before the fault. They begin at any
// address that float32 may have.
func (m *chainMemory) next(n, misaligned int) []float32 {
	if m.used == len(m.blocks) {
		m.blocks = append(m.blocks, guarded(m.t, chainLongest+2*guardLanes))
	}
	b := m.blocks[m.used]
	m.used++
	end := len(b) - misaligned
	for i := end; i < len(b); i++ {
		b[i] = guardValue
	}
	for i := range guardLanes {
		b[end-n-1-i] = guardValue
	}
	s := b[end-n : end : end]
	fill(m.rng, s)
	if n > 0 && m.rng.IntN(3) == 0 { // numbers are often these
		s[0] = []float32{0, 1, float32(math.NaN()), float32(math.Copysign(0, -1))}[m.rng.IntN(4)]
	}
	return s
}

// check fails if a guard was overwritten.
func (m *chainMemory) check(what string, s []float32, misaligned int) {
	m.t.Helper()
	for _, b := range m.blocks[:m.used] {
		end := len(b) - misaligned
		for i := end; i < len(b); i++ {
			if b[i] != guardValue {
				m.t.Fatalf("%s of %d elements wrote behind an operand", what, len(s))
			}
		}
		for i := range guardLanes {
			if b[end-len(s)-1-i] != guardValue {
				m.t.Fatalf("%s of %d elements wrote before an operand", what, len(s))
			}
		}
	}
}

const chainLongest = 5000

func chainLengths() []int {
	var n []int
	for i := range 201 {
		n = append(n, i)
	}
	return append(n, 255, 256, 257, 1023, 1024, 1025, chainLongest)
}

// operand is a slice of an instruction's operand, and the link's fields.
func (m *chainMemory) operand(kind byte, n, misaligned int) ([]float32, Link) {
	s := m.next(n, misaligned)
	if kind == 'M' {
		return s, Link{Mem: s}
	}
	all := make([]float32, n)
	if n == 0 {
		return all, Link{}
	}
	return spread(all, s[0]), Link{Number: s[0]}
}

// link makes the links of an instruction, and its operands as slices.
func (m *chainMemory) link(c *chainTwin, n, misaligned int) (links []Link, operands [2][]float32) {
	links = []Link{{}}
	for i := range c.operands {
		var l Link
		operands[i], l = m.operand(c.operands[i], n, misaligned)
		links = append(links[:i], l)
	}
	links[0].Op = c.op
	return links, operands
}

// identical reports that bits are equal, those of NaN included.
func identical(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }

// TestChainInstructions compares each instruction with the separate primitive of its
// level, in all bits.
func TestChainInstructions(t *testing.T) {
	twins := chainTwins()
	seen := map[ChainOp]bool{ChainEnd: true, ChainPut: true, ChainStream: true}
	for _, c := range twins {
		seen[c.op] = true
	}
	for op := range chainOps {
		if !seen[op] {
			t.Errorf("instruction %d is not compared", op)
		}
	}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		m := &chainMemory{t: t, rng: rand.New(rand.NewPCG(5, 8))}
		for _, c := range twins {
			for i, n := range chainLengths() {
				for _, put := range []ChainOp{ChainPut, ChainStream} {
					m.reset()
					misaligned := 0
					if put == ChainPut {
						misaligned = i % guardLanes
					}
					a, dst := m.next(n, misaligned), m.next(n, misaligned)
					links, x := m.link(&c, n, misaligned)
					want := make([]float32, n)
					c.run(fn, want, a, x[0], x[1])
					links = append([]Link{{Op: ChainGet, Mem: a}}, links...)
					fn.Chain(append(links, Link{Op: put, Mem: dst}, Link{Op: ChainEnd}), n)
					for i := range want {
						if !identical(dst[i], want[i]) {
							t.Fatalf("%s of %d elements: element %d of %g, %g, %g is %g (%#x), want %g (%#x)", c.name, n, i, a[i],
								append(x[0], 0)[min(i, len(x[0]))], append(x[1], 0)[min(i, len(x[1]))],
								dst[i], math.Float32bits(dst[i]), want[i], math.Float32bits(want[i]))
						}
					}
					m.check(c.name, dst, misaligned)
				}
			}
		}
	})
}

// TestChains compares random chains, which also store and read back what they stored,
// with the same primitives one after the other.
func TestChains(t *testing.T) {
	twins := chainTwins()
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		m := &chainMemory{t: t, rng: rand.New(rand.NewPCG(6, 1))}
		lengths := chainLengths()
		for range rounds {
			m.reset()
			n, misaligned := lengths[m.rng.IntN(len(lengths)-1)], m.rng.IntN(guardLanes)
			acc := make([]float32, n)
			var names []string
			var links []Link
			type stored struct{ got, want []float32 }
			var memory []stored
			a := m.next(n, misaligned)
			links, acc = append(links, Link{Op: ChainGet, Mem: a}), append(acc[:0], a...)
			for range 1 + m.rng.IntN(16) {
				if m.rng.IntN(5) == 0 {
					dst := m.next(n, misaligned)
					memory = append(memory, stored{dst, append([]float32(nil), acc...)})
					links = append(links, Link{Op: ChainPut, Mem: dst})
					names = append(names, "Put")
					continue
				}
				c := &twins[m.rng.IntN(len(twins))]
				l, x := m.link(c, n, misaligned)
				for i := range c.operands {
					if c.operands[i] == 'M' && len(memory) > 0 && m.rng.IntN(2) == 0 {
						s := memory[m.rng.IntN(len(memory))]
						l[i].Mem, x[i] = s.got, s.want
					}
				}
				next := make([]float32, n)
				c.run(fn, next, acc, x[0], x[1])
				acc, links, names = next, append(links, l...), append(names, c.name)
			}
			dst := m.next(n, misaligned)
			memory = append(memory, stored{dst, acc})
			fn.Chain(append(links, Link{Op: ChainPut, Mem: dst}, Link{Op: ChainEnd}), n)
			what := strings.Join(names, " ")
			for _, s := range memory {
				for i := range s.want {
					if !identical(s.got[i], s.want[i]) {
						t.Fatalf("%s of %d elements: element %d is %g, want %g", what, n, i, s.got[i], s.want[i])
					}
				}
			}
			m.check(what, dst, misaligned)
		}
	})
}

// TestChainInPlace writes the result over the operands.
func TestChainInPlace(t *testing.T) {
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		rng := rand.New(rand.NewPCG(2, 2))
		for _, n := range chainLengths() {
			x, y, want := make([]float32, n), make([]float32, n), make([]float32, n)
			for _, dst := range [][]float32{x, y} {
				for i := range x {
					x[i], y[i] = rng.Float32()-0.5, rng.Float32()-0.5
					want[i] = max(float32(x[i]*y[i])+x[i], 0)
				}
				fn.Chain([]Link{
					{Op: ChainGet, Mem: x}, {Op: ChainMul, Mem: y}, {Op: ChainAdd, Mem: x}, {Op: ChainMaxS},
					{Op: ChainPut, Mem: dst}, {Op: ChainEnd},
				}, n)
				for i := range want {
					if dst[i] != want[i] {
						t.Fatalf("relu(x*y+x) of %d elements in place: element %d is %g, want %g", n, i, dst[i], want[i])
					}
				}
			}
		}
	})
}

// TestChainPanics checks that a mistake in a chain is found before memory is touched.
func TestChainPanics(t *testing.T) {
	long, short := make([]float32, 9), make([]float32, 8)
	get, end := Link{Op: ChainGet, Mem: long}, Link{Op: ChainEnd}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for what, links := range map[string][]Link{
			"no links":                {},
			"no end":                  {get},
			"an unknown instruction":  {get, {Op: chainOps}, end},
			"a short operand":         {get, {Op: ChainAdd, Mem: short[:8:8]}, end},
			"a short result":          {get, {Op: ChainPut, Mem: short[:8:8]}, end},
			"no memory":               {get, {Op: ChainMul}, end},
			"a short second operand":  {get, {Op: ChainIfMM, Mem: long}, {Mem: short[:8:8]}, end},
			"a missing second link":   {get, {Op: ChainThenM, Mem: long}},
			"an end that is operand":  {get, {Op: ChainElseS, Mem: long}, end},
			"a missing second number": {get, {Op: ChainIfSS}},
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("a chain with %s was accepted", what)
					}
				}()
				fn.Chain(links, 9)
			}()
		}
		fn.Chain([]Link{end}, 9)
		fn.Chain([]Link{{Op: ChainGet}, end}, 0)
	})
}
