// Command gemm generates the micro-kernels of package cpu/gemm.
//
// One kernel computes a tile of C with rows x (1 or 2 vectors) accumulators kept
// in registers. Per step of k it loads the vectors of one row of B, broadcasts
// one element of A per row and issues rows x vectors fused multiply-adds. Both
// operands are read through strides, so the same kernel serves packed panels and
// operands left where they are; the last vector may be masked, so edge tiles
// need neither padding nor a scratch tile.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is the number of k steps per loop iteration.
const unroll = 4

func main() {
	ConstraintExpr("!noasm")
	masks = maskTable()
	for _, isa := range []isa{
		avx2{elem: elem{name: "float32", size: 4}},
		avx2{elem: elem{name: "float64", size: 8}},
		avx512{elem: elem{name: "float32", size: 4}},
		avx512{elem: elem{name: "float64", size: 8}},
	} {
		for rows := 1; rows <= isa.rows(); rows++ {
			kernel(isa, rows, "Full", 2, false)
			kernel(isa, rows, "Wide", 2, true)
			kernel(isa, rows, "Narrow", 1, true)
		}
	}
	Generate()
}

// masks is a table of 32 bytes of ones followed by 32 zero bytes. AVX2 masks for
// any element size are read from it at a moving offset.
var masks Mem

func maskTable() Mem {
	m := GLOBL("laneMask", attr.RODATA|attr.NOPTR)
	for i := range 8 {
		v := uint64(0)
		if i < 4 {
			v = 1<<64 - 1
		}
		DATA(8*i, U64(v))
	}
	return m
}

// kernel emits one micro-kernel. With masked set, the last vector has tail valid
// lanes and nothing beyond them is read or written.
func kernel(v isa, rows int, shape string, vectors int, masked bool) {
	e := v.element()
	TEXT(fmt.Sprintf("%s%s%sx%d", v.name(), e.short(), shape, rows), attr.NOSPLIT,
		fmt.Sprintf("func(k int, a []%[1]s, rsA, csA int, b []%[1]s, rsB int, c []%[1]s, ldc, tail int, add bool)", e.name))
	Pragma("noescape")

	k := Load(Param("k"), GP64())
	rs := Load(Param("rsA"), GP64())
	cs := Load(Param("csA"), GP64())
	b := Load(Param("b").Base(), GP64())
	rsB := Load(Param("rsB"), GP64())
	shift := U8(2)
	if e.size == 8 {
		shift = 3
	}
	SHLQ(shift, rs)
	SHLQ(shift, cs)
	SHLQ(shift, rsB)

	var m reg.Register
	if masked {
		m = v.mask(Load(Param("tail"), GP64()))
	}

	// One pointer reaches three rows: base, base+rs, base+2rs.
	as := []reg.Register{Load(Param("a").Base(), GP64())}
	for r := 3; r < rows; r += 3 {
		p := GP64()
		LEAQ(Mem{Base: as[len(as)-1], Index: rs, Scale: 2}, p)
		ADDQ(rs, p)
		as = append(as, p)
	}

	acc := make([][]reg.VecVirtual, rows)
	for r := range acc {
		for range vectors {
			x := v.vec()
			VXORPS(x, x, x)
			acc[r] = append(acc[r], x)
		}
	}

	step := func() {
		var bv []reg.VecVirtual
		for j := range vectors {
			x := v.vec()
			at := Mem{Base: b, Disp: j * v.bytes()}
			if masked && j == vectors-1 {
				v.loadMasked(at, m, x)
			} else {
				v.load(at, x)
			}
			bv = append(bv, x)
		}
		for r := range rows {
			x := v.vec()
			at := Mem{Base: as[r/3]}
			if r%3 != 0 {
				at.Index, at.Scale = rs, uint8(r%3)
			}
			v.broadcast(at, x)
			for j := range vectors {
				v.fma(x, bv[j], acc[r][j])
			}
		}
		for _, p := range as {
			ADDQ(cs, p)
		}
		ADDQ(rsB, b)
	}

	SUBQ(Imm(unroll), k)
	JLT(LabelRef("rest"))
	Label("loop")
	for range unroll {
		step()
	}
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(unroll), k)
	JEQ(LabelRef("write"))
	Label("single")
	step()
	DECQ(k)
	JNE(LabelRef("single"))

	Label("write")
	ldc := Load(Param("ldc"), GP64())
	SHLQ(shift, ldc)
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JEQ(LabelRef("store"))
	c := Load(Param("c").Base(), GP64())
	for r := range rows {
		for j := range vectors {
			at := Mem{Base: c, Disp: j * v.bytes()}
			if masked && j == vectors-1 {
				x := v.vec()
				v.loadMasked(at, m, x)
				v.add(x, acc[r][j])
			} else {
				v.add(at, acc[r][j])
			}
		}
		if r < rows-1 {
			ADDQ(ldc, c)
		}
	}
	Label("store")
	c = Load(Param("c").Base(), GP64())
	for r := range rows {
		for j := range vectors {
			at := Mem{Base: c, Disp: j * v.bytes()}
			if masked && j == vectors-1 {
				v.storeMasked(acc[r][j], m, at)
			} else {
				v.store(acc[r][j], at)
			}
		}
		if r < rows-1 {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}
