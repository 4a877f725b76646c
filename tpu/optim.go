package tpu

import (
	"math"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/tpu/isa"
)

// Steps of optimisers: a parameter, its gradient and its state are brought in once, and
// what the lowerings do in a pass each is done between.

func init() {
	declare("sgd_step", floats, hal.Dense, (*program).sgd)
	declare("adam_step", floats, hal.Dense, (*program).adam)
}

// update is a piece of a parameter with its gradient and states.
type update struct {
	*program
	lo, n, turn int
}

// updates runs through pieces of the parameter. Vectors is how many float32 vectors f
// works with besides operands and results.
func (p *program) updates(operands, vectors int, f func(u *update)) {
	each := 4*vectors + 8*operands
	p.eachRows(p.in[0].n, each, func(lo, n, turn int) { f(&update{p, lo, n, turn}) })
}

func (u *update) place(name string) int64 { return u.slot(side(name, u.turn), 4*u.n).Addr }

// bring loads the piece of an operand as float32 into room of its own.
func (u *update) bring(i int, name string) int64 {
	o := &u.in[i]
	return u.floats(side(name, u.turn), rowsOf(o, u.lo, u.n, 1), o.DType)
}

// put stores the piece of a result.
func (u *update) put(i int, v int64) {
	u.result(i, v, rowsOf(&u.out[i], u.lo, u.n, 1), isa.F32, u.turn)
}

// do applies an operation to the piece. A value of one element counts for all.
func (u *update) do(fn isa.VectorFn, dst int64, args ...value) { u.op(fn, dst, u.n, 1, args...) }

// single brings a scalar operand into the buffer; with one column, a value per column is
// one for all rows.
func (p *program) single(i int, name string) value {
	return perCol(p.fetch(name, p.in[i].whole()).Addr)
}

func (p *program) sgd() {
	a := p.attrs.(ops.SgdAttrs)
	rate := p.single(3, "lr")
	fresh := p.take(4).Addr // the gradient's share of the momentum: all of it in step 1
	p.op(isa.GreaterEq, fresh, 1, 1, number(1), p.single(4, "t"))
	p.op(isa.Select, fresh, 1, 1, full(fresh), number(1), number(1-a.Dampening))
	p.updates(3, 4, func(u *update) {
		w, g, buf := u.bring(0, "p"), u.bring(1, "g"), u.bring(2, "buf")
		step, work := u.place("step"), u.place("work")
		u.do(isa.Copy, step, full(g))
		if a.WeightDecay != 0 {
			u.do(isa.MulAdd, step, full(w), number(a.WeightDecay), full(g))
		}
		if a.Momentum != 0 {
			u.do(isa.Mul, work, full(step), perCol(fresh))
			u.do(isa.MulAdd, buf, full(buf), number(a.Momentum), full(work))
			if a.Nesterov {
				u.do(isa.MulAdd, step, full(buf), number(a.Momentum), full(step))
			} else {
				u.do(isa.Copy, step, full(buf))
			}
		}
		u.do(isa.Mul, step, full(step), rate)
		u.do(isa.Sub, step, full(w), full(step))
		u.put(0, step)
		u.put(1, buf)
	})
}

func (p *program) adam() {
	a := p.attrs.(ops.AdamAttrs)
	rate, t := p.single(4, "lr"), p.single(5, "t")
	// 1 - beta^t by expm1: the difference would cancel for beta near 1.
	correction := func(name string, beta float64) int64 {
		c := p.take(4).Addr
		p.op(isa.Mul, c, 1, 1, t, number(math.Log(beta)))
		p.op(isa.Expm1, c, 1, 1, full(c))
		p.op(isa.Neg, c, 1, 1, full(c))
		return c
	}
	first, second, decay := correction("c1", a.Beta1), correction("c2", a.Beta2), p.take(4).Addr
	p.op(isa.Div, first, 1, 1, rate, full(first))
	p.op(isa.Sqrt, second, 1, 1, full(second))
	p.op(isa.MulAdd, decay, 1, 1, rate, number(-a.WeightDecay), number(1))
	p.updates(4, 7, func(u *update) {
		w, g, m, v := u.bring(0, "p"), u.bring(1, "g"), u.bring(2, "m"), u.bring(3, "v")
		work, root, step := u.place("work"), u.place("root"), u.place("step")
		u.do(isa.Copy, step, full(g))
		switch {
		case a.WeightDecay == 0:
		case a.Decoupled:
			u.do(isa.Mul, w, full(w), perCol(decay))
		default:
			u.do(isa.MulAdd, step, full(w), number(a.WeightDecay), full(g))
		}
		u.do(isa.Mul, work, full(step), number(1-a.Beta1))
		u.do(isa.MulAdd, m, full(m), number(a.Beta1), full(work))
		u.do(isa.Mul, work, full(step), full(step))
		u.do(isa.Mul, work, full(work), number(1-a.Beta2))
		u.do(isa.MulAdd, v, full(v), number(a.Beta2), full(work))
		u.do(isa.Sqrt, root, full(v))
		u.do(isa.Div, root, full(root), perCol(second))
		u.do(isa.Add, root, full(root), number(a.Eps))
		u.do(isa.Mul, work, full(m), perCol(first))
		u.do(isa.Div, work, full(work), full(root))
		u.do(isa.Sub, work, full(w), full(work))
		u.put(0, work)
		u.put(1, m)
		u.put(2, v)
	})
}
