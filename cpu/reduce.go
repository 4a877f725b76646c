package cpu

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// A reduction runs in stages, the last reduced axes first. A stage sees its
// input as [outer, n, inner] and reduces the middle: rows where inner is 1, else
// whole rows of inner elements folded into one. Long sums are cut at fixed places
// and the parts combined in order.

// number is a Go type that elements are computed with.
type number interface {
	dtype.Number
	dtype.Element
}

// fold is a reduction on one number type.
type fold[T number] struct {
	start T                // the result over none
	row   func(x []T) T    // of a row, which is not empty
	into  func(acc, x []T) // acc[i] = fold(acc[i], x[i])
}

const (
	rowCut = 1 << 16 // elements of a row folded in one piece
	colCut = 1 << 10 // rows folded into one accumulator
	colRun = 1 << 10 // columns of an accumulator
)

func init() {
	declare(func(d *device) {
		sum := fold[float32]{0, d.vec.Sum, func(acc, x []float32) { d.vec.AddTo(acc, x) }}
		folds := map[*ops.Op]fold[float32]{
			ops.Sum:  sum,
			ops.Amax: {float32(math.Inf(-1)), d.vec.MaxVal, func(acc, x []float32) { d.vec.Max(acc, acc, x) }},
			ops.Amin: {float32(math.Inf(1)), d.vec.MinVal, func(acc, x []float32) { d.vec.Min(acc, acc, x) }},
			ops.Prod: {1, func(x []float32) float32 {
				p := 1.0
				for _, v := range x {
					p *= float64(v)
				}
				return float32(p)
			}, func(acc, x []float32) { d.vec.Mul(acc, acc, x) }},
		}
		for op, f := range folds {
			d.addFloats(op.Name, nil, func(c *hal.Call) error {
				return reduceStages(d, c, c.Attrs.(ops.ReduceAttrs).Axes, f)
			})
		}
		d.addFloats(ops.Mean.Name, nil, func(c *hal.Call) error {
			axes := c.Attrs.(ops.ReduceAttrs).Axes
			if err := reduceStages(d, c, axes, sum); err != nil {
				return err
			}
			out := data[float32](c.Out[0])
			n := float32(reduced(c.In[0].Shape, axes))
			d.chunks(len(out), grain, func(lo, hi int) { d.vec.DivS(out[lo:hi], out[lo:hi], n) })
			return nil
		})
		plainFolds[float64](d, math.Inf(-1), math.Inf(1))
		d.add(ops.Mean.Name, dtype.F64, nil, func(c *hal.Call) error {
			axes := c.Attrs.(ops.ReduceAttrs).Axes
			if err := reduceStages(d, c, axes, plainSum[float64]()); err != nil {
				return err
			}
			n := float64(reduced(c.In[0].Shape, axes))
			for i, out := 0, data[float64](c.Out[0]); i < len(out); i++ {
				out[i] /= n
			}
			return nil
		})
		plainFolds[int64](d, math.MinInt64, math.MaxInt64)
		plainFolds[int32](d, math.MinInt32, math.MaxInt32)
		plainFolds[int16](d, math.MinInt16, math.MaxInt16)
		plainFolds[int8](d, math.MinInt8, math.MaxInt8)
		plainFolds[uint64](d, 0, math.MaxUint64)
		plainFolds[uint32](d, 0, math.MaxUint32)
		plainFolds[uint16](d, 0, math.MaxUint16)
		plainFolds[uint8](d, 0, math.MaxUint8)
		for op, all := range map[*ops.Op]bool{ops.AnyTrue: false, ops.AllTrue: true} {
			d.add(op.Name, dtype.Bool, nil, func(c *hal.Call) error { return reduceTruth(d, c, all) })
		}
	})
}

func plainSum[T number]() fold[T] {
	return fold[T]{0, func(x []T) (s T) {
		for _, v := range x {
			s += v
		}
		return s
	}, func(acc, x []T) {
		for i, v := range x {
			acc[i] += v
		}
	}}
}

// plainFolds registers the reductions on a number type without vector
// primitives. Integers wrap.
func plainFolds[T number](d *device, lowest, highest T) {
	folds := map[*ops.Op]fold[T]{
		ops.Sum: plainSum[T](),
		ops.Prod: {1, func(x []T) T {
			p := T(1)
			for _, v := range x {
				p *= v
			}
			return p
		}, func(acc, x []T) {
			for i, v := range x {
				acc[i] *= v
			}
		}},
		// The built-in max and min give NaN for any NaN.
		ops.Amax: {lowest, slices.Max[[]T], func(acc, x []T) {
			for i, v := range x {
				acc[i] = max(acc[i], v)
			}
		}},
		ops.Amin: {highest, slices.Min[[]T], func(acc, x []T) {
			for i, v := range x {
				acc[i] = min(acc[i], v)
			}
		}},
	}
	for op, f := range folds {
		d.add(op.Name, dtype.Of[T](), nil, func(c *hal.Call) error {
			return reduceStages(d, c, c.Attrs.(ops.ReduceAttrs).Axes, f)
		})
	}
}

// reduced is the number of elements behind each result.
func reduced(dims, axes []int) int {
	n := 1
	for _, a := range reduceAxes(dims, axes) {
		n *= dims[a]
	}
	return n
}

