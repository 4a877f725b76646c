package sim

import (
	"encoding/binary"
	"math"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// core is what both engines compute on.
type core struct {
	cfg     *arch.Config
	values  bool
	level   cpufeat.Level
	num     *num.Unit
	vec     *vec.Funcs
	workers *parallel.Pool
	buffer  []byte
	acc     [][]uint32
	hbm     []byte
	pieces  [][]byte // off-chip memory in segments, in place of hbm
	host    []byte

	rows  []byte    // gathered activations
	y     []float32 // results of an activation
	lanes *[5]room  // of the vector unit
	wide  []float32 // the operand of a reduction
	sums  []float32 // and what it is folded onto
	moved []byte    // a converted matrix
}

// outside is the memory that a transfer or a weight tile reaches, and where in it.
func (c *core) outside(op *isa.Op) ([]byte, isa.Region) {
	if op.Code == isa.ReadHost || op.Code == isa.WriteHost {
		return c.host, op.Mem
	}
	if c.pieces == nil {
		return c.hbm, op.Mem
	}
	i := op.Mem.Addr >> isa.SegmentBits
	at := op.Mem
	at.Addr -= i << isa.SegmentBits
	return c.pieces[i], at
}

// sides are the source and the destination of a transfer.
func (c *core) sides(op *isa.Op) (src, dst []byte, from, to isa.Region) {
	out, at := c.outside(op)
	if op.Code == isa.ReadHost || op.Code == isa.LoadHBM {
		return out, c.buffer, at, op.Buf
	}
	return c.buffer, out, op.Buf, at
}

// transfer moves all bytes of a transfer.
func (c *core) transfer(op *isa.Op) {
	src, dst, from, to := c.sides(op)
	if from.Rows == 1 {
		c.ranges(int(from.Bytes), 4*piece, func(_ *core, lo, hi int) {
			copy(dst[int(to.Addr)+lo:int(to.Addr)+hi], src[int(from.Addr)+lo:])
		})
		return
	}
	c.ranges(int(from.Rows), rowsOf(int(from.Bytes)/4), func(_ *core, lo, hi int) {
		for r := int64(lo); r < int64(hi); r++ {
			copy(dst[to.Addr+r*to.Pitch:][:to.Bytes], src[from.Addr+r*from.Pitch:][:from.Bytes])
		}
	})
}

// weightSource is where a weight tile is read.
func (c *core) weightSource(op *isa.Op) ([]byte, isa.Region) {
	if op.Weights.FromBuffer {
		return c.buffer, op.Buf
	}
	return c.outside(op)
}

// weights reads a weight tile, its rows side by side, into memory that may be used again.
func (c *core) weights(op *isa.Op, data []byte) []byte {
	t := op.Weights.Tile
	size := t.Type.Size()
	data = grow(data, t.Rows*t.Cols*size)
	src, g := c.weightSource(op)
	for r := range g.Rows {
		row := src[g.Addr+r*g.Pitch:][:g.Bytes]
		if !op.Weights.Transpose {
			copy(data[int(r)*t.Cols*size:], row)
			continue
		}
		if size == 2 {
			for k := range t.Rows {
				*(*[2]byte)(data[(k*t.Cols+int(r))*2:]) = *(*[2]byte)(row[2*k:])
			}
			continue
		}
		for k := range t.Rows {
			copy(data[(k*t.Cols+int(r))*size:][:size], row[k*size:])
		}
	}
	return data
}

// activations are the rows of a product: where they lie in the buffer, or, for a
// convolution, gathered side by side.
func (c *core) activations(op *isa.Op) (rows []byte, pitch int) {
	if op.Window == nil {
		return c.buffer[op.Buf.Addr:op.Buf.End()], int(op.Buf.Pitch)
	}
	pitch = op.Tile.Rows * op.Format.ActivationBytes()
	c.rows = grow(c.rows, op.Rows*pitch)
	c.ranges(op.Rows, rowsOf(pitch), func(c *core, lo, hi int) {
		for r := lo; r < hi; r++ {
			c.gather(c.rows[r*pitch:][:pitch], op, r)
		}
	})
	return c.rows, pitch
}

// gather writes row r of a product's activations.
func (c *core) gather(dst []byte, op *isa.Op, r int) {
	if op.Window == nil {
		copy(dst, c.buffer[op.Buf.Addr+int64(r)*op.Buf.Pitch:][:op.Buf.Bytes])
		return
	}
	w, size := op.Window, op.Format.ActivationBytes()
	depth := op.Tile.Rows
	for k := 0; k < depth; {
		// The channels of one element of the window.
		n := min(depth-k, w.Channels-(w.K0+k)%w.Channels)
		a := w.Address(r, k)
		out := dst[k*size:][:n*size]
		switch {
		case a < 0:
			clear(out)
		case w.PitchC == int64(size):
			copy(out, c.buffer[a:])
		default:
			for i := range n {
				copy(out[i*size:][:size], c.buffer[a+int64(i)*w.PitchC:])
			}
		}
		k += n
	}
}

// load reads values of a type as float32.
func load(dst []float32, b []byte, t isa.Type) {
	switch t {
	case isa.BF16:
		for i := range dst {
			dst[i] = floatOf(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
		}
	case isa.U8:
		for i := range dst {
			dst[i] = float32(b[i])
		}
	case isa.S32:
		for i := range dst {
			dst[i] = float32(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
	default:
		for i := range dst {
			dst[i] = floatOf(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}
}

// store writes values in a type: integers are rounded to nearest, ties to even, and clipped.
func store(b []byte, src []float32, t isa.Type) {
	switch t {
	case isa.BF16:
		b = b[:2*len(src)]
		for i, f := range src {
			binary.LittleEndian.PutUint16(b[2*i:2*i+2], num.Narrow(f))
		}
	case isa.U8:
		for i, f := range src {
			b[i] = byte(num.Requant(f, 0, false))
		}
	case isa.S32:
		for i, f := range src {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(toInt(f)))
		}
	default:
		for i, f := range src {
			binary.LittleEndian.PutUint32(b[4*i:], bitsOf(num.Canonical(f)))
		}
	}
}

func toInt(f float32) int32 {
	switch {
	case f != f:
		return 0
	case f >= 1<<31:
		return math.MaxInt32
	case f < -1<<31:
		return math.MinInt32
	}
	return int32(math.RoundToEven(float64(f)))
}
