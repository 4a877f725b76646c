package tpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/tpu/isa"
)

// Random numbers: the vector unit makes words of Philox4x32-10 from a key, and these are
// the same on every device.

func init() {
	declare("philox", []dtype.Type{dtype.U64}, hal.Dense, (*program).philox)
	declare("uniform", []dtype.Type{dtype.U64}, hal.Dense, (*program).uniform)
	declare("dropout", floats, hal.Dense, (*program).dropout)
}

// words adds the words of elements lo to lo+n, all of their bits or a part as float32.
func (p *program) words(fn isa.VectorFn, t isa.Type, dst, key int64, lo, n int) {
	p.Vector(isa.VectorOp{Fn: fn, Count: n, Cols: n, Src: [3]int64{key}, SrcType: [3]isa.Type{isa.S32}, Dst: dst, DstType: t, First: uint64(lo / 4)})
}

func (p *program) philox() {
	y := &p.out[0]
	key := p.fetch("key", p.in[0].whole())
	p.eachRows(y.n, 8, func(lo, n, turn int) {
		m := p.slot(side("y", turn), 4*n)
		p.words(isa.Random, isa.S32, m.Addr, key.Addr, lo, n)
		p.store(m.Addr, rowsOf(y, lo, n, 1))
	})
}

// uniform is the upper 24 bits of a word times a step, and the low end.
func (p *program) uniform() {
	a, y := p.attrs.(ops.RandAttrs), &p.out[0]
	if y.DType != dtype.F32 {
		p.refuse("uniform numbers of %v", y.DType)
		return
	}
	key := p.fetch("key", p.in[0].whole())
	p.eachRows(y.n, 8, func(lo, n, turn int) {
		m := p.slot(side("y", turn), 4*n).Addr
		p.words(isa.Random, isa.F32, m, key.Addr, lo, n)
		p.op(isa.Mul, m, 1, n, full(m), number((a.Hi-a.Lo)*0x1p-24))
		p.op(isa.Add, m, 1, n, full(m), number(a.Lo))
		p.store(m, rowsOf(y, lo, n, 1))
	})
}

// dropout keeps an element whose word is at least a threshold. Words are compared in two
// parts, which float32 holds exactly.
func (p *program) dropout() {
	x, y, mask := &p.in[0], &p.out[0], &p.out[1]
	rate := p.attrs.(ops.DropoutAttrs).P
	threshold := p.attrs.(ops.DropoutAttrs).Threshold()
	high, low := number(float64(threshold>>8)), number(float64(threshold&0xff))
	key := p.fetch("key", p.in[1].whole())
	p.eachRows(x.n, 3*x.size+24, func(lo, n, turn int) {
		from := p.fetch(side("x", turn), rowsOf(x, lo, n, 1))
		place := func(name string) int64 { return p.slot(side(name, turn), 4*n).Addr }
		upper, keep, work := place("upper"), place("keep"), place("work")
		p.words(isa.Random, isa.F32, upper, key.Addr, lo, n)
		p.words(isa.RandomLow, isa.F32, keep, key.Addr, lo, n)
		p.op(isa.GreaterEq, keep, 1, n, full(keep), low)
		p.op(isa.Equal, work, 1, n, full(upper), high)
		p.op(isa.Mul, keep, 1, n, full(keep), full(work))
		p.op(isa.Greater, work, 1, n, full(upper), high)
		p.op(isa.Max, keep, 1, n, full(keep), full(work))
		kept := p.slot(side("mask", turn), n)
		p.convert(kept.Addr, isa.U8, keep, isa.F32, n)
		p.store(kept.Addr, rowsOf(mask, lo, n, 1))
		p.op(isa.Mul, work, 1, n, value{isa.Full, from.Addr, spaceType(x.DType), 0}, number(1/(1-rate)))
		p.op(isa.Select, work, 1, n, full(keep), full(work), number(0))
		p.result(0, work, rowsOf(y, lo, n, 1), isa.F32, turn)
	})
}
