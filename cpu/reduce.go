package cpu

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

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

func init() {
	declare(func(d *device) {
		for op, f := range d.folds32() {
			d.addFloats(op.Name, reduce(d, f))
		}
		d.addFloats(ops.Mean.Name, mean(d, d.folds32()[ops.Sum], d.vec.DivS))
		plainFolds[float64](d, math.Inf(-1), math.Inf(1))
		d.addDense(ops.Mean.Name, dtype.F64, mean(d, plainSum[float64](), divide64))
		plainFolds[int64](d, math.MinInt64, math.MaxInt64)
		plainFolds[int32](d, math.MinInt32, math.MaxInt32)
		plainFolds[int16](d, math.MinInt16, math.MaxInt16)
		plainFolds[int8](d, math.MinInt8, math.MaxInt8)
		plainFolds[uint64](d, 0, math.MaxUint64)
		plainFolds[uint32](d, 0, math.MaxUint32)
		plainFolds[uint16](d, 0, math.MaxUint16)
		plainFolds[uint8](d, 0, math.MaxUint8)
		// Truth values are bytes of 0 and 1.
		d.addDense(ops.AnyTrue.Name, dtype.Bool, reduce(d, fold[uint8]{0, slices.Max[[]uint8], func(acc, x []uint8) {
			for i, v := range x {
				acc[i] |= v
			}
		}}))
		d.addDense(ops.AllTrue.Name, dtype.Bool, reduce(d, fold[uint8]{1, slices.Min[[]uint8], func(acc, x []uint8) {
			for i, v := range x {
				acc[i] &= v
			}
		}}))
	})
}

// folds32 are the reductions of f32.
func (d *device) folds32() map[*ops.Op]fold[float32] {
	return map[*ops.Op]fold[float32]{
		ops.Sum:  {0, d.vec.Sum, func(acc, x []float32) { d.vec.AddTo(acc, x) }},
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
}

func divide64(dst, x []float64, n float64) {
	for i, v := range x {
		dst[i] = v / n
	}
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

// plainFolds registers the reductions on a number type without vector primitives.
func plainFolds[T number](d *device, lowest, highest T) {
	for op, f := range foldsOf(lowest, highest) {
		d.addDense(op.Name, dtype.Of[T](), reduce(d, f))
	}
}

// foldsOf are the reductions on a number type without vector primitives. Integers wrap.
func foldsOf[T number](lowest, highest T) map[*ops.Op]fold[T] {
	return map[*ops.Op]fold[T]{
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
}

// reduces reports for every axis whether it is reduced; the shape rule has accepted
// the list.
func reduces(dims, axes []int) []bool {
	all, err := shape.Axes(axes, len(dims))
	if err != nil {
		panic(err)
	}
	is := make([]bool, len(dims))
	for _, a := range all {
		is[a] = true
	}
	return is
}

// groups joins neighbouring axes that are reduced alike: sizes, and whether each
// is reduced.
func groups(dims, axes []int) (sizes []int, red []bool) {
	is := reduces(dims, axes)
	for i, n := range dims {
		if k := len(sizes); k > 0 && red[k-1] == is[i] {
			sizes[k-1] *= n
		} else {
			sizes, red = append(sizes, n), append(red, is[i])
		}
	}
	return sizes, red
}

// reduce plans a reduction.
func reduce[T number](d *device, f fold[T]) planner {
	return func(c *call) task { return newReduction(d, c, f).task() }
}

// mean plans a sum and divides it by the number of elements behind each result.
func mean[T float32 | float64](d *device, sum fold[T], divide func(dst, x []T, n T)) planner {
	return func(c *call) task {
		r := newReduction(d, c, sum)
		return r.mean(d, c.attrs.(ops.ReduceAttrs).Axes, divide)
	}
}

// mean is the task of a sum that is divided.
func (r *reduction[T]) mean(d *device, axes []int, divide func(dst, x []T, n T)) task {
	_, gone := split(r.in, axes)
	n := T(product(gone.dims))
	average := func(lo, hi int) {
		part := data[T](r.out)[lo:hi]
		divide(part, part, n)
	}
	total := r.task()
	return task{work: total.work, run: func(work []byte) error {
		err := total.run(work)
		d.chunks(r.out.n, grain, average)
		return err
	}}
}
