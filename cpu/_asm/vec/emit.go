package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vec is a virtual vector register.
type vec = reg.VecVirtual

// emitter emits instructions on vectors of one width. Its methods take and
// return values, so that a kernel reads as an expression; the register
// allocator removes most of the difference.
type emitter struct {
	bits      int
	suffix    string
	constants map[uint32]Mem
	window    *Mem
	dst       vec // where results go, see to
}

func newEmitter(bits int, suffix string) *emitter {
	return &emitter{bits: bits, suffix: suffix, constants: map[uint32]Mem{}}
}

// lanes is the number of float32 in a vector.
func (e *emitter) lanes() int { return e.bits / 32 }

// narrow is an emitter for vectors of half the width.
func (e *emitter) narrow() *emitter {
	return newEmitter(e.bits/2, e.suffix)
}

// to is an emitter whose results go to a given register. It is for methods of one
// instruction, and those that say so.
func (e *emitter) to(dst vec) *emitter {
	t := *e
	t.dst = dst
	return &t
}

func (e *emitter) vec() vec {
	if e.dst != nil {
		return e.dst
	}
	switch e.bits {
	case 512:
		return ZMM()
	case 256:
		return YMM()
	}
	return XMM()
}

// Predicates of VCMPPS: ordered and quiet, except neq, which holds for NaN.
const (
	eq    = 0x00
	unord = 0x03
	neq   = 0x04
	lt    = 0x11
	le    = 0x12
	ge    = 0x1d
	gt    = 0x1e
)

// Rounding modes of VROUNDPS and VRNDSCALEPS, with exceptions suppressed.
const (
	nearest = 8 + iota
	down
	up
	toZero
)

// c is a vector of copies of x, as a memory operand.
func (e *emitter) c(x float64) Mem { return e.bitsOf(math.Float32bits(float32(x))) }

// bitsOf is a vector of copies of one 32-bit pattern, as a memory operand.
func (e *emitter) bitsOf(b uint32) Mem {
	if m, ok := e.constants[b]; ok {
		return m
	}
	m := GLOBL(fmt.Sprintf("c%08x%s", b, e.suffix), attr.RODATA|attr.NOPTR)
	for i := range e.bits / 64 {
		DATA(8*i, U64(uint64(b)<<32|uint64(b)))
	}
	e.constants[b] = m
	return m
}

// set is a constant in a register.
func (e *emitter) set(x float64) vec { return e.load(e.c(x)) }

func (e *emitter) load(m Mem) vec {
	r := e.vec()
	VMOVUPS(m, r)
	return r
}

func (e *emitter) broadcast(m Mem) vec {
	r := e.vec()
	VBROADCASTSS(m, r)
	return r
}

func (e *emitter) copy(x vec) vec {
	r := e.vec()
	VMOVAPS(x, r)
	return r
}

