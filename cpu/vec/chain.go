package vec

import "fmt"

// Link is an instruction of a chain: it changes the accumulator, or stores it. A chain
// computes several primitives in one pass, without storing what is between them.
type Link struct {
	Mem    []float32 // the operand, or where the accumulator goes
	Number float32   // the operand of instructions whose names end in S
	Op     ChainOp
}

// ChainOp is what a link does. Those of two operands have the accumulator as the first
// one and the link's as the second; in those that begin with R it is the other way
// round, which matters for the order of a difference, and for which NaN or which zero
// comes out. Names are those of the primitives in [Funcs], whose bits they give.
type ChainOp uint32

// The generator in cpu/_asm/vec has its instructions in the same order.
const (
	ChainEnd    ChainOp = iota // the last link of every chain
	ChainGet                   // accumulator = operand
	ChainGetS                  //
	ChainPut                   // operand = accumulator
	ChainStream                // ChainPut past the caches, for what is not read again soon
	ChainAdd
	ChainAddS
	ChainRAdd
	ChainSub
	ChainSubS
	ChainRSub
	ChainRSubS
	ChainMul
	ChainMulS
	ChainRMul
	ChainDiv
	ChainDivS
	ChainRDiv
	ChainRDivS
	ChainMin
	ChainMinS
	ChainRMin
	ChainMax
	ChainMaxS
	ChainRMax
	ChainLt
	ChainLtS
	ChainLe
	ChainLeS
	ChainGt
	ChainGtS
	ChainGe
	ChainGeS
	ChainEq
	ChainEqS
	ChainNe
	ChainNeS
	// Logic: 1 or 0; operands are true unless they are zero, so that NaN is.
	ChainAnd
	ChainAndS
	ChainOr
	ChainOrS
	ChainXor
	ChainXorS
	// Where(mask, a, b) has two operands besides the accumulator. The second one is in
	// the next link, whose Op does not matter. The letters say whether they are memory
	// or numbers. The accumulator is the mask for If, and a and b are in the links.
	ChainIfMM
	ChainIfMS
	ChainIfSM
	ChainIfSS
	// The accumulator is a; mask, which is memory, and b are in the links.
	ChainThenM
	ChainThenS
	// The accumulator is b; mask, which is memory, and a are in the links.
	ChainElseM
	ChainElseS
	ChainNeg
	ChainAbs
	ChainSqrt
	ChainRsqrt
	ChainRecip
	ChainSquare // accumulator times itself
	ChainFloor
	ChainCeil
	ChainRound
	ChainTrunc
	ChainSign

	chainOps
)

// The operands that a link has in memory: its own, and that of the next link.
const (
	ownMem = 1 << iota
	nextMem
	twoLinks
)

// chainOperands are the flags of each instruction.
var chainOperands = func() (flags [chainOps]uint8) {
	for _, op := range []ChainOp{
		ChainGet, ChainPut, ChainStream, ChainAdd, ChainRAdd, ChainSub, ChainRSub, ChainMul, ChainRMul, ChainDiv, ChainRDiv,
		ChainMin, ChainRMin, ChainMax, ChainRMax, ChainLt, ChainLe, ChainGt, ChainGe, ChainEq, ChainNe, ChainAnd, ChainOr, ChainXor,
	} {
		flags[op] = ownMem
	}
	flags[ChainIfMM] = twoLinks | ownMem | nextMem
	flags[ChainIfMS] = twoLinks | ownMem
	flags[ChainIfSM] = twoLinks | nextMem
	flags[ChainIfSS] = twoLinks
	flags[ChainThenM], flags[ChainElseM] = flags[ChainIfMM], flags[ChainIfMM]
	flags[ChainThenS], flags[ChainElseS] = flags[ChainIfMS], flags[ChainIfMS]
	return flags
}()

// Chain runs the links in order on n elements, a block of elements after the other. The
// last link is ChainEnd, and the first one that is no ChainGet or ChainGetS finds an
// unspecified accumulator unless one of them came before. Memory that is read may be
// memory that an earlier or a later link writes, if it is the same slice. The caller may
// use the links again with other operands; Chain keeps none.
//
// Results have the bits of the primitives of the same level, applied one after the other.
func (f *Funcs) Chain(links []Link, n int) {
	last := chainOps
	for i := 0; i < len(links); i++ {
		l := &links[i]
		if last = l.Op; last >= chainOps {
			panic(fmt.Sprintf("vec: link %d of a chain has the unknown instruction %d", i, last))
		}
		flags := chainOperands[l.Op]
		if flags == 0 {
			continue
		}
		if flags&ownMem != 0 {
			_ = l.Mem[:n]
		}
		if flags&twoLinks != 0 {
			i++
			if flags&nextMem != 0 {
				_ = links[i].Mem[:n]
			}
		}
	}
	if last != ChainEnd {
		panic("vec: a chain does not end with ChainEnd")
	}
	if n > 0 {
		f.chain(links, n)
	}
}
