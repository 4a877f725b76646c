// Command sim generates the kernels of package tpu/sim: some rows and one vector of
// columns of a weight-stationary array, advanced by a number of cycles with the
// registers of its elements in vector registers.
//
// In a cycle, sums move down one row and take a product on the way:
//
//	sum[r] = sum[r-1] + a[r]·w[r], sum[0] = in + a[0]·w[0], out = sum[rows-1]
//
// Activations move right, so what a row's elements hold in the next cycle begins one
// value earlier in memory. The switching kernels replace weights while the wave of a
// new tile passes: column c of row r takes its new weight from cycle c+r-lead on.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type width int

func (w width) name() string {
	if w == 64 {
		return "AVX512"
	}
	return "AVX2"
}

func (w width) vec() reg.VecVirtual {
	if w == 64 {
		return ZMM()
	}
	return YMM()
}

func main() {
	ConstraintExpr("!noasm")
	lanes = lanesTable()
	for _, w := range []width{32, 64} {
		rows := []int{1, 2, 4}
		if w == 64 {
			rows = append(rows, 8)
		}
		for _, n := range rows {
			for _, float := range []bool{true, false} {
				kernel(w, n, float, false)
				kernel(w, n, float, true)
			}
		}
	}
	Generate()
}

// lanes holds 0, 1, 2 and so on: lane c of row r is at 4·(c+r).
var lanes Mem

func lanesTable() Mem {
	m := GLOBL("laneIndex", attr.RODATA|attr.NOPTR)
	for i := range 24 {
		DATA(4*i, U32(uint32(i)))
	}
	return m
}

func kernel(w width, rows int, float, switching bool) {
	name := "meshInt"
	if float {
		name = "meshFloat"
	}
	args := "n int, a *uint32, aStride int, w *uint32, wStride int, sums *uint32, sumStride int, in, out *uint32, ioStride int"
	if switching {
		name += "Switch"
		args += ", next *uint32, lead int32"
	}
	TEXT(fmt.Sprintf("%s%sx%d", name, w.name(), rows), attr.NOSPLIT, "func("+args+")")
	Pragma("noescape")

	weights, sums := make([]reg.VecVirtual, rows), make([]reg.VecVirtual, rows)
	load := func(base, stride string, to []reg.VecVirtual) {
		p, s := Load(Param(base), GP64()), Load(Param(stride), GP64())
		for r := range to {
			to[r] = w.vec()
			VMOVUPS(Mem{Base: p}, to[r])
			if r < rows-1 {
				ADDQ(s, p)
			}
		}
	}
	load("w", "wStride", weights)
	load("sums", "sumStride", sums)

	stride := Load(Param("aStride"), GP64())
	as := []reg.Register{Load(Param("a"), GP64())} // each reaches three rows
	for r := 3; r < rows; r += 3 {
		p := GP64()
		LEAQ(Mem{Base: as[len(as)-1], Index: stride, Scale: 2}, p)
		ADDQ(stride, p)
		as = append(as, p)
	}
	in, out, io := Load(Param("in"), GP64()), Load(Param("out"), GP64()), Load(Param("ioStride"), GP64())
	n := Load(Param("n"), GP64())

	var lead, one reg.VecVirtual
	var next, nextStride reg.Register
	nexts := []reg.Register{}
	if switching {
		lead, one = w.vec(), w.vec()
		x, y := XMM(), XMM()
		l := Load(Param("lead"), GP32())
		MOVD(l, x)
		VPBROADCASTD(x, lead)
		k := GP32()
		MOVL(U32(1), k)
		MOVD(k, y)
		VPBROADCASTD(y, one)
		next, nextStride = Load(Param("next"), GP64()), Load(Param("wStride"), GP64())
		nexts = append(nexts, next)
		for r := 3; r < rows; r += 3 {
			p := GP64()
			LEAQ(Mem{Base: nexts[len(nexts)-1], Index: nextStride, Scale: 2}, p)
			ADDQ(nextStride, p)
			nexts = append(nexts, p)
		}
	}
	row := func(bases []reg.Register, stride reg.Register, r int) Mem {
		m := Mem{Base: bases[r/3]}
		if r%3 != 0 {
			m.Index, m.Scale = stride, uint8(r%3)
		}
		return m
	}

	Label("cycle")
	for r := rows - 1; r >= 0; r-- {
		if switching {
			take(w, row(nexts, nextStride, r), lead, r, weights[r])
		}
		at := row(as, stride, r)
		if float {
			if r > 0 {
				VMOVAPS(sums[r-1], sums[r])
			} else {
				VMOVUPS(Mem{Base: in}, sums[0])
			}
			VFMADD231PS(at, weights[r], sums[r])
			continue
		}
		t := w.vec()
		VPMADDWD(at, weights[r], t)
		if r > 0 {
			VPADDD(sums[r-1], t, sums[r])
		} else {
			VPADDD(Mem{Base: in}, t, sums[0])
		}
	}
	VMOVUPS(sums[rows-1], Mem{Base: out})
	ADDQ(io, in)
	ADDQ(io, out)
	for _, p := range as {
		SUBQ(Imm(4), p)
	}
	if switching {
		VPADDD(one, lead, lead)
	}
	DECQ(n)
	JNE(LabelRef("cycle"))

	p, s := Load(Param("sums"), GP64()), Load(Param("sumStride"), GP64())
	for r := range rows {
		VMOVUPS(sums[r], Mem{Base: p})
		if r < rows-1 {
			ADDQ(s, p)
		}
	}
	VZEROUPPER()
	RET()
}

// take replaces the weights of the columns c with c+r <= lead.
func take(w width, from Mem, lead reg.VecVirtual, r int, weights reg.VecVirtual) {
	index := lanes
	index.Disp = 4 * r
	if w == 64 {
		k := K()
		VPCMPD(Imm(5), index, lead, k) // not less: lead >= index
		VMOVUPS(from, k, weights)
		return
	}
	// lead >= index is not (index > lead).
	m, x := w.vec(), w.vec()
	VMOVDQU(index, m)
	VPCMPGTD(lead, m, m)
	VMOVUPS(from, x)
	VBLENDVPS(m, weights, x, weights)
}
