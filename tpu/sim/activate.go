package sim

import (
	"encoding/binary"
	"math"

	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

func floatOf(b uint32) float32 { return math.Float32frombits(b) }

func bitsOf(f float32) uint32 { return math.Float32bits(f) }

// activate carries out a whole activation.
func (c *core) activate(op *isa.Op) {
	a := &op.Activation
	c.y = grow(c.y, op.Rows*a.Cols)
	// Functions make elements dear, so that pieces are small.
	c.ranges(op.Rows, max(1, 2*strip/a.Cols), func(c *core, lo, hi int) {
		for r := lo; r < hi; r++ {
			c.activateRow(op, r, c.y[r*a.Cols:][:a.Cols])
		}
	})
	if a.Pool != isa.NoPool {
		for o := range a.OutRows {
			c.pool(op, o, c.y)
		}
	}
}

// activateRow computes row r of an activation. Without pooling it writes the result;
// with pooling it leaves the values in y.
func (c *core) activateRow(op *isa.Op, r int, y []float32) {
	a := &op.Activation
	sums := c.acc[op.Array][(op.Acc+r)*c.cfg.Cols:][:a.Cols]
	if a.Round != num.FloatEven || a.Out == isa.S32 {
		c.exactRow(op, r, sums)
		return
	}
	c.biased(a, sums, y)
	switch {
	case a.Scales >= 0:
		scales := c.buffer[a.Scales:]
		for j := range y {
			y[j] *= floatOf(binary.LittleEndian.Uint32(scales[4*j:]))
		}
	case a.Scale != 1:
		for j := range y {
			y[j] *= a.Scale
		}
	}
	a.Fn.ApplyAll(y, a.Alpha)
	if a.Pool == isa.NoPool {
		c.result(op, r, y)
	}
}

// biased writes sums and biases as float32.
func (c *core) biased(a *isa.Activation, sums []uint32, y []float32) {
	switch {
	case a.Bias < 0 && a.Float:
		for j, s := range sums {
			y[j] = floatOf(s)
		}
	case a.Bias < 0:
		for j, s := range sums {
			y[j] = float32(int32(s))
		}
	case a.Float:
		bias := c.buffer[a.Bias:]
		for j, s := range sums {
			y[j] = floatOf(s) + floatOf(binary.LittleEndian.Uint32(bias[4*j:]))
		}
	default:
		bias := c.buffer[a.Bias:]
		for j, s := range sums {
			y[j] = float32(int32(s + binary.LittleEndian.Uint32(bias[4*j:])))
		}
	}
}

// exactRow is an activation that stays with integers.
func (c *core) exactRow(op *isa.Op, r int, sums []uint32) {
	a := &op.Activation
	dst := c.buffer[op.Buf.Addr+int64(r)*op.Buf.Pitch:]
	for j, s := range sums {
		if a.Bias >= 0 {
			s += binary.LittleEndian.Uint32(c.buffer[a.Bias+int64(4*j):])
		}
		v := int32(s)
		if a.Fn == num.ReLU {
			v = max(v, 0)
		}
		if a.Out == isa.S32 {
			binary.LittleEndian.PutUint32(dst[4*j:], uint32(v))
			continue
		}
		multiplier := int32(bitsOf(a.Scale))
		if a.Scales >= 0 {
			multiplier = int32(binary.LittleEndian.Uint32(c.buffer[a.Scales+int64(4*j):]))
		}
		dst[j] = byte(num.RequantFixed(v, multiplier, a.Shift, a.Round, a.Zero, a.Out == isa.S8))
	}
}

// pool computes result row o from the windows of y.
func (c *core) pool(op *isa.Op, o int, y []float32) {
	a := &op.Activation
	wide := (a.Width-a.Size)/a.Stride + 1
	top, left := o/wide*a.Stride, o%wide*a.Stride
	out := make([]float32, a.Cols)
	share := 1 / float32(a.Size*a.Size)
	for j := range out {
		best := y[(top*a.Width+left)*a.Cols+j]
		sum := float32(0)
		for dy := range a.Size {
			for dx := range a.Size {
				v := y[((top+dy)*a.Width+left+dx)*a.Cols+j]
				best = max(best, v)
				sum += v
			}
		}
		if out[j] = best; a.Pool == isa.AvgPool {
			out[j] = sum * share
		}
	}
	c.result(op, o, out)
}

// lastOf is the last row that result row o of a pooling needs.
func lastOf(a *isa.Activation, o int) int {
	wide := (a.Width-a.Size)/a.Stride + 1
	return (o/wide*a.Stride+a.Size-1)*a.Width + o%wide*a.Stride + a.Size - 1
}

// result writes a row of results.
func (c *core) result(op *isa.Op, r int, y []float32) {
	a := &op.Activation
	dst := c.buffer[op.Buf.Addr+int64(r)*op.Buf.Pitch:][:op.Buf.Bytes]
	if a.Out.Size() > 1 {
		store(dst, y, a.Out)
		return
	}
	for j, v := range y {
		dst[j] = byte(num.Requant(v*a.OutScale, a.Zero, a.Out == isa.S8))
	}
}