func (e *emitter) zero() vec {
	r := e.vec()
	if e.bits == 512 {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
	return r
}

// The operand b of the two-operand methods may be in memory.

func (e *emitter) add(a vec, b Op) vec { r := e.vec(); VADDPS(b, a, r); return r }
func (e *emitter) sub(a vec, b Op) vec { r := e.vec(); VSUBPS(b, a, r); return r }
func (e *emitter) mul(a vec, b Op) vec { r := e.vec(); VMULPS(b, a, r); return r }
func (e *emitter) div(a vec, b Op) vec { r := e.vec(); VDIVPS(b, a, r); return r }
func (e *emitter) sqrt(a vec) vec      { r := e.vec(); VSQRTPS(a, r); return r }

// least and most are the instructions themselves: b where either is NaN.
func (e *emitter) least(a vec, b Op) vec { r := e.vec(); VMINPS(b, a, r); return r }
func (e *emitter) most(a vec, b Op) vec  { r := e.vec(); VMAXPS(b, a, r); return r }

// min and max propagate NaN from either operand.
func (e *emitter) min(a, b vec) vec { return e.sel(unord, a, a, a, e.least(a, b)) }
func (e *emitter) max(a, b vec) vec { return e.sel(unord, a, a, a, e.most(a, b)) }

// fma is a·b+c rounded once.
func (e *emitter) fma(a, b vec, c Op) vec {
	r := e.copy(a)
	VFMADD213PS(c, b, r)
	return r
}

// poly is a polynomial in x by Horner's rule, highest coefficient first.
func (e *emitter) poly(x vec, coef ...float64) vec {
	r := e.set(coef[0])
	for _, c := range coef[1:] {
		VFMADD213PS(e.c(c), x, r)
	}
	return r
}

func (e *emitter) and(a vec, b Op) vec {
	r := e.vec()
	if e.bits == 512 {
		VPANDD(b, a, r)
	} else {
		VANDPS(b, a, r)
	}
	return r
}

func (e *emitter) or(a vec, b Op) vec {
	r := e.vec()
	if e.bits == 512 {
		VPORD(b, a, r)
	} else {
		VORPS(b, a, r)
	}
	return r
}

func (e *emitter) xor(a vec, b Op) vec {
	r := e.vec()
	if e.bits == 512 {
		VPXORD(b, a, r)
	} else {
		VXORPS(b, a, r)
	}
	return r
}

// round rounds to an integer in one of the rounding modes.
func (e *emitter) round(mode uint8, a vec) vec {
	r := e.vec()
	if e.bits == 512 {
		VRNDSCALEPS(U8(mode), a, r)
	} else {
		VROUNDPS(U8(mode), a, r)
	}
	return r
}

// mask is the lanes in which the predicate holds between x and y.
func (e *emitter) mask(pred uint8, x vec, y Op) Op {
	if e.bits == 512 {
		k := K()
		VCMPPS(U8(pred), y, x, k)
		return k
	}
	m := e.vec()
	VCMPPS(U8(pred), y, x, m)
	return m
}

// sel is t where the predicate holds between x and y, and f elsewhere.
func (e *emitter) sel(pred uint8, x vec, y Op, t, f vec) vec {
	return e.choose(e.mask(pred, x, y), t, f)
}

// choose is t, which may be in memory, in the lanes of the mask and f elsewhere.
func (e *emitter) choose(mask, t Op, f vec) vec {
	r := e.vec()
	if e.bits == 512 {
		VBLENDMPS(t, f, mask, r)
	} else {
		VBLENDVPS(mask, t, f, r)
	}
	return r
}

// flag is 1 where the predicate holds and 0 elsewhere. Its result may go to x.
func (e *emitter) flag(pred uint8, x vec, y Op) vec { return e.ones(e.mask(pred, x, y)) }

// ones is 1 in the lanes of the mask and 0 elsewhere. Its result may go to the mask.
func (e *emitter) ones(mask Op) vec {
	if e.bits == 512 {
		r := e.vec()
		VMOVUPS_Z(e.c(1), mask, r)
		return r
	}
	return e.and(mask.(vec), e.c(1))
}

// bothMasks, eitherMask and oneMask are the lanes in both masks, in either, and in
// one of them only.
func (e *emitter) bothMasks(a, b Op) Op  { return e.combine(KANDW, e.and, a, b) }
func (e *emitter) eitherMask(a, b Op) Op { return e.combine(KORW, e.or, a, b) }
func (e *emitter) oneMask(a, b Op) Op    { return e.combine(KXORW, e.xor, a, b) }

func (e *emitter) combine(bits func(a, b, r Op), lanes func(a vec, b Op) vec, a, b Op) Op {
	if e.bits == 512 {
		k := K()
		bits(a, b, k)
		return k
	}
	return lanes(a.(vec), b)
}

// loadMasked loads the lanes of the mask and zeros the others, which it does
// not touch in memory.
func (e *emitter) loadMasked(m Mem, mask Op) vec {
	r := e.vec()
	if e.bits == 512 {
		VMOVUPS_Z(m, mask, r)
	} else {
		VMASKMOVPS(m, mask, r)
	}
	return r
}

func (e *emitter) storeMasked(x vec, m Mem, mask Op) {
	if e.bits == 512 {
		VMOVUPS(x, mask, m)
	} else {
		VMASKMOVPS(x, mask, m)
	}
}

// tailMasks returns a function that gives the mask of the j-th vector of a tail
// of rest elements, 0 < rest < 64; call it for j = 0, 1, ... in order, up to 3. AVX2
// slides a window over 64 set and 64 clear lanes; AVX-512 shifts a bit set, which is
// all ones for longer tails.
func (e *emitter) tailMasks(rest reg.GPVirtual) func(j int) Op {
	if e.bits == 512 {
		set := GP64()
		MOVQ(I32(-1), set)
		BZHIQ(rest, set, set)
		return func(j int) Op {
			if j > 0 {
				SHRQ(U8(e.lanes()), set)
			}
			k := K()
			KMOVW(set.As32(), k)
			return k
		}
	}
	if e.window == nil {
		m := GLOBL("window"+e.suffix, attr.RODATA|attr.NOPTR)
		for i := range 64 {
			var v uint64
			if i < 32 {
				v = math.MaxUint64
			}
			DATA(8*i, U64(v))
		}
		e.window = &m
	}
	at := GP64()
	LEAQ(e.window.Offset(4*64), at)
	back := GP64()
	MOVQ(rest, back)
	SHLQ(U8(2), back)
	SUBQ(back, at)
	return func(j int) Op { return e.load(Mem{Base: at, Disp: 4 * e.lanes() * j}) }
}
