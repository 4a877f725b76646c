package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Running sums and products. A line is run through by one thread, so results do not
// depend on the number of threads. Floats accumulate in float64, as PyTorch's do.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Cumsum.Name, scan[float32, float64](d, false))
		d.addFloats(ops.Cumprod.Name, scan[float32, float64](d, true))
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
	d.addDense(ops.Cumsum.Name, dtype.Of[T](), scan[T, T](d, false))
	d.addDense(ops.Cumprod.Name, dtype.Of[T](), scan[T, T](d, true))
}

// scan plans running sums or products, kept in an A, over lines of x [outer, n, inner].
// Columns that lie side by side are run through together.
func scan[T, A number](d *device, multiply bool) planner {
	const run = 64
	return func(c *call) task {
		x, out, a := &c.in[0], &c.out[0], c.attrs.(ops.ScanAttrs)
		if out.n == 0 {
			return nothing
		}
		axis := axisOf(a.Axis, len(x.Shape))
		n, inner := x.Shape[axis], product(x.Shape[axis+1:])
		blocks := (inner + run - 1) / run
		var start A
		if multiply {
			start = 1
		}
		body := func(lo, hi int) {
			src, dst := data[T](x), data[T](out)
			for block := lo; block < hi; block++ {
				b := block % blocks * run
				at, step := block/blocks*n*inner+b, inner
				if a.Reverse {
					at, step = at+(n-1)*inner, -inner
				}
				if inner == 1 {
					scanLine(dst, src, at, step, n, start, multiply, a.Exclusive)
					continue
				}
				width := min(run, inner-b)
				var room [run]A
				acc := room[:width]
				for j := range acc {
					acc[j] = start
				}
				for range n {
					scanRow(dst[at:at+width], src[at:at+width], acc, multiply, a.Exclusive)
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

// scanLine runs through n elements that lie step apart.
func scanLine[T, A number](dst, src []T, at, step, n int, acc A, multiply, exclusive bool) {
	switch {
	case step == 1 && !multiply && !exclusive:
		src, dst = src[at:at+n], dst[at:at+n]
		for i, v := range src {
			acc += A(v)
			dst[i] = T(acc)
		}
	case step == 1 && !exclusive:
		src, dst = src[at:at+n], dst[at:at+n]
		for i, v := range src {
			acc *= A(v)
			dst[i] = T(acc)
		}
	default:
		var one [1]A
		one[0] = acc
		for range n {
			scanRow(dst[at:at+1], src[at:at+1], one[:], multiply, exclusive)
			at += step
		}
	}
}

// scanRow adds a row of elements to those so far, or multiplies by it.
func scanRow[T, A number](dst, src []T, acc []A, multiply, exclusive bool) {
	dst, acc = dst[:len(src)], acc[:len(src)]
	switch {
	case exclusive:
		for j, v := range src {
			dst[j] = T(acc[j])
			if multiply {
				acc[j] *= A(v)
			} else {
				acc[j] += A(v)
			}
		}
	case multiply:
		for j, v := range src {
			acc[j] *= A(v)
			dst[j] = T(acc[j])
		}
	default:
		for j, v := range src {
			acc[j] += A(v)
			dst[j] = T(acc[j])
		}
	}
}
