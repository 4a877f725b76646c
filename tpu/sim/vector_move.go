package sim

import (
	"encoding/binary"

	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// storeBits writes the bits of floats.
func storeBits(b []byte, src []float32) {
	for i, f := range src {
		binary.LittleEndian.PutUint32(b[4*i:], bitsOf(f))
	}
}

// carry writes one value: its bits where both are of one type.
func carry(dst []byte, to isa.Type, src []byte, from isa.Type) {
	if to == from {
		switch to.Size() {
		case 4:
			*(*[4]byte)(dst) = *(*[4]byte)(src)
		case 2:
			*(*[2]byte)(dst) = *(*[2]byte)(src)
		default:
			dst[0] = src[0]
		}
		return
	}
	var one [1]float32
	load(one[:], src, from)
	store(dst, one[:], to)
}

// copyElements is a copy that changes no type.
func (c *core) copyElements(v *isa.VectorOp, lo, hi int) {
	t := v.DstType
	size := t.Size()
	dst, src := c.buffer[v.Dst:], c.buffer[v.Src[0]:]
	switch v.Spread[0] {
	case isa.Full:
		copy(dst[lo*size:hi*size], src[lo*size:])
		return
	case isa.Scalar:
		var one [4]byte
		if t == isa.S32 {
			binary.LittleEndian.PutUint32(one[:], bitsOf(v.Imm[0]))
		} else {
			store(one[:], v.Imm[:1], t)
		}
		repeat(dst[lo*size:hi*size], one[:size])
		return
	}
	for lo < hi {
		row, col := lo/v.Cols, lo%v.Cols
		n := min(hi-lo, v.Cols-col)
		to := dst[lo*size : (lo+n)*size]
		if v.Spread[0] == isa.PerCol {
			copy(to, src[col*size:])
		} else {
			repeat(to, src[row*size:(row+1)*size])
		}
		lo += n
	}
}

// repeat fills memory with copies of a value.
func repeat(dst, value []byte) {
	for n := copy(dst, value); n < len(dst); n *= 2 {
		copy(dst[n:], dst[:n])
	}
}

// side is the edge of the square blocks in which a matrix is transposed.
const side = 16

func (c *core) transpose(v *isa.VectorOp) {
	from, to := v.SrcType[0], v.DstType
	in, out := int64(from.Size()), int64(to.Size())
	src, dst := c.buffer[v.Src[0]:], c.buffer[v.Dst:]
	rows, cols := v.Rows, v.Cols
	if from != to {
		// Converted by rows, then transposed.
		c.moved = grow(c.moved, v.Count*int(out))
		c.convert(c.moved, to, src, from, v.Count)
		src, in = c.moved, out
	}
	for r0 := 0; r0 < rows; r0 += side {
		for j0 := 0; j0 < cols; j0 += side {
			n := min(side, rows-r0)
			for j := j0; j < min(j0+side, cols); j++ {
				d, s := dst[int64(j*rows+r0)*out:], src[int64(r0*cols+j)*in:]
				switch out {
				case 4:
					for r := range n {
						*(*[4]byte)(d[4*r:]) = *(*[4]byte)(s[4*r*cols:])
					}
				case 2:
					for r := range n {
						*(*[2]byte)(d[2*r:]) = *(*[2]byte)(s[2*r*cols:])
					}
				default:
					for r := range n {
						d[r] = s[r*cols]
					}
				}
			}
		}
	}
}

// convert writes n values in another type.
func (c *core) convert(dst []byte, to isa.Type, src []byte, from isa.Type, n int) {
	for lo := 0; lo < n; lo += strip {
		k := min(strip, n-lo)
		place := c.lanes[0][:k]
		load(place, src[lo*from.Size():], from)
		store(dst[lo*to.Size():][:k*to.Size()], place, to)
	}
}

// strided carries out pick and place. The rows of place may meet, so that the last one
// wins.
func (c *core) strided(v *isa.VectorOp) {
	if v.Fn == isa.Place {
		c.stridedRows(v, 0, v.Rows)
		return
	}
	c.ranges(v.Rows, rowsOf(v.Cols), func(c *core, lo, hi int) { c.stridedRows(v, lo, hi) })
}

// stridedRows moves rows lo to hi, those of a group together.
func (c *core) stridedRows(v *isa.VectorOp, lo, hi int) {
	from, to := v.SrcType[0], v.DstType
	near := to
	if v.Fn == isa.Place {
		near = from
	}
	row := v.Cols * near.Size()
	for lo < hi {
		end := hi
		if group := v.Strides.Group; group > 0 {
			end = min(hi, (lo/group+1)*group)
		}
		m := mover{rows: end - lo, cols: v.Cols}
		far, dense := v.Strides.At(lo, 0), int64(lo*row)
		if v.Fn == isa.Pick {
			m.src, m.dst = v.Src[0]+far, v.Dst+dense
			m.srcRow, m.srcCol, m.dstRow, m.dstCol = v.Strides.Pitch, v.Strides.Step, int64(row), int64(near.Size())
		} else {
			m.src, m.dst = v.Src[0]+dense, v.Dst+far
			m.srcRow, m.srcCol, m.dstRow, m.dstCol = int64(row), int64(near.Size()), v.Strides.Pitch, v.Strides.Step
		}
		m.move(c.buffer, from, to)
		lo = end
	}
}

// mover moves a matrix within the buffer; strides are bytes.
type mover struct {
	rows, cols                     int
	src, dst                       int64
	srcRow, srcCol, dstRow, dstCol int64
}

// move goes through small blocks, so that both sides stay in the cache whichever way they
// lie.
func (m *mover) move(b []byte, from, to isa.Type) {
	size := int64(to.Size())
	if from == to && m.srcCol == size && m.dstCol == size {
		n := int64(m.cols) * size
		for r := range int64(m.rows) {
			copy(b[m.dst+r*m.dstRow:][:n], b[m.src+r*m.srcRow:])
		}
		return
	}
	for r0 := 0; r0 < m.rows; r0 += side {
		for c0 := 0; c0 < m.cols; c0 += side {
			for r := r0; r < min(r0+side, m.rows); r++ {
				m.run(b, from, to, r, c0, min(side, m.cols-c0))
			}
		}
	}
}

// run moves n elements of a row.
func (m *mover) run(b []byte, from, to isa.Type, r, c, n int) {
	src := m.src + int64(r)*m.srcRow + int64(c)*m.srcCol
	dst := m.dst + int64(r)*m.dstRow + int64(c)*m.dstCol
	switch {
	case from == to && from.Size() == 4:
		for range n {
			*(*[4]byte)(b[dst : dst+4]) = *(*[4]byte)(b[src : src+4])
			src, dst = src+m.srcCol, dst+m.dstCol
		}
	case from == to && from.Size() == 2:
		for range n {
			*(*[2]byte)(b[dst:]) = *(*[2]byte)(b[src:])
			src, dst = src+m.srcCol, dst+m.dstCol
		}
	case from == isa.F32 && to == isa.BF16:
		for range n {
			binary.LittleEndian.PutUint16(b[dst:], num.Narrow(floatOf(binary.LittleEndian.Uint32(b[src:]))))
			src, dst = src+m.srcCol, dst+m.dstCol
		}
	default:
		for range n {
			carry(b[dst:], to, b[src:], from)
			src, dst = src+m.srcCol, dst+m.dstCol
		}
	}
}

// indexed carries out what reaches elements or rows by an index. Those outside are left
// alone.
func (c *core) indexed(v *isa.VectorOp) {
	size, from := v.DstType.Size(), v.SrcType[0].Size()
	src, dst := c.buffer[v.Src[0]:], c.buffer[v.Dst:]
	index := func(i int) int { return int(int32(binary.LittleEndian.Uint32(c.buffer[v.Src[1]+int64(4*i):]))) }
	for r := range v.Rows {
		switch v.Fn {
		case isa.TakeRow:
			if i := index(r); i >= 0 && i < v.Width {
				copy(dst[r*v.Cols*size:][:v.Cols*size], src[i*v.Cols*size:])
			}
			continue
		case isa.AddRow:
			if i := index(r); i >= 0 && i < v.Width {
				for col := range v.Cols {
					add(dst[(i*v.Cols+col)*size:], v.DstType, src[(r*v.Cols+col)*from:], v.SrcType[0])
				}
			}
			continue
		}
		for e := r * v.Cols; e < (r+1)*v.Cols; e++ {
			i := index(e)
			if i < 0 || i >= v.Width {
				continue
			}
			if at := r*v.Width + i; v.Fn == isa.Gather {
				carry(dst[e*size:], v.DstType, src[at*size:], v.DstType)
			} else {
				add(dst[at*size:], v.DstType, src[e*from:], v.SrcType[0])
			}
		}
	}
}

func add(dst []byte, to isa.Type, src []byte, from isa.Type) {
	var x, y [1]float32
	load(x[:], dst, to)
	load(y[:], src, from)
	x[0] += y[0]
	store(dst, x[:], to)
}
