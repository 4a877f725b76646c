package cpu

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Reductions that need all elements of a result at once take them as a row:
// where the reduced axes are not the last ones, each row is gathered first.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Var.Name, func(c *call) task {
			a := c.attrs.(ops.VarAttrs)
			return perRow(d, c, a.Axes, func(x []float32) float32 {
				mean := d.vec.Sum(x) / float32(len(x))
				return d.vec.SumSqDev(x, mean) / float32(max(len(x)-a.Correction, 0))
			})
		})
		sum := plainSum[float64]().row
		d.addDense(ops.Var.Name, dtype.F64, func(c *call) task {
			a := c.attrs.(ops.VarAttrs)
			return perRow(d, c, a.Axes, func(x []float64) float64 {
				mean, squares := sum(x)/float64(len(x)), 0.0
				for _, v := range x {
					squares += (v - mean) * (v - mean)
				}
				return squares / float64(max(len(x)-a.Correction, 0))
			})
		})
		d.addFloats(ops.LogSumExp.Name, func(c *call) task {
			return perRow(d, c, c.attrs.(ops.ReduceAttrs).Axes, func(x []float32) float32 {
				top := d.vec.MaxVal(x)
				if math.IsInf(float64(top), 0) {
					top = 0 // infinities give themselves
				}
				return top + float32(math.Log(float64(d.vec.SumExp(x, top))))
			})
		})
		d.addDense(ops.LogSumExp.Name, dtype.F64, func(c *call) task {
			return perRow(d, c, c.attrs.(ops.ReduceAttrs).Axes, func(x []float64) float64 {
				top := math.Inf(-1)
				for _, v := range x {
					top = max(top, v)
				}
				if math.IsInf(top, 0) {
					top = 0
				}
				sum := 0.0
				for _, v := range x {
					sum += math.Exp(v - top)
				}
				return top + math.Log(sum)
			})
		})
		for op, most := range map[*ops.Op]bool{ops.Argmax: true, ops.Argmin: false} {
			pick := d.vec.ArgMin
			if most {
				pick = d.vec.ArgMax
			}
			d.addFloats(op.Name, position(d, pick))
			plainPosition[float64](d, op, most)
			plainPosition[int64](d, op, most)
			plainPosition[int32](d, op, most)
			plainPosition[int16](d, op, most)
			plainPosition[int8](d, op, most)
			plainPosition[uint64](d, op, most)
			plainPosition[uint32](d, op, most)
			plainPosition[uint16](d, op, most)
			plainPosition[uint8](d, op, most)
		}
	})
}

// position plans the search of an element in every row.
func position[T number](d *device, pick func([]T) int) planner {
	return func(c *call) task {
		return perRow(d, c, []int{c.attrs.(ops.ArgAttrs).Axis}, func(x []T) int64 { return int64(pick(x)) })
	}
}

// plainPosition registers the position of the first largest (or smallest) element; the
// first NaN wins.
func plainPosition[T number](d *device, op *ops.Op, most bool) {
	d.addDense(op.Name, dtype.Of[T](), position(d, func(x []T) int {
		best := 0
		for i, v := range x {
			switch b := x[best]; {
			case b != b:
				return best
			case v != v, most && v > b, !most && v < b:
				best = i
			}
		}
		return best
	}))
}

// perRow plans a function of the elements behind every result, in their order.
func perRow[T, R number](d *device, c *call, axes []int, f func(x []T) R) task {
	in, out := &c.in[0], &c.out[0]
	kept, gone := split(in, axes)
	outer, n := out.n, product(gone.dims)
	body := func(lo, hi int) {
		src, dst := data[T](in), data[R](out)
		for i := lo; i < hi; i++ {
			dst[i] = f(src[i*n : (i+1)*n])
		}
	}
	if !kept.apart(n) || !gone.apart(1) {
		rows := sync.Pool{New: func() any {
			row := make([]T, n)
			return &row
		}}
		body = func(lo, hi int) {
			src, dst := data[T](in), data[R](out)
			row := rows.Get().(*[]T)
			for i := lo; i < hi; i++ {
				collect(*row, src, kept.at(i), &gone)
				dst[i] = f(*row)
			}
			rows.Put(row)
		}
	}
	return task{run: func([]byte) error {
		d.rows(outer, n, body)
		return nil
	}}
}

// lattice is where the elements of some axes lie.
type lattice struct{ dims, strides []int }

// at is the place of element i in row-major order, in which elements begin anew after
// the last.
func (l *lattice) at(i int) int {
	at := 0
	for k := len(l.dims) - 1; k >= 0; k-- {
		at += i % l.dims[k] * l.strides[k]
		i /= l.dims[k]
	}
	return at
}

// split separates the axes that a reduction keeps from those that it reduces.
func split(o *operand, axes []int) (kept, gone lattice) {
	is := reduces(o.Shape, axes)
	for i, n := range o.Shape {
		l := &kept
		if is[i] {
			l = &gone
		}
		l.dims, l.strides = append(l.dims, n), append(l.strides, o.Strides[i])
	}
	return kept.collapsed(), gone.collapsed()
}

func (l lattice) collapsed() lattice {
	dims, s := shape.Collapse(l.dims, l.strides)
	return lattice{dims, s[0]}
}

// apart reports whether neighbours lie a step apart, from the first element on.
func (l *lattice) apart(step int) bool {
	return len(l.dims) == 0 || len(l.dims) == 1 && l.strides[0] == step
}

// collect copies the elements of a lattice that begins at a place of src.
func collect[T number](dst, src []T, first int, l *lattice) {
	inner, step := 1, 0
	outer := *l
	if last := len(l.dims) - 1; last >= 0 {
		inner, step = l.dims[last], l.strides[last]
		outer = lattice{l.dims[:last], l.strides[:last]}
	}
	for i := 0; i < len(dst); i += inner {
		at := first + outer.at(i/inner)
		run := dst[i : i+inner]
		for j := range run {
			run[j] = src[at]
			at += step
		}
	}
}
