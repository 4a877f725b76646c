package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Running sums and products. A line is run through by one thread, so results do not
// depend on the number of threads. Floats accumulate in float64, as PyTorch's do.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Cumsum.Name, scan(d, 0, func(acc float64, v float32) float64 { return acc + float64(v) }))
		d.addFloats(ops.Cumprod.Name, scan(d, 1, func(acc float64, v float32) float64 { return acc * float64(v) }))
		plainScans[float64](d)
		plainScans[int64](d)
		plainScans[int32](d)
		plainScans[int16](d)
		plainScans[int8](d)
		plainScans[uint64](d)
		plainScans[uint32](d)
		plainScans[uint16](d)
		plainScans[uint8](d)
	})
}

func plainScans[T number](d *device) {
	t := dtype.Of[T]()
	d.addDense(ops.Cumsum.Name, t, scan(d, T(0), func(acc, v T) T { return acc + v }))
	d.addDense(ops.Cumprod.Name, t, scan(d, T(1), func(acc, v T) T { return acc * v }))
}

// scan plans a running fold, whose accumulator A starts at start, over lines of
// x [outer, n, inner]. Columns that lie side by side are run through together.
func scan[T, A number](d *device, start A, fold func(acc A, v T) A) planner {
	const run = 64
	return func(c *call) task {
		x, out, a := &c.in[0], &c.out[0], c.attrs.(ops.ScanAttrs)
		if out.n == 0 {
			return nothing
		}
		axis := axisOf(a.Axis, len(x.Shape))
		n, inner := x.Shape[axis], product(x.Shape[axis+1:])
		blocks := (inner + run - 1) / run
		body := func(lo, hi int) {
			src, dst := data[T](x), data[T](out)
			for block := lo; block < hi; block++ {
				b := block % blocks * run
				width := min(run, inner-b)
				at, step := block/blocks*n*inner+b, inner
				if a.Reverse {
					at, step = at+(n-1)*inner, -inner
				}
				var room [run]A
				acc := room[:width]
				for j := range acc {
					acc[j] = start
				}
				for range n {
					from, to := src[at:at+width], dst[at:at+width]
					for j, v := range from {
						next := fold(acc[j], v)
						if a.Exclusive {
							to[j] = T(acc[j])
						} else {
							to[j] = T(next)
						}
						acc[j] = next
					}
					at += step
				}
			}
		}
		return task{inPlace: over(pair{0, 0}), run: func([]byte) error {
			d.rows(out.n/n/inner*blocks, n*min(run, inner), body)
			return nil
		}}
	}
}
