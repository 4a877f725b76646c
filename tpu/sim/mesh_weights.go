package sim

import (
	"encoding/binary"

	"github.com/crease-ml/crease/tpu/isa"
)

// shiftWeights moves the tiles that shift into the shadow plane by one cycle and
// reports whether the first column of one is complete, which is when the tile counts
// as being in its place.
//
// Every column is a chain of registers that starts n cycles behind column 0. Its
// first R cycles push the tile's rows in at the top, the last row first, and an
// element takes part from the cycle in which the first of them reaches it. The
// chains are kept as what was pushed and when: the register of an element is then
// found by how long ago that was (shadowAt).
func (m *Mesh) shiftWeights(t int64) (done bool) {
	for _, s := range m.shifts {
		done = done || t-s.from == int64(m.rows-1)
	}
	// A tile is forgotten once the next is complete everywhere.
	for len(m.shifts) > 1 && t-m.shifts[1].from >= int64(m.rows+m.cols) {
		m.shifts = m.shifts[:copy(m.shifts, m.shifts[1:])]
	}
	return done
}

// shadowAt is the shadow register of an element before the shift of cycle t.
func (m *Mesh) shadowAt(row, col int, t int64) uint16 {
	for i := len(m.shifts) - 1; i >= 0; i-- {
		s := &m.shifts[i]
		// The pushes of this column so far but the first, which is what has moved on.
		steps := min(int(t-1-s.from)-col, m.rows-1)
		if steps >= row {
			return s.tile.raw(m.rows-1-(steps-row), col)
		}
	}
	return 0
}

// raw is a weight as 16 bits, sign extended if it is a signed byte; 0 outside of the
// tile.
func (w *tile) raw(row, col int) uint16 {
	if row >= w.Rows || col >= w.Cols || w.data == nil {
		return 0
	}
	i := row*w.Cols + col
	switch w.Type {
	case isa.S8:
		return uint16(int16(int8(w.data[i])))
	case isa.U8:
		return uint16(w.data[i])
	}
	return binary.LittleEndian.Uint16(w.data[2*i:])
}

// take lets the elements that a wave reaches in cycle t take their shadow weights.
func (m *Mesh) take(t int64) {
	for i := range m.waves {
		w := &m.waves[i]
		age := int(t - w.from)
		if w.plane == nil || age < 0 || age > m.rows+m.cols-2 {
			continue
		}
		m.takeWave(w, age, t)
	}
}

func (m *Mesh) takeWave(w *wave, age int, t int64) {
	newest := &m.shifts[len(m.shifts)-1]
	complete := int(t-1-newest.from) - (m.rows - 1) // columns up to this one
	tile := newest.tile
	bytes := tile.data != nil && tile.Type == isa.S8
	for k := max(0, age-m.cols+1); k <= min(m.rows-1, age); k++ {
		c := age - k
		at := k*m.wide + c
		switch {
		case c > complete:
			w.plane.lo[at], w.plane.hi[at] = m.weight(m.shadowAt(k, c, t), w.sixteen)
		case bytes && k < tile.Rows && c < tile.Cols: // most of all
			w.plane.lo[at] = uint32(uint16(int16(int8(tile.data[k*tile.Cols+c]))))
		default:
			w.plane.lo[at], w.plane.hi[at] = m.weight(tile.raw(k, c), w.sixteen)
		}
	}
}

// weight is a raw weight as lanes hold it: a float32, or the low and the high byte
// of an integer.
func (m *Mesh) weight(raw uint16, sixteen bool) (lo, hi uint32) {
	switch {
	case m.float && raw&0x7f80 == 0:
		return 0, 0
	case m.float:
		return uint32(raw) << 16, 0
	case sixteen:
		return uint32(raw & 0xff), uint32(uint16(int16(int8(raw >> 8))))
	}
	return uint32(raw), 0
}
