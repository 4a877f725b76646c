package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Gathers move elements by their size; additions need their type. Repeated
// indices add up in the order of the indices, by one thread each, so sums have a
// fixed order. Indices are checked before anything is written.

func init() {
	declare(func(d *device) {
		for _, t := range ops.Any {
			switch t.Size() {
			case 1:
				gathers[uint8](d, t)
			case 2:
				gathers[uint16](d, t)
			case 4:
				gathers[uint32](d, t)
			default:
				gathers[uint64](d, t)
			}
		}
		d.addFloats(ops.IndexAdd.Name, indexAdd[float32](d))
		d.addFloats(ops.ScatterAdd.Name, scatterAdd[float32](d))
		d.addFloats(ops.ScatterReduce.Name, scatterReduce[float32](d))
		additions[float64](d)
		additions[int64](d)
		additions[int32](d)
		additions[int16](d)
		additions[int8](d)
		additions[uint64](d)
		additions[uint32](d)
		additions[uint16](d)
		additions[uint8](d)
		for _, t := range ops.Indices {
			d.addDense(ops.OneHot.Name, t, d.oneHot)
		}
	})
}

func gathers[T number](d *device, t dtype.Type) {
	d.addDense(ops.Take.Name, t, take[T](d))
	d.addDense(ops.Gather.Name, t, gather[T](d))
	d.addDense(ops.Scatter.Name, t, scatter[T](d))
}

func additions[T number](d *device) {
	d.addDense(ops.IndexAdd.Name, dtype.Of[T](), indexAdd[T](d))
	d.addDense(ops.ScatterAdd.Name, dtype.Of[T](), scatterAdd[T](d))
	d.addDense(ops.ScatterReduce.Name, dtype.Of[T](), scatterReduce[T](d))
}

// longs is an index operand as i64: itself, or a copy in scratch where it has another type or
// a negative index.
type longs struct {
	*operand
	work int
	list []int64 // of the run
}

func newLongs(o *operand) *longs {
	return &longs{operand: o, work: aligned(o.n * dtype.I64.Size())}
}

// read sets and returns the list of a run.
func (l *longs) read(work *[]byte) []int64 {
	room := scratch[int64](work, l.n)
	if l.DType == dtype.I64 {
		l.list = data[int64](l.operand)
		return l.list
	}
	l.list = room
	dtype.Convert(dtype.Bytes(l.list), dtype.I64, l.memory(), l.DType)
	return l.list
}

// within reads an index operand and checks it against the size n of its axis. Negative
// indices are counted from the end.
func (l *longs) within(op *ops.Op, n int, work []byte) error {
	rest := work
	for i, k := range l.read(&rest) {
		if k < 0 && k >= -int64(n) {
			if l.DType == dtype.I64 && &l.list[0] == &data[int64](l.operand)[0] {
				l.list = scratch[int64](&work, l.n)
				copy(l.list, data[int64](l.operand))
			}
			l.list[i] += int64(n)
			continue
		}
		if k < 0 || k >= int64(n) {
			return ops.OutsideAxis(op.Name, k, i, n)
		}
	}
	return nil
}

// axisOf is a normalised axis, which the shape rule has accepted.
func axisOf(axis, rank int) int {
	a, err := shape.Axis(axis, rank)
	if err != nil {
		panic(err)
	}
	return a
}

// take copies slices [inner] of [outer, n, inner] at indices.
func take[T number](d *device) planner {
	return func(c *call) task {
		x, out, idx := &c.in[0], &c.out[0], newLongs(&c.in[1])
		axis := axisOf(c.attrs.(ops.TakeAttrs).Axis, len(x.Shape))
		n, inner := x.Shape[axis], product(x.Shape[axis+1:])
		body := func(lo, hi int) {
			src, dst, list := dtype.Slice[T](x.memory()), dtype.Slice[T](out.memory()), idx.list
			for r := lo; r < hi; r++ {
				from := (r/len(list)*n + int(list[r%len(list)])) * inner
				copy(dst[r*inner:(r+1)*inner], src[from:from+inner])
			}
		}
		return task{work: idx.work, run: func(work []byte) error {
			err := idx.within(ops.Take, n, work)
			if err != nil || out.n == 0 {
				return err
			}
			d.rows(out.n/inner, inner, body)
			return nil
		}}
	}
}

