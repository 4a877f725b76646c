package cpu

import "github.com/crease-ml/crease/ops"

// A reduction runs in stages, the last reduced axes first. A stage sees its
// input as [outer, n, inner] and reduces the middle: rows where inner is 1, else
// whole rows of inner elements folded into one. Long sums are cut at fixed places
// and the parts combined in order.

const (
	rowCut = 1 << 16 // elements of a row folded in one piece
	colCut = 1 << 10 // rows folded into one accumulator
	colRun = 1 << 10 // columns of an accumulator
)

// reduction is a planned reduction of a dense operand, stage by stage.
type reduction[T number] struct {
	in, out *operand
	fold    fold[T]
	stages  []*stage[T]
	begin   func() // of a run (optional): the first stage reads no memory
}

func newReduction[T number](d *device, c *call, f fold[T]) *reduction[T] {
	return reductionOf(d, &c.in[0], &c.out[0], c.attrs.(ops.ReduceAttrs).Axes, f)
}

func reductionOf[T number](d *device, in, out *operand, axes []int, f fold[T]) *reduction[T] {
	r := &reduction[T]{in: in, out: out, fold: f}
	sizes, red := groups(r.in.Shape, axes)
	if r.in.n == 0 {
		return r
	}
	for i := len(sizes) - 1; i >= 0; i-- {
		if red[i] {
			r.stages = append(r.stages, newStage(d, product(sizes[:i]), sizes[i], product(sizes[i+1:]), f))
			sizes[i] = 1
		}
	}
	return r
}

func (r *reduction[T]) task() task {
	switch {
	case r.in.n == 0:
		return task{run: func([]byte) error {
			fill(data[T](r.out), r.fold.start)
			return nil
		}}
	case len(r.stages) == 0:
		return task{run: func([]byte) error {
			copy(data[T](r.out), data[T](r.in))
			return nil
		}}
	}
	work, last := 0, len(r.stages)-1
	for i, s := range r.stages {
		work += aligned(s.parts * r.out.DType.Size())
		if i < last {
			work += aligned(s.results() * r.out.DType.Size())
		}
	}
	return task{work: work, run: func(work []byte) error {
		var src []T
		if r.begin != nil {
			r.begin()
		} else {
			src = data[T](r.in)
		}
		dst := data[T](r.out)
		for i, s := range r.stages {
			to := dst
			if i < last {
				to = scratch[T](&work, s.results())
			}
			s.reduce(to, src, scratch[T](&work, s.parts))
			src = to
		}
		return nil
	}}
}

func product(sizes []int) int {
	n := 1
	for _, s := range sizes {
		n *= s
	}
	return n
}

// stage folds the middle of src [outer, n, inner] into dst [outer, inner].
type stage[T number] struct {
	d               *device
	fold            fold[T]
	outer, n, inner int
	cuts, blocks    int // of a long sum, and of the columns that are summed side by side
	parts           int // results of cuts, which are combined in order

	dst, src, part []T // of the run
	row            int // where the row that is being cut begins
	body           func(lo, hi int)
	cut            func(i int)
}

func newStage[T number](d *device, outer, n, inner int, f fold[T]) *stage[T] {
	s := &stage[T]{d: d, fold: f, outer: outer, n: n, inner: inner}
	switch {
	case inner > 1:
		s.cuts, s.blocks = (n+colCut-1)/colCut, (inner+colRun-1)/colRun
		if s.cuts > 1 {
			s.parts = outer * s.cuts * inner
		}
		s.body = s.foldColumns
	case n <= rowCut:
		s.body = s.foldRows
	default:
		s.cuts = (n + rowCut - 1) / rowCut
		s.parts = s.cuts
		s.cut = s.foldCut
	}
	return s
}

func (s *stage[T]) results() int { return s.outer * s.inner }

func (s *stage[T]) reduce(dst, src, part []T) {
	s.dst, s.src, s.part = dst, src, part
	switch {
	case s.inner > 1:
		s.columns()
	case s.cut == nil:
		s.d.rows(s.outer, s.n, s.body)
	default:
		for o := range s.outer {
			s.row = o * s.n
			s.d.workers.For(s.cuts, s.cut)
			dst[o] = s.fold.row(part)
		}
	}
}

func (s *stage[T]) foldRows(lo, hi int) {
	for o := lo; o < hi; o++ {
		s.dst[o] = s.fold.row(s.src[o*s.n : (o+1)*s.n])
	}
}

func (s *stage[T]) foldCut(i int) {
	s.part[i] = s.fold.row(s.src[s.row+i*rowCut : s.row+min((i+1)*rowCut, s.n)])
}

// columns folds rows of inner elements: blocks of columns side by side, and stretches
// of colCut rows that are combined in order.
func (s *stage[T]) columns() {
	tasks := s.outer * s.cuts * s.blocks
	if each := min(s.n, colCut) * min(s.inner, colRun); each*tasks > grain {
		s.d.chunks(tasks, max(1, grain/each), s.body)
	} else {
		s.body(0, tasks)
	}
	if s.cuts == 1 {
		return
	}
	for o := range s.outer {
		to := s.dst[o*s.inner : (o+1)*s.inner]
		copy(to, s.part[o*s.cuts*s.inner:])
		for cut := 1; cut < s.cuts; cut++ {
			s.fold.into(to, s.part[(o*s.cuts+cut)*s.inner:(o*s.cuts+cut+1)*s.inner])
		}
	}
}

// foldColumns folds blocks of stretches.
func (s *stage[T]) foldColumns(first, end int) {
	acc, src, into := s.part, s.src, s.fold.into
	if s.cuts == 1 {
		acc = s.dst
	}
	for i := first; i < end; i++ {
		b, j := i%s.blocks, i/s.blocks
		o, cut := j/s.cuts, j%s.cuts
		lo, hi := b*colRun, min((b+1)*colRun, s.inner)
		to := acc[j*s.inner+lo : j*s.inner+hi]
		first := (o*s.n + cut*colCut) * s.inner
		copy(to, src[first+lo:first+hi])
		for r := cut*colCut + 1; r < min((cut+1)*colCut, s.n); r++ {
			into(to, src[(o*s.n+r)*s.inner+lo:(o*s.n+r)*s.inner+hi])
		}
	}
}
