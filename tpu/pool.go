package tpu

import (
	"math"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/tpu/isa"
)

// Pooling goes through the taps of the window: for every one the vector unit picks its
// elements of all windows of some planes at once.

func init() {
	declare("max_pool2d", floats, hal.Dense, (*program).maxPool)
	declare("avg_pool2d", floats, hal.Dense, (*program).avgPool)
}

// pooling is planes with a border around them in the buffer.
type pooling struct {
	a             ops.PoolAttrs
	h, w, oh, ow  int
	height, width int // with the border
	planes        int // all
	padded        bool
	plane, out    int // elements of a plane with its border, and of a result
}

func (p *program) pooling(a ops.PoolAttrs) *pooling {
	x, y := &p.in[0], &p.out[0]
	q := &pooling{a: a, h: x.Shape[2], w: x.Shape[3], oh: y.Shape[2], ow: y.Shape[3], planes: x.Shape[0] * x.Shape[1]}
	q.height, q.width = q.h+a.Pad[0]+a.Pad[1], q.w+a.Pad[2]+a.Pad[3]
	q.padded = a.Pad != [4]int{}
	q.plane, q.out = q.height*q.width, q.oh*q.ow
	return q
}

// bring loads n planes from plane lo on as float32, within their borders.
func (p *program) bring(q *pooling, lo, n, turn int, border float64) int64 {
	x := &p.in[0]
	planes := rowsOf(x, lo, n, q.h*q.w)
	if !q.padded {
		return p.floats(side("x", turn), planes, x.DType)
	}
	m := p.fetch(side("x", turn), planes)
	wide := p.slot(side("xw", turn), 4*n*q.plane)
	p.constant(wide.Addr, n*q.plane, float32(border))
	v := isa.VectorOp{Fn: isa.Place, Count: n * q.h * q.w, Cols: q.w, Src: [3]int64{m.Addr}, SrcType: [3]isa.Type{spaceType(x.DType)}, Dst: wide.Addr, DstType: isa.F32}
	v.Strides = isa.Strides{Offset: int64(4 * (q.a.Pad[0]*q.width + q.a.Pad[2])), Pitch: int64(4 * q.width), Step: 4, Group: q.h, GroupPitch: int64(4 * q.plane)}
	p.Vector(v)
	return wide.Addr
}

// constant fills the buffer with a float32.
func (p *program) constant(addr int64, n int, f float32) {
	p.op(isa.Copy, addr, 1, n, value{isa.Scalar, 0, isa.F32, f})
}

// tap picks the element of a window at (row, column) for n planes.
func (p *program) tap(q *pooling, dst, src int64, n, row, col int) {
	p.pickAs(dst, src, int64(row*q.width+col), []int{n, q.oh, q.ow}, []int{q.plane, q.a.Stride[0] * q.width, q.a.Stride[1]}, isa.F32, isa.F32)
}

// op is an operation on n rows of cols float32 values.
func (p *program) op(fn isa.VectorFn, dst int64, n, cols int, args ...value) {
	p.apply(fn, full(dst), n, cols, args...)
}

func full(addr int64) value   { return value{isa.Full, addr, isa.F32, 0} }
func perCol(addr int64) value { return value{isa.PerCol, addr, isa.F32, 0} }

