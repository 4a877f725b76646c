package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elem is the element type of a kernel.
type elem struct {
	name string
	size int
}

// short is the element's part of a kernel name.
func (e elem) short() string {
	if e.size == 8 {
		return "F64"
	}
	return "F32"
}

// isa hides the vector width and the mask mechanism from the kernel's shape.
type isa interface {
	name() string
	element() elem
	rows() int  // rows of the full tile
	bytes() int // bytes per vector
	vec() reg.VecVirtual
	mask(tail reg.Register) reg.Register
	load(from Mem, x reg.VecVirtual)
	loadMasked(from Mem, m reg.Register, x reg.VecVirtual)
	store(x reg.VecVirtual, to Mem)
	storeMasked(x reg.VecVirtual, m reg.Register, to Mem)
	broadcast(from Mem, x reg.VecVirtual)
	fma(x, y, acc reg.VecVirtual)
	add(from Op, acc reg.VecVirtual)
}

// pick chooses the single or double precision form of an instruction.
func pick[F any](e elem, single, double F) F {
	if e.size == 8 {
		return double
	}
	return single
}

// shared holds the instructions that differ only in register width.
func (e elem) element() elem                     { return e }
func (e elem) load(from Mem, x reg.VecVirtual)   { pick(e, VMOVUPSany, VMOVUPDany)(from, x) }
func (e elem) store(x reg.VecVirtual, to Mem)    { pick(e, VMOVUPSany, VMOVUPDany)(x, to) }
func (e elem) fma(x, y, acc reg.VecVirtual)      { pick(e, fmaPS, fmaPD)(x, y, acc) }
func (e elem) add(from Op, acc reg.VecVirtual)   { pick(e, addPS, addPD)(from, acc) }
func (e elem) broadcast(m Mem, x reg.VecVirtual) { pick(e, broadcastSS, broadcastSD)(m, x) }

func VMOVUPSany(from, to Op)              { VMOVUPS(from, to) }
func VMOVUPDany(from, to Op)              { VMOVUPD(from, to) }
func fmaPS(x, y, acc reg.VecVirtual)      { VFMADD231PS(y, x, acc) }
func fmaPD(x, y, acc reg.VecVirtual)      { VFMADD231PD(y, x, acc) }
func addPS(from Op, acc reg.VecVirtual)   { VADDPS(from, acc, acc) }
func addPD(from Op, acc reg.VecVirtual)   { VADDPD(from, acc, acc) }
func broadcastSS(m Mem, x reg.VecVirtual) { VBROADCASTSS(m, x) }
func broadcastSD(m Mem, x reg.VecVirtual) { VBROADCASTSD(m, x) }

// avx2 has 16 registers: 6 x 2 accumulators, 2 of B, 1 broadcast, 1 mask.
type avx2 struct{ elem }

func (avx2) name() string        { return "avx2" }
func (avx2) rows() int           { return 6 }
func (avx2) bytes() int          { return 32 }
func (avx2) vec() reg.VecVirtual { return YMM() }

func (v avx2) mask(tail reg.Register) reg.Register {
	p := GP64()
	LEAQ(masks, p)
	NEGQ(tail)
	m := YMM()
	if v.size == 8 {
		VMOVDQU(Mem{Base: p, Disp: 32, Index: tail, Scale: 8}, m)
	} else {
		VMOVDQU(Mem{Base: p, Disp: 32, Index: tail, Scale: 4}, m)
	}
	return m
}

func (v avx2) loadMasked(from Mem, m reg.Register, x reg.VecVirtual) {
	pick(v.elem, VMASKMOVPS, VMASKMOVPD)(from, m, x)
}

func (v avx2) storeMasked(x reg.VecVirtual, m reg.Register, to Mem) {
	pick(v.elem, VMASKMOVPS, VMASKMOVPD)(x, m, to)
}

// avx512 has 32 registers: 12 x 2 accumulators, 2 of B, the rest broadcasts.
type avx512 struct{ elem }

func (avx512) name() string        { return "avx512" }
func (avx512) rows() int           { return 12 }
func (avx512) bytes() int          { return 64 }
func (avx512) vec() reg.VecVirtual { return ZMM() }

func (avx512) mask(tail reg.Register) reg.Register {
	MOVQ(tail, reg.RCX)
	ones := GP64()
	MOVQ(U32(1), ones)
	SHLQ(reg.CL, ones)
	DECQ(ones)
	m := K()
	KMOVW(ones.As32(), m)
	return m
}

func (v avx512) loadMasked(from Mem, m reg.Register, x reg.VecVirtual) {
	pick(v.elem, VMOVUPS_Z, VMOVUPD_Z)(from, m, x)
}

func (v avx512) storeMasked(x reg.VecVirtual, m reg.Register, to Mem) {
	pick(v.elem, func(ops ...Op) { VMOVUPS(ops...) }, func(ops ...Op) { VMOVUPD(ops...) })(x, m, to)
}
