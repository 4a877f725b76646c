package sim

import (
	"math"

	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// strip is how many elements are worked on at a time: they stay in the cache.
const strip = 512

// vector carries out a whole operation of the vector unit.
func (c *core) vector(op *isa.Op) {
	v := &op.Vector
	switch v.Fn {
	case isa.RowSum, isa.RowMax, isa.ColSum, isa.ColMax:
		c.reduce(v)
	case isa.Transpose:
		c.transpose(v)
	default:
		for lo := 0; lo < v.Count; lo += strip {
			c.elements(v, lo, min(lo+strip, v.Count))
		}
	}
}

// source reads elements lo to hi of a source.
func (c *core) source(v *isa.VectorOp, i, lo, hi int, dst []float32) []float32 {
	dst = dst[:hi-lo]
	size := int64(v.SrcType[i].Size())
	if i == 1 && v.Spread != isa.Full {
		for e := lo; e < hi; e++ {
			at := int64(e % v.Cols)
			switch v.Spread {
			case isa.PerRow:
				at = int64(e / v.Cols)
			case isa.Scalar:
				dst[e-lo] = v.Imm
				continue
			}
			load(dst[e-lo:e-lo+1], c.buffer[v.Src[i]+at*size:], v.SrcType[i])
		}
		return dst
	}
	load(dst, c.buffer[v.Src[i]+int64(lo)*size:], v.SrcType[i])
	return dst
}

// elements computes elements lo to hi, up to strip of them, of an elementwise
// operation.
func (c *core) elements(v *isa.VectorOp, lo, hi int) {
	var buf [3][strip]float32
	x := c.source(v, 0, lo, hi, buf[0][:])
	var y, z []float32
	if v.Fn.Sources() > 1 {
		y = c.source(v, 1, lo, hi, buf[1][:])
	}
	if v.Fn.Sources() > 2 {
		z = c.source(v, 2, lo, hi, buf[2][:])
	}
	apply(v.Fn, x, y, z)
	store(c.buffer[v.Dst+int64(lo*v.DstType.Size()):][:(hi-lo)*v.DstType.Size()], x, v.DstType)
}

// apply computes x = fn(x, y, z). Arithmetic rounds after every operation.
func apply(fn isa.VectorFn, x, y, z []float32) {
	switch fn {
	case isa.Add:
		for i := range x {
			x[i] += y[i]
		}
	case isa.Sub:
		for i := range x {
			x[i] -= y[i]
		}
	case isa.Mul:
		for i := range x {
			x[i] *= y[i]
		}
	case isa.MulAdd:
		for i := range x {
			x[i] = float32(x[i]*y[i]) + z[i]
		}
	case isa.Div:
		for i := range x {
			x[i] /= y[i]
		}
	case isa.Max:
		for i := range x {
			x[i] = max(x[i], y[i])
		}
	case isa.Min:
		for i := range x {
			x[i] = min(x[i], y[i])
		}
	case isa.Greater:
		for i := range x {
			if x[i] > y[i] {
				x[i] = 1
			} else {
				x[i] = 0
			}
		}
	case isa.Select:
		for i := range x {
			if x[i] != 0 {
				x[i] = y[i]
			} else {
				x[i] = z[i]
			}
		}
	default:
		for i, v := range x {
			x[i] = unary(fn, v)
		}
	}
}

// unary computes a function of one value, in float64 and rounded once where it is
// more than a change of sign.
func unary(fn isa.VectorFn, x float32) float32 {
	switch fn {
	case isa.Neg:
		return -x
	case isa.Abs:
		return floatOf(bitsOf(x) &^ (1 << 31))
	case isa.Exp:
		return float32(math.Exp(float64(x)))
	case isa.Log:
		return float32(math.Log(float64(x)))
	case isa.Rcp:
		return 1 / x
	case isa.Rsqrt:
		return float32(1 / math.Sqrt(float64(x)))
	case isa.Sqrt:
		return float32(math.Sqrt(float64(x)))
	case isa.VTanh:
		return num.Tanh.Apply(x, 0)
	case isa.VSigmoid:
		return num.Sigmoid.Apply(x, 0)
	case isa.VGELU:
		return num.GELU.Apply(x, 0)
	}
	return x // copy
}

// reduce sums or takes the largest along rows or columns. A row is folded onto the
// lanes, a column onto the sublanes, one element after the other; what these hold is
// then combined in halves.
func (c *core) reduce(v *isa.VectorOp) {
	n, length, across, step := v.Rows, v.Cols, v.Cols, 1
	width := c.cfg.Lanes
	if v.Fn == isa.ColSum || v.Fn == isa.ColMax {
		n, length, across, step, width = v.Cols, v.Rows, 1, v.Cols, c.cfg.Sublanes
	}
	largest := v.Fn == isa.RowMax || v.Fn == isa.ColMax
	lanes := make([]float32, min(width, length))
	var one [1]float32
	for i := range n {
		for e := range length {
			at := i*across + e*step
			load(one[:], c.buffer[v.Src[0]+int64(at*v.SrcType[0].Size()):], v.SrcType[0])
			l := &lanes[e%width]
			switch {
			case e < width:
				*l = one[0]
			case largest:
				*l = max(*l, one[0])
			default:
				*l += one[0]
			}
		}
		for m := len(lanes); m > 1; {
			half := (m + 1) / 2
			for e := range m - half {
				if largest {
					lanes[e] = max(lanes[e], lanes[half+e])
				} else {
					lanes[e] += lanes[half+e]
				}
			}
			m = half
		}
		store(c.buffer[v.Dst+int64(i*v.DstType.Size()):], lanes[:1], v.DstType)
	}
}

func (c *core) transpose(v *isa.VectorOp) {
	var one [1]float32
	for r := range v.Rows {
		for j := range v.Cols {
			load(one[:], c.buffer[v.Src[0]+int64((r*v.Cols+j)*v.SrcType[0].Size()):], v.SrcType[0])
			store(c.buffer[v.Dst+int64((j*v.Rows+r)*v.DstType.Size()):], one[:], v.DstType)
		}
	}
}