// reduceAxes lists the reduced axes in order; the shape rule has accepted them.
func reduceAxes(dims, axes []int) []int {
	all, err := shape.Axes(axes, len(dims))
	if err != nil {
		panic(err)
	}
	return all
}

// groups joins neighbouring axes that are reduced alike: sizes, and whether each
// is reduced.
func groups(dims, axes []int) (sizes []int, red []bool) {
	is := make([]bool, len(dims))
	for _, a := range reduceAxes(dims, axes) {
		is[a] = true
	}
	for i, n := range dims {
		if k := len(sizes); k > 0 && red[k-1] == is[i] {
			sizes[k-1] *= n
		} else {
			sizes, red = append(sizes, n), append(red, is[i])
		}
	}
	return sizes, red
}

// reduceStages reduces a dense tensor group by group.
func reduceStages[T number](d *device, c *hal.Call, axes []int, f fold[T]) error {
	src, dst := data[T](c.In[0]), data[T](c.Out[0])
	sizes, red := groups(c.In[0].Shape, axes)
	if len(src) == 0 {
		for i := range dst {
			dst[i] = f.start
		}
		return nil
	}
	var held []hal.Buffer
	defer func() {
		for _, b := range held {
			b.Free()
		}
	}()
	left := 0
	for _, r := range red {
		if r {
			left++
		}
	}
	if left == 0 {
		copy(dst, src)
	}
	for i := len(sizes) - 1; i >= 0 && left > 0; i-- {
		if !red[i] {
			continue
		}
		left--
		outer, n, inner := product(sizes[:i]), sizes[i], product(sizes[i+1:])
		to := dst
		if left > 0 {
			buf, err := d.Alloc(outer * inner * c.In[0].DType.Size())
			if err != nil {
				return err
			}
			held = append(held, buf)
			to = dtype.Slice[T](hostdev.Bytes(buf))
		}
		reduceStage(d, to, src, outer, n, inner, f)
		src, sizes[i] = to, 1
	}
	return nil
}

func product(sizes []int) int {
	n := 1
	for _, s := range sizes {
		n *= s
	}
	return n
}

// reduceStage folds the middle of src [outer, n, inner] into dst [outer, inner].
func reduceStage[T number](d *device, dst, src []T, outer, n, inner int, f fold[T]) {
	switch {
	case inner == 1 && n <= rowCut:
		d.rows(outer, n, func(lo, hi int) {
			for o := lo; o < hi; o++ {
				dst[o] = f.row(src[o*n : (o+1)*n])
			}
		})
	case inner == 1:
		cuts := (n + rowCut - 1) / rowCut
		part := make([]T, cuts)
		for o := range outer {
			row := src[o*n : (o+1)*n]
			d.workers.For(cuts, func(i int) { part[i] = f.row(row[i*rowCut : min((i+1)*rowCut, n)]) })
			dst[o] = f.row(part)
		}
	default:
		reduceColumns(d, dst, src, outer, n, inner, f)
	}
}

// reduceColumns folds rows of inner elements: blocks of columns side by side,
// and stretches of colCut rows that are combined in order.
func reduceColumns[T number](d *device, dst, src []T, outer, n, inner int, f fold[T]) {
	cuts := (n + colCut - 1) / colCut
	acc := dst
	if cuts > 1 {
		acc = make([]T, outer*cuts*inner)
	}
	blocks := (inner + colRun - 1) / colRun
	task := func(i int) {
		b, j := i%blocks, i/blocks
		o, cut := j/cuts, j%cuts
		lo, hi := b*colRun, min((b+1)*colRun, inner)
		to := acc[j*inner+lo : j*inner+hi]
		first := (o*n + cut*colCut) * inner
		copy(to, src[first+lo:first+hi])
		for r := cut*colCut + 1; r < min((cut+1)*colCut, n); r++ {
			f.into(to, src[(o*n+r)*inner+lo:(o*n+r)*inner+hi])
		}
	}
	tasks := outer * cuts * blocks
	if each := min(n, colCut) * min(inner, colRun); each*tasks > grain {
		per := max(1, grain/each)
		d.chunks(tasks, per, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				task(i)
			}
		})
	} else {
		for i := range tasks {
			task(i)
		}
	}
	if cuts > 1 {
		for o := range outer {
			to := dst[o*inner : (o+1)*inner]
			copy(to, acc[o*cuts*inner:])
			for cut := 1; cut < cuts; cut++ {
				f.into(to, acc[(o*cuts+cut)*inner:(o*cuts+cut+1)*inner])
			}
		}
	}
}

// reduceTruth is any or all.
func reduceTruth(d *device, c *hal.Call, all bool) error {
	f := plainSum[uint8]()
	f.row = func(x []uint8) uint8 {
		if all {
			return slices.Min(x)
		}
		return slices.Max(x)
	}
	f.into = func(acc, x []uint8) {
		for i, v := range x {
			if all {
				acc[i] &= v
			} else {
				acc[i] |= v
			}
		}
	}
	if all {
		f.start = 1
	}
	view := *c
	in, out := c.In[0], c.Out[0]
	in.DType, out.DType = dtype.U8, dtype.U8 // bools are bytes of 0 and 1
	view.In, view.Out = []hal.View{in}, []hal.View{out}
	return reduceStages(d, &view, c.Attrs.(ops.ReduceAttrs).Axes, f)
}
