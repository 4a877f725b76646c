package vec

import "sync"

// chainBlock is the number of elements that a chain in plain Go takes at once.
const chainBlock = 256

// chainScratch is the accumulator, and numbers spread over a block.
type chainScratch struct{ acc, x, y [chainBlock]float32 }

var chainScratches = sync.Pool{New: func() any { return new(chainScratch) }}

// chainGeneric runs the generic primitives block after block. The accumulator lies where
// it was read, then where it will be stored next, else in scratch, so that it is never
// copied without need.
func chainGeneric(links []Link, n int) {
	s := chainScratches.Get().(*chainScratch)
	for at := 0; at < n; at += chainBlock {
		end := min(at+chainBlock, n)
		acc := s.acc[:end-at]
		for i := 0; i < len(links); i++ {
			l := &links[i]
			flags := chainOperands[l.Op]
			var x, y []float32
			if flags&ownMem != 0 {
				x = l.Mem[at:end]
			}
			switch l.Op {
			case ChainEnd:
				continue
			case ChainGet:
				acc = x
				continue
			case ChainPut, ChainStream:
				if &x[0] != &acc[0] {
					copy(x, acc)
				}
				continue
			}
			if flags&twoLinks != 0 {
				i++
				if flags&ownMem == 0 {
					x = spread(s.x[:end-at], l.Number)
				}
				if flags&nextMem == 0 {
					y = spread(s.y[:end-at], links[i].Number)
				} else {
					y = links[i].Mem[at:end]
				}
			}
			dst := s.acc[:end-at]
			if next := &links[i+1]; next.Op == ChainPut || next.Op == ChainStream {
				dst = next.Mem[at:end]
			}
			genericLinks[l.Op](dst, acc, x, y, l.Number)
			acc = dst
		}
	}
	chainScratches.Put(s)
}

func spread(dst []float32, x float32) []float32 {
	for i := range dst {
		dst[i] = x
	}
	return dst
}

// genericLinks are the instructions: dst is what becomes of acc and the operands, x and
// y in memory, s a number.
var genericLinks = func() (f [chainOps]func(dst, acc, x, y []float32, s float32)) {
	for op, g := range map[ChainOp]Unary{
		ChainNeg: negGeneric, ChainAbs: absGeneric, ChainSqrt: sqrtGeneric, ChainRsqrt: rsqrtGeneric, ChainRecip: recipGeneric,
		ChainFloor: floorGeneric, ChainCeil: ceilGeneric, ChainRound: roundGeneric, ChainTrunc: truncGeneric, ChainSign: signGeneric,
		ChainSquare: func(dst, a []float32) { mulGeneric(dst, a, a) },
	} {
		f[op] = func(dst, acc, _, _ []float32, _ float32) { g(dst, acc) }
	}
	for op, g := range map[ChainOp]Binary{
		ChainAdd: addGeneric, ChainSub: subGeneric, ChainMul: mulGeneric, ChainDiv: divGeneric, ChainMin: minGeneric, ChainMax: maxGeneric,
		ChainLt: ltGeneric, ChainLe: leGeneric, ChainEq: eqGeneric, ChainNe: neGeneric, ChainAnd: andGeneric, ChainOr: orGeneric, ChainXor: xorGeneric,
	} {
		f[op] = func(dst, acc, x, _ []float32, _ float32) { g(dst, acc, x) }
	}
	for op, g := range map[ChainOp]Binary{
		ChainRAdd: addGeneric, ChainRSub: subGeneric, ChainRMul: mulGeneric, ChainRDiv: divGeneric, ChainRMin: minGeneric, ChainRMax: maxGeneric,
		ChainGt: ltGeneric, ChainGe: leGeneric,
	} {
		f[op] = func(dst, acc, x, _ []float32, _ float32) { g(dst, x, acc) }
	}
	for op, g := range map[ChainOp]Scalar{
		ChainAddS: addSGeneric, ChainSubS: subSGeneric, ChainRSubS: rsubSGeneric, ChainMulS: mulSGeneric, ChainDivS: divSGeneric, ChainRDivS: rdivSGeneric,
		ChainMinS: minSGeneric, ChainMaxS: maxSGeneric, ChainLtS: ltSGeneric, ChainLeS: leSGeneric, ChainGtS: gtSGeneric, ChainGeS: geSGeneric,
		ChainEqS: eqSGeneric, ChainNeS: neSGeneric,
		ChainAndS: func(dst, a []float32, s float32) { logicGeneric(dst, a, s != 0, false) },
		ChainOrS:  func(dst, a []float32, s float32) { logicGeneric(dst, a, true, s != 0) },
		ChainXorS: func(dst, a []float32, s float32) { logicGeneric(dst, a, s == 0, s != 0) },
		ChainGetS: func(dst, _ []float32, s float32) { spread(dst, s) },
	} {
		f[op] = func(dst, acc, _, _ []float32, s float32) { g(dst, acc, s) }
	}
	for op := ChainIfMM; op <= ChainIfSS; op++ {
		f[op] = func(dst, acc, x, y []float32, _ float32) { whereGeneric(dst, acc, x, y) }
	}
	for _, op := range []ChainOp{ChainThenM, ChainThenS} {
		f[op] = func(dst, acc, x, y []float32, _ float32) { whereGeneric(dst, x, acc, y) }
	}
	for _, op := range []ChainOp{ChainElseM, ChainElseS} {
		f[op] = func(dst, acc, x, y []float32, _ float32) { whereGeneric(dst, x, y, acc) }
	}
	return f
}()

func andGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = one(a[i] != 0 && b[i] != 0)
	}
}

func orGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = one(a[i] != 0 || b[i] != 0)
	}
}

func xorGeneric(dst, a, b []float32) {
	for i := range dst {
		dst[i] = one((a[i] != 0) != (b[i] != 0))
	}
}

// logicGeneric is 1 or 0 as it is said for elements that are true, and those that are not.
func logicGeneric(dst, a []float32, whenTrue, whenFalse bool) {
	for i := range dst {
		if a[i] != 0 {
			dst[i] = one(whenTrue)
		} else {
			dst[i] = one(whenFalse)
		}
	}
}
