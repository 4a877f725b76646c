package tpu

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
)

// fold is how elements are combined: over rows, over columns, pairwise, and the result of
// nothing.
type fold struct {
	row, col, pair isa.VectorFn
	nothing        float64
}

func init() {
	for name, f := range map[string]fold{
		"sum":  {isa.RowSum, isa.ColSum, isa.Add, 0},
		"prod": {isa.RowProd, isa.ColProd, isa.Mul, 1},
		"amax": {isa.RowMax, isa.ColMax, isa.Max, math.Inf(-1)},
		"amin": {isa.RowMin, isa.ColMin, isa.Min, math.Inf(1)},
	} {
		declare(name, floats, hal.Strided, func(p *program) { p.reduce(f) })
	}
	truths := []dtype.Type{dtype.Bool}
	declare("all", truths, hal.Strided, func(p *program) { p.reduce(fold{isa.RowMin, isa.ColMin, isa.Min, 1}) })
	declare("any", truths, hal.Strided, func(p *program) { p.reduce(fold{isa.RowMax, isa.ColMax, isa.Max, 0}) })
	declare("argmax", floats, hal.Dense, func(p *program) { p.argument(isa.RowMax) })
	declare("argmin", floats, hal.Dense, func(p *program) { p.argument(isa.RowMin) })
}

// reduction is a reduction under way.
type reduction struct {
	*program
	fold
	dims    []int
	reduced []bool // of dims
	in, out area   // out has stride 0 along what is reduced
	sums    map[int]isa.Memory
	order   []int // of sums: offsets in the result
	lengths map[int]int
}

// reduce combines elements over axes. Boxes that hold all that a result depends on are
// done with at once; of others the results so far stay in the buffer.
func (p *program) reduce(f fold) {
	x, y := &p.in[0], &p.out[0]
	axes, err := shape.Axes(p.attrs.(ops.ReduceAttrs).Axes, len(x.Shape))
	if err != nil {
		p.refuse("%v", err)
		return
	}
	if x.n == 0 {
		p.fill(y.whole(), y.DType, f.nothing)
		return
	}
	kept := shape.Strides(shape.Reduce(x.Shape, axes, true))
	for _, a := range axes {
		kept[a] = 0
	}
	for i, n := range x.Shape {
		if n == 1 {
			kept[i] = 0
		}
	}
	dims, s := shape.Collapse(x.Shape, x.Strides, kept)
	r := &reduction{program: p, fold: f, dims: dims, sums: map[int]isa.Memory{}, lengths: map[int]int{}}
	r.in, r.out = x.along(dims, s[0]), y.along(dims, s[1])
	for _, k := range s[1] {
		r.reduced = append(r.reduced, k == 0)
	}
	turn := 0
	boxes(dims, p.perBox(3*x.size+8), func(b box) {
		if !p.failed() {
			r.box(b, turn)
			turn++
		}
	})
	for i, at := range r.order {
		n := r.lengths[at]
		r.result(0, r.sums[at].Addr, area{y.addr + int64(at*y.size), []int{n}, []int{1}, y.size}, isa.F32, i)
	}
}

// box combines the elements of a box.
func (r *reduction) box(b box, turn int) {
	x := r.fetch(side("x", turn), r.in.box(b))
	addr, t := x.Addr, spaceType(r.program.in[0].DType)
	dims := append([]int{}, b.dims...)
	reduced := append([]bool{}, r.reduced...)
	for step := 0; ; step++ {
		k := len(dims) - 1
		for k >= 0 && !reduced[k] {
			k--
		}
		if k < 0 {
			break
		}
		before, n, after := shape.MustElements(dims[:k]), dims[k], shape.MustElements(dims[k+1:])
		if n > 1 {
			to := r.slot(side("f"+string(rune('a'+step)), turn), 4*before*after)
			v := isa.VectorOp{Fn: r.row, Count: before * n * after, Cols: n, Src: [3]int64{addr}, SrcType: [3]isa.Type{t}, Dst: to.Addr, DstType: isa.F32}
			switch {
			case after > 1 && before == 1:
				v.Fn, v.Cols = r.col, after
			case after > 1:
				size := t.Size()
				moved := r.slot(side("t", turn), v.Count*size)
				r.pick(moved.Addr, addr, 0, []int{before, after, n}, []int{n * after, 1, after}, size)
				v.Src[0] = moved.Addr
			}
			r.Vector(v)
			addr, t = to.Addr, isa.F32
		}
		dims = append(dims[:k:k], dims[k+1:]...)
		reduced = append(reduced[:k:k], reduced[k+1:]...)
	}
	n := shape.MustElements(dims)
	at, done := 0, true
	for i, lo := range b.at {
		at += lo * r.out.strides[i]
		done = done && (!r.reduced[i] || b.dims[i] == r.dims[i])
	}
	if done {
		y := &r.program.out[0]
		r.result(0, addr, area{y.addr + int64(at*y.size), []int{n}, []int{1}, y.size}, t, turn)
		return
	}
	v := isa.VectorOp{Fn: r.pair, Count: n, Cols: n, DstType: isa.F32, SrcType: [3]isa.Type{isa.F32, t}}
	sum, begun := r.sums[at]
	if !begun {
		if sum = r.take(4 * n); len(r.sums) > 1<<12 {
			r.refuse("too many partial results")
		}
		r.sums[at], r.lengths[at] = sum, n
		r.order = append(r.order, at)
		v.Fn, v.SrcType[0], v.Src[0] = isa.Copy, t, addr
	} else {
		v.Src[0], v.Src[1] = sum.Addr, addr
	}
	v.Dst = sum.Addr
	r.Vector(v)
}