// indexAdd adds slices of updates [outer, len(idx), inner] to a copy of x
// [outer, n, inner].
func indexAdd[T number](d *device) planner {
	return func(c *call) task {
		x, updates, out, idx := &c.in[0], &c.in[2], &c.out[0], newLongs(&c.in[1])
		axis := axisOf(c.attrs.(ops.IndexAddAttrs).Axis, len(x.Shape))
		outer, n, inner := product(x.Shape[:axis]), x.Shape[axis], product(x.Shape[axis+1:])
		// One task owns a stretch of columns of one outer slice.
		const run = 256
		blocks := (inner + run - 1) / run
		size := max(1, grain/max(idx.n*min(inner, run), 1))
		body := func(lo, hi int) {
			dst, up, list := data[T](out), data[T](updates), idx.list
			for task := lo; task < hi; task++ {
				o, b := task/blocks, task%blocks*run
				e := min(b+run, inner)
				for i, k := range list {
					at := (o*n + int(k)) * inner
					to := dst[at+b : at+e]
					for j, v := range up[(o*len(list)+i)*inner+b : (o*len(list)+i)*inner+e] {
						to[j] += v
					}
				}
			}
		}
		return task{work: idx.work, inPlace: over(pair{0, 0}), run: func(work []byte) error {
			if err := idx.within(ops.IndexAdd, n, work); err != nil {
				return err
			}
			copy(data[T](out), data[T](x))
			if updates.n > 0 {
				d.chunks(outer*blocks, size, body)
			}
			return nil
		}}
	}
}

// pick visits a row of indices: list[j], which is index first+j of all, refers to
// element at + j·next + list[j]·step of x.
type pick func(list []int64, first, at, next, step int)

// picks plans f for all indices, row by row. The positions before the axis are spread over the threads; those that may meet in one
// element are visited in order. The run of the task calls begin once the indices are
// checked.
func (d *device) picks(op *ops.Op, x *operand, idx *longs, axis int, begin func(), f pick) task {
	axis = axisOf(axis, len(x.Shape))
	strides := shape.Strides(x.Shape)
	step, last := strides[axis], len(x.Shape)-1
	strides[axis] = 0
	before := lattice{idx.Shape[:axis], strides[:axis]}
	outer, block := product(idx.Shape[:axis]), product(idx.Shape[axis:])
	// Indices along the last axis are one row, whose elements lie where they say.
	inner, next := block, 0
	rows := lattice{}
	if axis < last {
		inner, next = idx.Shape[last], 1
		rows = lattice{idx.Shape[axis:last], strides[axis:last]}
	}
	body := func(lo, hi int) {
		for o := lo; o < hi; o++ {
			base := before.at(o)
			for i := o * block; i < (o+1)*block; i += inner {
				f(idx.list[i:i+inner], i, base+rows.at(i/inner), next, step)
			}
		}
	}
	return task{work: idx.work, run: func(work []byte) error {
		if err := idx.within(op, x.Shape[axis], work); err != nil {
			return err
		}
		begin()
		d.rows(outer, block, body)
		return nil
	}}
}

func gather[T number](d *device) planner {
	return func(c *call) task {
		var src, dst []T
		begin := func() {
			src, dst = dtype.Slice[T](c.in[0].memory()), dtype.Slice[T](c.out[0].memory())
		}
		return d.picks(ops.Gather, &c.in[0], newLongs(&c.in[1]), c.attrs.(ops.GatherAttrs).Axis, begin,
			func(list []int64, first, at, next, step int) {
				from, to := src[at:], dst[first:first+len(list)]
				for j, k := range list {
					to[j] = from[j*next+int(k)*step]
				}
			})
	}
}

// scatter writes in the order of the indices, so the last of several for one element stays.
func scatter[T number](d *device) planner {
	return func(c *call) task {
		var dst, up []T
		begin := func() {
			dst, up = dtype.Slice[T](c.out[0].memory()), dtype.Slice[T](c.in[2].memory())
			copy(c.out[0].memory(), c.in[0].memory())
		}
		t := d.picks(ops.Scatter, &c.in[0], newLongs(&c.in[1]), c.attrs.(ops.ScatterAttrs).Axis, begin,
			func(list []int64, first, at, next, step int) {
				from, to := up[first:first+len(list)], dst[at:]
				for j, k := range list {
					to[j*next+int(k)*step] = from[j]
				}
			})
		t.inPlace = over(pair{0, 0})
		return t
	}
}

func scatterAdd[T number](d *device) planner {
	return func(c *call) task {
		var dst, up []T
		begin := func() {
			dst, up = data[T](&c.out[0]), data[T](&c.in[2])
			copy(dst, data[T](&c.in[0]))
		}
		t := d.picks(ops.ScatterAdd, &c.in[0], newLongs(&c.in[1]), c.attrs.(ops.ScatterAttrs).Axis, begin,
			func(list []int64, first, at, next, step int) {
				from, to := up[first:first+len(list)], dst[at:]
				for j, k := range list {
					to[j*next+int(k)*step] += from[j]
				}
			})
		t.inPlace = over(pair{0, 0})
		return t
	}
}

// oneHot writes rows of zeros with a one at every index.
func (d *device) oneHot(c *call) task {
	out, idx := &c.out[0], newLongs(&c.in[0])
	classes := c.attrs.(ops.OneHotAttrs).Classes
	clearing := d.filling(out, [8]byte{})
	return task{work: idx.work, run: func(work []byte) error {
		clearing()
		b := out.memory()
		for i, k := range idx.read(&work) {
			if k < 0 || k >= int64(classes) {
				return ops.NoClass(ops.OneHot.Name, k, i, classes)
			}
			dtype.Store(b, out.DType, i*classes+int(k), 1)
		}
		return nil
	}}
}
