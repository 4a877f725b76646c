package sim

import (
	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/tpu/isa"
)

// A row is folded onto the lanes, a column onto the sublanes, one element after the
// other; what these hold is then combined in halves.

// fold is how elements are combined.
type fold struct {
	both vec.Binary
	fn   isa.VectorFn // the same by row
}

func (c *core) fold(v *isa.VectorOp) fold {
	fn := v.Fn
	if fn.ByCol() {
		fn -= isa.ColSum - isa.RowSum
	}
	switch fn {
	case isa.RowSum:
		return fold{c.vec.Add, fn}
	case isa.RowProd:
		return fold{c.vec.Mul, fn}
	case isa.RowMax:
		return fold{c.vec.Max, fn}
	}
	return fold{c.vec.Min, fn}
}

// into combines elements with those of dst, in its place.
func (f fold) into(dst, x []float32) {
	if len(x) >= 16 {
		f.both(dst[:len(x)], dst, x)
		return
	}
	switch f.fn {
	case isa.RowSum:
		for i, v := range x {
			dst[i] += v
		}
	case isa.RowProd:
		for i, v := range x {
			dst[i] *= v
		}
	case isa.RowMax:
		for i, v := range x {
			dst[i] = max(dst[i], v)
		}
	default:
		for i, v := range x {
			dst[i] = min(dst[i], v)
		}
	}
}

// halve combines m pieces of n elements until one is left.
func (f fold) halve(x []float32, m, n int) {
	for m > 1 {
		half := (m + 1) / 2
		f.into(x, x[half*n:m*n])
		m = half
	}
}

// result is what is stored: the largest and the smallest have +0 for a zero.
func (f fold) result(x float32) float32 {
	if f.fn >= isa.RowMax {
		return x + 0
	}
	return x
}

// folded are those of the first source as float32.
func (c *core) folded(v *isa.VectorOp) []float32 {
	if v.SrcType[0] == isa.F32 {
		if f := c.floats(v.Src[0], v.Count); f != nil {
			return f
		}
	}
	c.wide = grow(c.wide, v.Count)
	load(c.wide, c.buffer[v.Src[0]:], v.SrcType[0])
	return c.wide
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (c *core) reduceRows(v *isa.VectorOp) {
	f, x, width := c.fold(v), c.folded(v), c.cfg.Lanes
	m := min(width, v.Cols)
	c.sums = grow(c.sums, m+v.Rows)
	lanes, out := c.sums[:m], c.sums[m:]
	for r := range v.Rows {
		row := x[r*v.Cols:][:v.Cols]
		copy(lanes, row)
		for e := m; e < v.Cols; e += width {
			f.into(lanes, row[e:min(e+width, v.Cols)])
		}
		f.halve(lanes, m, 1)
		out[r] = f.result(lanes[0])
	}
	store(c.buffer[v.Dst:][:v.Rows*v.DstType.Size()], out, v.DstType)
}

// colBlock is how many columns are folded at a time.
const colBlock = 512

func (c *core) reduceCols(v *isa.VectorOp) {
	f, x, width := c.fold(v), c.folded(v), min(c.cfg.Sublanes, v.Rows)
	for j := 0; j < v.Cols; j += colBlock {
		n := min(colBlock, v.Cols-j)
		c.sums = grow(c.sums, width*n)
		sums := c.sums
		if n == v.Cols { // rows lie side by side, so that several are folded at once
			copy(sums, x[:width*n])
			for r := width; r < v.Rows; r += width {
				f.into(sums, x[r*n:min(r+width, v.Rows)*n])
			}
		} else {
			for r := range width {
				copy(sums[r*n:][:n], x[r*v.Cols+j:])
			}
			for r := width; r < v.Rows; r++ {
				f.into(sums[r%width*n:][:n], x[r*v.Cols+j:][:n])
			}
		}
		f.halve(sums, width, n)
		for i, s := range sums[:n] {
			sums[i] = f.result(s)
		}
		at := v.Dst + int64(j*v.DstType.Size())
		store(c.buffer[at:][:n*v.DstType.Size()], sums[:n], v.DstType)
	}
}