// argument finds the first largest or smallest element along an axis; NaN wins.
func (p *program) argument(fn isa.VectorFn) {
	x, y := &p.in[0], &p.out[0]
	axis, err := shape.Axis(p.attrs.(ops.ArgAttrs).Axis, len(x.Shape))
	if err != nil {
		p.refuse("%v", err)
		return
	}
	n, inner := x.Shape[axis], shape.MustElements(x.Shape[axis+1:])
	outer := shape.MustElements(x.Shape[:axis])
	if n > 1<<24 {
		p.refuse("an axis of %d elements: float32 counts to %d", n, 1<<24)
		return
	}
	// Rows of the axis, one for each result.
	dims, strides := []int{outer, inner, n}, []int{n * inner, 1, inner}
	from := x.along(dims, strides)
	t := spaceType(x.DType)
	places := p.take(4 * n)
	p.Vector(isa.VectorOp{Fn: isa.IotaCol, Count: n, Cols: n, Dst: places.Addr, DstType: isa.F32})
	turn := 0
	limit := p.perBox(8*x.size + 24)
	if n > limit {
		p.refuse("an axis of %d elements: %d fit in the buffer", n, limit)
		return
	}
	boxes(dims, limit, func(b box) {
		if p.failed() {
			return
		}
		count := b.elements()
		rows := count / n
		m := p.fetch(side("x", turn), from.box(b))
		best := p.slot(side("b", turn), 4*rows)
		p.Vector(isa.VectorOp{Fn: fn, Count: count, Cols: n, Src: [3]int64{m.Addr}, SrcType: [3]isa.Type{t}, Dst: best.Addr, DstType: isa.F32})
		hit, odd := p.slot(side("h", turn), 4*count), p.slot(side("o", turn), 4*count)
		p.Vector(isa.VectorOp{Fn: isa.Equal, Count: count, Cols: n, Src: [3]int64{m.Addr, best.Addr}, SrcType: [3]isa.Type{t, isa.F32}, Spread: [3]isa.Spread{isa.Full, isa.PerRow}, Dst: hit.Addr, DstType: isa.F32})
		p.Vector(isa.VectorOp{Fn: isa.NotEqual, Count: count, Cols: n, Src: [3]int64{m.Addr, m.Addr}, SrcType: [3]isa.Type{t, t}, Dst: odd.Addr, DstType: isa.F32})
		p.Vector(isa.VectorOp{Fn: isa.Max, Count: count, Cols: n, Src: [3]int64{hit.Addr, odd.Addr}, SrcType: [3]isa.Type{isa.F32, isa.F32}, Dst: hit.Addr, DstType: isa.F32})
		v := isa.VectorOp{Fn: isa.Select, Count: count, Cols: n, Src: [3]int64{hit.Addr, places.Addr}, SrcType: [3]isa.Type{isa.F32, isa.F32, isa.F32}, Dst: hit.Addr, DstType: isa.F32}
		v.Spread[1], v.Spread[2], v.Imm[2] = isa.PerCol, isa.Scalar, 1<<24
		p.Vector(v)
		p.Vector(isa.VectorOp{Fn: isa.RowMin, Count: count, Cols: n, Src: [3]int64{hit.Addr}, SrcType: [3]isa.Type{isa.F32}, Dst: best.Addr, DstType: isa.F32})
		wide := p.slot(side("w", turn), 8*rows)
		p.widen(wide.Addr, best.Addr, rows, turn)
		at := b.at[0]*inner + b.at[1]
		p.store(wide.Addr, area{y.addr + int64(8*at), []int{rows}, []int{1}, 8})
		turn++
	})
}

// widen writes n whole numbers from 0 up to 2²⁴ as 64-bit integers.
func (p *program) widen(dst, src int64, n, turn int) {
	low := p.slot(side("low", turn), 4*n)
	p.convert(low.Addr, isa.S32, src, isa.F32, n)
	p.constant(dst, 2*n, 0)
	v := isa.VectorOp{Fn: isa.Place, Count: n, Cols: n, Src: [3]int64{low.Addr}, SrcType: [3]isa.Type{isa.S32}, Dst: dst, DstType: isa.S32}
	v.Strides.Step = 8
	p.Vector(v)
}
