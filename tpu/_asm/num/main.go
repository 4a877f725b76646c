// Command num generates the kernels of package tpu/num.
//
// A tile kernel adds up one block of a product, rows×2 vectors, in registers: per
// step it loads two vectors of weights, broadcasts 32 bits of each activation row
// and multiplies. A step is one k of float32, four of 8-bit or two of 16-bit
// integers. Its order of additions is that of a systolic column: rising k from zero.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is the number of steps per loop iteration.
const unroll = 4

// width is a register width: 32 bytes is AVX2, 64 AVX-512.
type width int

func (w width) name() string {
	if w == 64 {
		return "AVX512"
	}
	return "AVX2"
}

func (w width) rows() int {
	if w == 64 {
		return 12
	}
	return 6
}

func (w width) vec() reg.VecVirtual {
	if w == 64 {
		return ZMM()
	}
	return YMM()
}

func (w width) zero() reg.VecVirtual {
	x := w.vec()
	if w == 64 {
		VPXORD(x, x, x)
	} else {
		VPXOR(x, x, x)
	}
	return x
}

func (w width) load(from Mem, x reg.VecVirtual) {
	if w == 64 {
		VMOVDQU32(from, x)
	} else {
		VMOVDQU(from, x)
	}
}

func (w width) store(x reg.VecVirtual, to Mem) {
	if w == 64 {
		VMOVDQU32(x, to)
	} else {
		VMOVDQU(x, to)
	}
}

// product is the arithmetic of a kernel: acc += b·x, lane by lane.
type product struct {
	name  string
	elem  string // of the sums
	chain bool   // may go on from the sums in c
	start bool   // begins with one number per column
	multi func(w width, b, x, acc reg.VecVirtual)
}

var (
	float = product{"f32", "float32", true, false, func(w width, b, x, acc reg.VecVirtual) { VFMADD231PS(b, x, acc) }}
	// dot4 multiplies unsigned activations by signed weights, four at a time. What the
	// form of the operands leaves out is added per column.
	dot4 = product{"u8s8", "int32", false, true, func(w width, b, x, acc reg.VecVirtual) { VPDPBUSD(b, x, acc) }}
	// dot2 multiplies signed 16-bit values in pairs.
	dot2 = product{"s16", "int32", false, false, func(w width, b, x, acc reg.VecVirtual) {
		t := w.vec()
		VPMADDWD(b, x, t)
		VPADDD(t, acc, acc)
	}}
)

func main() {
	ConstraintExpr("!noasm")
	tile(float, 32)
	tile(float, 64)
	tile(dot2, 32)
	tile(dot2, 64)
	tile(dot4, 64)
	for _, w := range []width{32, 64} {
		widenBF16(w)
		widenBytes(w, "S", VPMOVSXBW)
		widenBytes(w, "U", VPMOVZXBW)
	}
	flip(64)
	Generate()
}

