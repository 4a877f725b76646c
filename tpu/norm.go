package tpu

import (
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
)

// Batch normalisation keeps some channels of all samples in the buffer, and does there
// what its lowering would do in as many passes over off-chip memory.

func init() {
	declare("batch_norm", floats, hal.Dense, (*program).batchNorm)
	declare("batch_norm_grad", floats, hal.Dense, (*program).batchNormGrad)
	declare("batch_norm_infer", floats, hal.Dense, (*program).batchNormInfer)
}

// channelBytes is about how much of an operand is in the buffer at a time.
const channelBytes = 1 << 20

// channels is a block of channels of an operand [n, c, rest].
type channels struct {
	*program
	n, all, rest int // samples, channels, elements of a channel in a sample
	lo, c        int // the block
	turn         int
}

// eachChannels runs through blocks of channels that fit with so many operands twice.
func (p *program) eachChannels(x *operand, operands int, f func(b *channels)) {
	n, all, rest := x.Shape[0], x.Shape[1], shape.MustElements(x.Shape[2:])
	each := 4 * n * rest
	block := min(all, max(1, channelBytes/max(each, 1)), p.room()/(2*operands*each+64*(n+8)))
	if block == 0 {
		p.refuse("a channel of %d×%d elements does not fit in the buffer", n, rest)
		return
	}
	for lo, turn := 0, 0; lo < all && !p.failed(); lo, turn = lo+block, turn+1 {
		f(&channels{p, n, all, rest, lo, min(block, all-lo), turn})
	}
}

func (b *channels) rows() int { return b.n * b.c }

// place is room for n float32 values.
func (b *channels) place(name string, n int) int64 { return b.slot(side(name, b.turn), 4*n).Addr }

// area is the block of an operand, or of a vector of channels.
func (b *channels) area(o *operand) area {
	if len(o.Shape) == 1 {
		return rowsOf(o, b.lo, b.c, 1)
	}
	a := o.along([]int{b.n, b.c, b.rest}, []int{b.all * b.rest, b.rest, 1})
	a.addr += int64(b.lo * b.rest * o.size)
	return a
}

// bring loads the block of an operand as float32.
func (b *channels) bring(o *operand, name string) int64 {
	return b.floats(side(name, b.turn), b.area(o), o.DType)
}

// sums adds up every channel of x.
func (b *channels) sums(name string, x int64) int64 {
	if b.rest > 1 {
		s := b.place(name+"_rows", b.rows())
		b.Vector(isa.VectorOp{Fn: isa.RowSum, Count: b.rows() * b.rest, Cols: b.rest, Src: [3]int64{x}, SrcType: [3]isa.Type{isa.F32}, Dst: s, DstType: isa.F32})
		x = s
	}
	to := b.place(name, b.c)
	b.Vector(isa.VectorOp{Fn: isa.ColSum, Count: b.rows(), Cols: b.c, Src: [3]int64{x}, SrcType: [3]isa.Type{isa.F32}, Dst: to, DstType: isa.F32})
	return to
}

// scaled is v·f + g for a vector of channels, in its place.
func (b *channels) scaled(v int64, f, g float64) int64 {
	b.op(isa.MulAdd, v, 1, b.c, full(v), number(f), number(g))
	return v
}

// spread is a vector of channels as one value per row.
func (b *channels) spread(name string, v int64) value {
	to := b.place(name+"_spread", b.rows())
	b.op(isa.Copy, to, b.n, b.c, perCol(v))
	return value{isa.PerRow, to, isa.F32, 0}
}

// each applies an operation to all elements of the block.
func (b *channels) each(fn isa.VectorFn, dst int64, args ...value) {
	b.op(fn, dst, b.rows(), b.rest, args...)
}

// put stores the block of a result.
func (b *channels) put(i int, v int64) { b.result(i, v, b.area(&b.out[i]), isa.F32, b.turn) }

func (p *program) batchNorm() {
	x := &p.in[0]
	eps := p.attrs.(ops.BatchNormAttrs).Eps
	p.eachChannels(x, 5, func(b *channels) {
		share := 1 / float64(b.n*b.rest)
		v := b.bring(x, "x")
		mean := b.scaled(b.sums("mean", v), share, 0)
		centred, work := b.place("centred", b.rows()*b.rest), b.place("work", b.rows()*b.rest)
		b.each(isa.Sub, centred, full(v), b.spread("mean", mean))
		b.each(isa.Mul, work, full(centred), full(centred))
		variance := b.scaled(b.sums("var", work), share, 0)
		scale := b.place("scale", b.c)
		b.op(isa.Add, scale, 1, b.c, full(variance), number(eps))
		b.op(isa.Rsqrt, scale, 1, b.c, full(scale))
		b.op(isa.Mul, scale, 1, b.c, full(scale), full(b.bring(&p.in[1], "gamma")))
		b.each(isa.MulAdd, work, full(centred), b.spread("scale", scale), b.spread("beta", b.bring(&p.in[2], "beta")))
		b.put(0, work)
		b.put(1, mean)
		b.put(2, variance)
	})
}

func (p *program) batchNormGrad() {
	eps := p.attrs.(ops.BatchNormAttrs).Eps
	p.eachChannels(&p.in[1], 6, func(b *channels) {
		share := 1 / float64(b.n*b.rest)
		d, x := b.bring(&p.in[0], "d"), b.bring(&p.in[1], "x")
		r := b.place("r", b.c)
		b.op(isa.Add, r, 1, b.c, full(b.bring(&p.in[4], "var")), number(eps))
		b.op(isa.Rsqrt, r, 1, b.c, full(r))
		h, work := b.place("h", b.rows()*b.rest), b.place("work", b.rows()*b.rest)
		b.each(isa.Sub, h, full(x), b.spread("mean", b.bring(&p.in[3], "mean")))
		b.each(isa.Mul, h, full(h), b.spread("r", r))
		b.each(isa.Mul, work, full(d), full(h))
		sum, dot := b.sums("sum", d), b.sums("dot", work)
		b.put(1, dot)
		b.put(2, sum)
		// gamma·r·(d - average(d) - h·average(d·h))
		average := b.place("average", b.c)
		b.op(isa.Mul, average, 1, b.c, full(dot), number(-share))
		b.each(isa.MulAdd, work, full(h), b.spread("dot", average), full(d))
		mean := b.place("mean_d", b.c)
		b.op(isa.Mul, mean, 1, b.c, full(sum), number(share))
		b.each(isa.Sub, work, full(work), b.spread("sum", mean))
		b.op(isa.Mul, r, 1, b.c, full(r), full(b.bring(&p.in[2], "gamma")))
		b.each(isa.Mul, work, full(work), b.spread("scale", r))
		b.put(0, work)
	})
}

func (p *program) batchNormInfer() {
	eps := p.attrs.(ops.BatchNormAttrs).Eps
	p.eachChannels(&p.in[0], 4, func(b *channels) {
		x := b.bring(&p.in[0], "x")
		scale := b.place("scale", b.c)
		b.op(isa.Add, scale, 1, b.c, full(b.bring(&p.in[4], "var")), number(eps))
		b.op(isa.Rsqrt, scale, 1, b.c, full(scale))
		b.op(isa.Mul, scale, 1, b.c, full(scale), full(b.bring(&p.in[1], "gamma")))
		work := b.place("work", b.rows()*b.rest)
		b.each(isa.Sub, work, full(x), b.spread("mean", b.bring(&p.in[3], "mean")))
		b.each(isa.MulAdd, work, full(work), b.spread("scale", scale), b.spread("beta", b.bring(&p.in[2], "beta")))
		b.put(0, work)
	})
}
