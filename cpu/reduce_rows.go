package cpu

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Reductions that need all elements of a result at once take them as a row:
// where the reduced axes are not the last ones, each row is gathered first.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Var.Name, nil, func(c *hal.Call) error {
			a := c.Attrs.(ops.VarAttrs)
			out := data[float32](c.Out[0])
			eachRow(d, c.In[0], a.Axes, func(i int, x []float32) {
				mean := d.vec.Sum(x) / float32(len(x))
				out[i] = d.vec.SumSqDev(x, mean) / float32(max(len(x)-a.Correction, 0))
			})
			return nil
		})
		d.add(ops.Var.Name, dtype.F64, nil, func(c *hal.Call) error {
			a := c.Attrs.(ops.VarAttrs)
			out, sum := data[float64](c.Out[0]), plainSum[float64]().row
			eachRow(d, c.In[0], a.Axes, func(i int, x []float64) {
				mean, squares := sum(x)/float64(len(x)), 0.0
				for _, v := range x {
					squares += (v - mean) * (v - mean)
				}
				out[i] = squares / float64(max(len(x)-a.Correction, 0))
			})
			return nil
		})
		d.addFloats(ops.LogSumExp.Name, nil, func(c *hal.Call) error {
			out := data[float32](c.Out[0])
			eachRow(d, c.In[0], c.Attrs.(ops.ReduceAttrs).Axes, func(i int, x []float32) {
				top := d.vec.MaxVal(x)
				if math.IsInf(float64(top), 0) {
					top = 0 // infinities give themselves
				}
				out[i] = top + float32(math.Log(float64(d.vec.SumExp(x, top))))
			})
			return nil
		})
		d.add(ops.LogSumExp.Name, dtype.F64, nil, func(c *hal.Call) error {
			out := data[float64](c.Out[0])
			eachRow(d, c.In[0], c.Attrs.(ops.ReduceAttrs).Axes, func(i int, x []float64) {
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
				out[i] = top + math.Log(sum)
			})
			return nil
		})
		for op, most := range map[*ops.Op]bool{ops.Argmax: true, ops.Argmin: false} {
			pick := d.vec.ArgMin
			if most {
				pick = d.vec.ArgMax
			}
			d.addFloats(op.Name, nil, argKernel(d, pick))
			d.add(op.Name, dtype.F64, nil, argKernel(d, plainArg[float64](most)))
			d.add(op.Name, dtype.I64, nil, argKernel(d, plainArg[int64](most)))
			d.add(op.Name, dtype.I32, nil, argKernel(d, plainArg[int32](most)))
			d.add(op.Name, dtype.I16, nil, argKernel(d, plainArg[int16](most)))
			d.add(op.Name, dtype.I8, nil, argKernel(d, plainArg[int8](most)))
			d.add(op.Name, dtype.U64, nil, argKernel(d, plainArg[uint64](most)))
			d.add(op.Name, dtype.U32, nil, argKernel(d, plainArg[uint32](most)))
			d.add(op.Name, dtype.U16, nil, argKernel(d, plainArg[uint16](most)))
			d.add(op.Name, dtype.U8, nil, argKernel(d, plainArg[uint8](most)))
		}
	})
}

func argKernel[T number](d *device, pick func([]T) int) run {
	return func(c *hal.Call) error {
		out := data[int64](c.Out[0])
		eachRow(d, c.In[0], []int{c.Attrs.(ops.ArgAttrs).Axis}, func(i int, x []T) { out[i] = int64(pick(x)) })
		return nil
	}
}

// plainArg is the position of the first largest (or smallest) element; the first
// NaN wins.
func plainArg[T number](most bool) func([]T) int {
	return func(x []T) int {
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
	}
}

// eachRow calls f with the elements behind every result, in order, from several
// threads.
func eachRow[T number](d *device, v hal.View, axes []int, f func(i int, x []T)) {
	all := reduceAxes(v.Shape, axes)
	is := make([]bool, len(v.Shape))
	for _, a := range all {
		is[a] = true
	}
	var kept, gone, keptStrides, goneStrides []int
	trailing := true
	for i, n := range v.Shape {
		if is[i] {
			gone, goneStrides = append(gone, n), append(goneStrides, v.Strides[i])
			continue
		}
		kept, keptStrides = append(kept, n), append(keptStrides, v.Strides[i])
		trailing = trailing && len(gone) == 0
	}
	outer, n := product(kept), product(gone)
	src := data[T](v)
	if trailing {
		d.rows(outer, n, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				f(i, src[i*n:(i+1)*n])
			}
		})
		return
	}
	starts := offsets(kept, keptStrides)
	steps := offsets(gone, goneStrides)
	scratch := sync.Pool{New: func() any {
		s := make([]T, n)
		return &s
	}}
	d.rows(outer, n, func(lo, hi int) {
		row := scratch.Get().(*[]T)
		defer scratch.Put(row)
		for i := lo; i < hi; i++ {
			for j, s := range steps {
				(*row)[j] = src[starts[i]+s]
			}
			f(i, *row)
		}
	})
}

// offsets lists the positions of a view's elements in row-major order.
func offsets(dims, strides []int) []int {
	out := make([]int, 0, product(dims))
	for it := shape.NewIterator(dims, strides); it.Next(); {
		out = append(out, it.Offsets()[0])
	}
	return out
}