// tile emits one kernel over a full block.
func tile(p product, w width) {
	rows := w.rows()
	extra := "add bool"
	if p.chain {
		extra = "load, add bool"
	} else if p.start {
		extra = "column *int32, add bool"
	}
	TEXT(p.name+w.name(), attr.NOSPLIT, fmt.Sprintf("func(steps int, a *byte, lda int, b *byte, c *%s, ldc int, %s)", p.elem, extra))
	Pragma("noescape")

	steps := Load(Param("steps"), GP64())
	lda := Load(Param("lda"), GP64())
	b := Load(Param("b"), GP64())
	as := []reg.Register{Load(Param("a"), GP64())} // each reaches three rows
	for r := 3; r < rows; r += 3 {
		next := GP64()
		LEAQ(Mem{Base: as[len(as)-1], Index: lda, Scale: 2}, next)
		ADDQ(lda, next)
		as = append(as, next)
	}
	acc := make([][2]reg.VecVirtual, rows)
	for r := range acc {
		if p.start {
			acc[r] = [2]reg.VecVirtual{w.vec(), w.vec()}
		} else {
			acc[r] = [2]reg.VecVirtual{w.zero(), w.zero()}
		}
	}
	if p.start {
		at := Load(Param("column"), GP64())
		for r := range rows {
			w.load(Mem{Base: at}, acc[r][0])
			w.load(Mem{Base: at, Disp: int(w)}, acc[r][1])
		}
	}
	if p.chain {
		load := Load(Param("load"), GP8())
		TESTB(load, load)
		JEQ(LabelRef("start"))
		c := Load(Param("c"), GP64())
		ldc := Load(Param("ldc"), GP64())
		for r := range rows {
			w.load(Mem{Base: c}, acc[r][0])
			w.load(Mem{Base: c, Disp: int(w)}, acc[r][1])
			ADDQ(ldc, c)
		}
		Label("start")
	}

	step := func(k int) {
		b0, b1 := w.vec(), w.vec()
		w.load(Mem{Base: b, Disp: 2 * k * int(w)}, b0)
		w.load(Mem{Base: b, Disp: (2*k + 1) * int(w)}, b1)
		for r := range rows {
			at := Mem{Base: as[r/3], Disp: 4 * k}
			if r%3 != 0 {
				at.Index, at.Scale = lda, uint8(r%3)
			}
			x := w.vec()
			VPBROADCASTD(at, x)
			p.multi(w, b0, x, acc[r][0])
			p.multi(w, b1, x, acc[r][1])
		}
	}
	advance := func(n int) {
		for _, x := range as {
			ADDQ(Imm(uint64(4*n)), x)
		}
		ADDQ(U32(2*n*int(w)), b)
	}
	SUBQ(Imm(unroll), steps)
	JLT(LabelRef("rest"))
	Label("loop")
	for k := range unroll {
		step(k)
	}
	advance(unroll)
	SUBQ(Imm(unroll), steps)
	JGE(LabelRef("loop"))
	Label("rest")
	ADDQ(Imm(unroll), steps)
	JEQ(LabelRef("finish"))
	Label("single")
	step(0)
	advance(1)
	DECQ(steps)
	JNE(LabelRef("single"))

	Label("finish")
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JEQ(LabelRef("write"))
	for r := range rows {
		for j := range 2 {
			at := Mem{Base: c, Disp: j * int(w)}
			if p.elem == "int32" {
				VPADDD(at, acc[r][j], acc[r][j])
			} else {
				VADDPS(at, acc[r][j], acc[r][j])
			}
		}
		if r < rows-1 {
			ADDQ(ldc, c)
		}
	}
	Label("write")
	c = Load(Param("c"), GP64())
	for r := range rows {
		for j := range 2 {
			w.store(acc[r][j], Mem{Base: c, Disp: j * int(w)})
		}
		if r < rows-1 {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// widenBF16 emits the conversion of n bfloat16 values to float32, n a multiple of
// the lanes. Subnormal values become zero.
func widenBF16(w width) {
	TEXT("widenBF16"+w.name(), attr.NOSPLIT, "func(dst, src *byte, n int)")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	exp := w.vec()
	bits := GP32()
	MOVL(U32(0x7f800000), bits)
	x4 := XMM()
	MOVD(bits, x4)
	VPBROADCASTD(x4, exp)
	zero := w.zero()
	Label("loop")
	x := w.vec()
	VPMOVZXWD(Mem{Base: src}, x)
	VPSLLD(Imm(16), x, x)
	if w == 64 {
		k := K()
		VPTESTMD(exp, x, k)
		VMOVDQA32_Z(x, k, x)
	} else {
		t := w.vec()
		VPAND(exp, x, t)
		VPCMPEQD(zero, t, t)
		VPANDN(x, t, x)
	}
	w.store(x, Mem{Base: dst})
	ADDQ(Imm(uint64(w)), dst)
	ADDQ(Imm(uint64(w/2)), src)
	SUBQ(Imm(uint64(w/4)), n)
	JGT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// widenBytes emits the conversion of n 8-bit values to 16 bits, n a multiple of the
// lanes.
func widenBytes(w width, sign string, move func(ops ...Op)) {
	TEXT("widen"+sign+"8"+w.name(), attr.NOSPLIT, "func(dst, src *byte, n int)")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	Label("loop")
	x := w.vec()
	move(Mem{Base: src}, x)
	w.store(x, Mem{Base: dst})
	ADDQ(Imm(uint64(w)), dst)
	ADDQ(Imm(uint64(w/2)), src)
	SUBQ(Imm(uint64(w/2)), n)
	JGT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// flip emits the copying of n bytes, n a multiple of the lanes, with the highest bit
// of each changed: signed values become unsigned ones that are 128 larger.
func flip(w width) {
	TEXT("flip8"+w.name(), attr.NOSPLIT, "func(dst, src *byte, n int)")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	bits, x, high := GP32(), XMM(), w.vec()
	MOVL(U32(0x80808080), bits)
	MOVD(bits, x)
	VPBROADCASTD(x, high)
	Label("loop")
	v := w.vec()
	VPXORD(Mem{Base: src}, high, v)
	w.store(v, Mem{Base: dst})
	ADDQ(Imm(uint64(w)), dst)
	ADDQ(Imm(uint64(w)), src)
	SUBQ(Imm(uint64(w)), n)
	JGT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