// maxPool keeps, tap after tap, the largest so far and where it lies. Of equal ones the
// first stays, NaN is above all, and the border never wins.
func (p *program) maxPool() {
	q := p.pooling(p.attrs.(ops.PoolAttrs))
	y, where := &p.out[0], &p.out[1]
	if q.plane > 1<<24 {
		p.refuse("a plane of %d elements: float32 counts to %d", q.plane, 1<<24)
		return
	}
	// The place of a window's first tap in its plane.
	first, work := p.take(4*q.out), p.take(4*q.out)
	count := func(fn isa.VectorFn, dst int64) {
		p.Vector(isa.VectorOp{Fn: fn, Count: q.out, Cols: q.ow, Dst: dst, DstType: isa.F32})
	}
	count(isa.IotaRow, first.Addr)
	p.op(isa.Mul, first.Addr, 1, q.out, full(first.Addr), number(float64(q.a.Stride[0]*q.w)))
	count(isa.IotaCol, work.Addr)
	p.op(isa.Mul, work.Addr, 1, q.out, full(work.Addr), number(float64(q.a.Stride[1])))
	p.op(isa.Add, first.Addr, 1, q.out, full(first.Addr), full(work.Addr))
	p.op(isa.Sub, first.Addr, 1, q.out, full(first.Addr), number(float64(q.a.Pad[0]*q.w+q.a.Pad[2])))
	inside := int64(-1)
	if q.padded {
		m := p.take(4 * q.plane)
		p.constant(m.Addr, q.plane, 0)
		one := p.slot("one", 4*q.h*q.w)
		p.constant(one.Addr, q.h*q.w, 1)
		v := isa.VectorOp{Fn: isa.Place, Count: q.h * q.w, Cols: q.w, Src: [3]int64{one.Addr}, SrcType: [3]isa.Type{isa.F32}, Dst: m.Addr, DstType: isa.F32}
		v.Strides = isa.Strides{Offset: int64(4 * (q.a.Pad[0]*q.width + q.a.Pad[2])), Pitch: int64(4 * q.width), Step: 4}
		p.Vector(v)
		inside = m.Addr
	}
	mask := p.take(4 * q.out)
	p.eachRows(q.planes, q.h*q.w*4+q.plane*4+q.out*(7*4+16), func(lo, n, turn int) {
		all := n * q.out
		x := p.bring(q, lo, n, turn, math.Inf(-1))
		place := func(name string) int64 { return p.slot(side(name, turn), 4*all).Addr }
		best, at, v, better, odd := place("best"), place("at"), place("v"), place("better"), place("odd")
		p.constant(best, all, float32(math.Inf(-1)))
		p.constant(at, all, -1)
		for row := range q.a.Size[0] {
			for col := range q.a.Size[1] {
				p.tap(q, v, x, n, row, col)
				p.op(isa.Greater, better, n, q.out, full(v), full(best))
				// NaN against a number; any element of the plane against none.
				p.op(isa.NotEqual, odd, n, q.out, full(v), full(v))
				p.op(isa.Select, odd, n, q.out, full(odd), full(best), number(math.NaN()))
				p.op(isa.Equal, odd, n, q.out, full(odd), full(odd))
				p.op(isa.Max, better, n, q.out, full(better), full(odd))
				p.op(isa.Greater, odd, n, q.out, number(0), full(at))
				if inside >= 0 {
					p.tap(q, mask.Addr, inside, 1, row, col)
					p.op(isa.Mul, odd, n, q.out, full(odd), perCol(mask.Addr))
				}
				p.op(isa.Max, better, n, q.out, full(better), full(odd))
				p.op(isa.Select, best, n, q.out, full(better), full(v), full(best))
				p.op(isa.Add, work.Addr, 1, q.out, full(first.Addr), number(float64(row*q.w+col)))
				p.op(isa.Select, at, n, q.out, full(better), perCol(work.Addr), full(at))
			}
		}
		p.result(0, best, rowsOf(y, lo, n, q.out), isa.F32, turn)
		wide := p.slot(side("wide", turn), 8*all)
		p.widen(wide.Addr, at, all, turn)
		p.store(wide.Addr, rowsOf(where, lo, n, q.out))
	})
}

// avgPool adds up the taps, zeros around the plane, and divides by their number.
func (p *program) avgPool() {
	q := p.pooling(p.attrs.(ops.PoolAttrs))
	p.eachRows(q.planes, q.h*q.w*4+q.plane*4+q.out*16, func(lo, n, turn int) {
		x := p.bring(q, lo, n, turn, 0)
		sum, v := p.slot(side("sum", turn), 4*n*q.out).Addr, p.slot(side("v", turn), 4*n*q.out).Addr
		for row := range q.a.Size[0] {
			for col := range q.a.Size[1] {
				if row == 0 && col == 0 {
					p.tap(q, sum, x, n, 0, 0)
					continue
				}
				p.tap(q, v, x, n, row, col)
				p.op(isa.Add, sum, n, q.out, full(sum), full(v))
			}
		}
		p.op(isa.Div, sum, n, q.out, full(sum), number(float64(q.a.Size[0]*q.a.Size[1])))
		p.result(0, sum, rowsOf(&p.out[0], lo, n, q.out), isa.F32, turn)
	})
}
