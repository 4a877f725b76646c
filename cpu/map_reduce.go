package cpu

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// A reduction of an expression (ops.FusedReduce) is the reduction of stored elements but
// for its first stage, which has them computed, a piece at a time that stays in a cache.
// Pieces are folded as stored ones are, so that the bits are the same.

// reducePlanner plans the reduction of an expression, nil where there is none in a type.
func (d *device) reducePlanner(e *expr.Node, reduce *ops.Op, t dtype.Type) planner {
	prog, err := e.Program(mapRegs)
	if err != nil {
		return nil
	}
	switch t {
	case dtype.F32:
		return producing(d, prog, reduce, d.float32Lanes(), d.folds32(), d.vec.DivS)
	case dtype.F64:
		return producing(d, prog, reduce, float64Lanes, foldsOf(math.Inf(-1), math.Inf(1)), divide64)
	case dtype.I64:
		return producing(d, prog, reduce, intLanes(64, true), foldsOf[int64](math.MinInt64, math.MaxInt64), nil)
	}
	return nil
}

func producing[T lane](d *device, prog *expr.Program, reduce *ops.Op, l lanes[T], folds map[*ops.Op]fold[T], divide func(dst, x []T, n T)) planner {
	f, average := folds[reduce], false
	if reduce == ops.Mean && divide != nil {
		f, average = folds[ops.Sum], true
	}
	if f.row == nil {
		return nil
	}
	return func(c *call) task {
		attrs := c.attrs.(ops.FusedReduceAttrs)
		produced := producedBy(c, l.dtype)
		r := reductionOf(d, &produced.out[0], &c.out[0], attrs.Axes, f)
		if len(r.stages) > 0 {
			m := bindMapping(produced, prog, attrs.Params, l, false)
			r.begin = m.begin
			newProducer(r.stages[0], m)
		}
		if average {
			return r.mean(d, attrs.Axes, divide)
		}
		return r.task()
	}
}

// producedBy is the elementwise part of a call, with a result that is never stored.
func producedBy(c *call, t dtype.Type) *call {
	dims := make([][]int, len(c.in))
	for i := range c.in {
		dims[i] = c.in[i].Shape
	}
	to, err := shape.Broadcast(dims...)
	if err != nil {
		panic(err) // the shape rule has accepted the operands
	}
	out := operand{n: shape.MustElements(to)}
	out.DType, out.Shape, out.Strides, out.bytes = t, to, shape.Strides(to), out.n*t.Size()
	for i := range c.in {
		in := &c.in[i]
		if in.Strides, err = shape.BroadcastStrides(in.Shape, in.Strides, to); err != nil {
			panic(err)
		}
		in.Shape = to
	}
	return &call{in: c.in, out: []operand{out}}
}

// pieceLength is how many elements are computed at a time, at least: with what the
// expression reads they stay in the second-level cache.
const pieceLength = 4 * strip

// reduceProducer is the first stage of a reduction of an expression.
type reduceProducer[T lane] struct {
	*stage[T]
	from   *mapping[T]
	pieces sync.Pool // of *[]T
	whole  func(lo, hi int)
	row0   []T // the only row, which all threads compute
}

// newProducer makes a stage compute what it folds.
func newProducer[T lane](s *stage[T], m *mapping[T]) {
	p := &reduceProducer[T]{stage: s, from: m}
	length := pieceLength
	if s.inner == 1 {
		length = max(length, min(s.n, rowCut))
	}
	p.pieces.New = func() any {
		piece := make([]T, length)
		return &piece
	}
	p.whole = func(lo, hi int) { m.produce(p.row0[lo:hi], lo) }
	switch {
	case s.inner > 1:
		s.body = p.foldColumns
	case s.cut == nil:
		s.body = p.foldRows
	default:
		s.cut = p.foldCut
	}
}

func (p *reduceProducer[T]) foldRows(lo, hi int) {
	piece := p.pieces.Get().(*[]T)
	if p.outer == 1 {
		p.row0 = (*piece)[:p.n]
		p.d.chunks(p.n, grain, p.whole)
		p.dst[0] = p.fold.row(p.row0)
		p.row0 = nil
	} else {
		for o := lo; o < hi; {
			rows := min(hi-o, len(*piece)/p.n)
			x := (*piece)[:rows*p.n]
			p.from.produce(x, o*p.n)
			for i := range rows {
				p.dst[o+i] = p.fold.row(x[i*p.n : (i+1)*p.n])
			}
			o += rows
		}
	}
	p.pieces.Put(piece)
}

func (p *reduceProducer[T]) foldCut(i int) {
	piece := p.pieces.Get().(*[]T)
	x := (*piece)[:min(rowCut, p.n-i*rowCut)]
	p.from.produce(x, p.row+i*rowCut)
	p.part[i] = p.fold.row(x)
	p.pieces.Put(piece)
}

// foldColumns folds blocks of stretches, as that of a stage does. Where a block is as wide
// as the rows, several of them are computed at a time.
func (p *reduceProducer[T]) foldColumns(first, end int) {
	acc := p.part
	if p.cuts == 1 {
		acc = p.dst
	}
	piece := p.pieces.Get().(*[]T)
	for i := first; i < end; i++ {
		b, j := i%p.blocks, i/p.blocks
		o, cut := j/p.cuts, j%p.cuts
		lo, hi := b*colRun, min((b+1)*colRun, p.inner)
		to := acc[j*p.inner+lo : j*p.inner+hi]
		rows, width := 1, hi-lo
		if width == p.inner {
			rows = len(*piece) / width
		}
		last := min((cut+1)*colCut, p.n)
		for r := cut * colCut; r < last; r += rows {
			x := (*piece)[:min(rows, last-r)*width]
			p.from.produce(x, (o*p.n+r)*p.inner+lo)
			if r == cut*colCut {
				copy(to, x)
				x = x[width:]
			}
			for ; len(x) > 0; x = x[width:] {
				p.fold.into(to, x[:width])
			}
		}
	}
	p.pieces.Put(piece)
}
