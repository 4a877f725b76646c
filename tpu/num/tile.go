package num

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Tile is a weight tile of Rows×Cols, packed for the kernels of a unit. The zero
// Tile is empty; [Unit.Pack] fills and reuses it.
type Tile struct {
	Format
	Rows, Cols int

	kernels *kernels
	form    form
	steps   int      // of a kernel
	words   []uint32 // panels of kernels.nr columns, steps×nr groups of 32 bits each
	column  []int32  // per column, where form is dot4
}

// form is how operands are laid out in groups of 32 bits.
type form uint8

const (
	floats form = iota // one float32
	pairs              // two int16
	quads              // four 8-bit integers
)

// perStep is the number of k in a step.
func (f form) perStep() int { return 1 << f }

// formOf is the layout for a format.
func (k *kernels) formOf(f Format) form {
	switch {
	case f.Precision == BF16:
		return floats
	case f.Precision == Int8 && f.SignedW && k.u8s8 != nil:
		return quads
	}
	return pairs
}

// Pack fills t with the weights of a tile of rows×cols, whose row r lies at
// w[r*pitch:], little endian.
func (u *Unit) Pack(t *Tile, w []byte, pitch, rows, cols int, f Format) {
	size := f.WeightBytes()
	if rows < 1 || cols < 1 || pitch < 0 || len(w) < (rows-1)*pitch+cols*size {
		panic(fmt.Sprintf("num: a tile of %d×%d weights of %d bytes, %d bytes apart, does not fit in %d bytes", rows, cols, size, pitch, len(w)))
	}
	k := u.kernels
	t.Format, t.Rows, t.Cols, t.kernels, t.form = f, rows, cols, k, k.formOf(f)
	t.steps = ceil(rows, t.form.perStep())
	panels := ceil(cols, k.nr)
	n := panels * t.steps * k.nr
	if cap(t.words) < n {
		t.words = make([]uint32, n)
	}
	t.words = t.words[:n]
	clear(t.words)
	for p := range panels {
		j0 := p * k.nr
		width := min(k.nr, cols-j0)
		panel := t.words[p*t.steps*k.nr:][:t.steps*k.nr]
		for r := range rows {
			src := w[r*pitch+j0*size:][:width*size]
			dst := panel[r/t.form.perStep()*k.nr:][:k.nr]
			switch t.form {
			case floats:
				u.packFloats(dst, src)
			case pairs:
				packPairs(dst, src, uint(r%2)*16, f)
			default:
				packQuads(dst, src, uint(r%4)*8)
			}
		}
	}
	if t.form == quads {
		t.offset(u)
	}
}

func (u *Unit) packFloats(dst []uint32, src []byte) {
	n := len(src) / 2
	if n == len(dst) && n%u.kernels.lanes == 0 {
		u.kernels.widenBF16(first(dst), unsafe.SliceData(src), n)
		return
	}
	for i := range n {
		if h := binary.LittleEndian.Uint16(src[2*i:]); h&0x7f80 != 0 {
			dst[i] = uint32(h) << 16
		}
	}
}

func packPairs(dst []uint32, src []byte, shift uint, f Format) {
	if f.WeightBytes() == 2 {
		for i := range len(src) / 2 {
			dst[i] |= uint32(binary.LittleEndian.Uint16(src[2*i:])) << shift
		}
		return
	}
	for i, b := range src {
		v := uint16(b)
		if f.SignedW {
			v = uint16(int16(int8(b)))
		}
		dst[i] |= uint32(v) << shift
	}
}

func packQuads(dst []uint32, src []byte, shift uint) {
	for i, b := range src {
		dst[i] |= uint32(b) << shift
	}
}

// offset computes what signed activations need: they are taken as unsigned ones
// that are 128 too large, so 128 times the sum of each column is too much.
func (t *Tile) offset(u *Unit) {
	n := ceil(t.Cols, t.kernels.nr) * t.kernels.nr
	if cap(t.column) < n {
		t.column = make([]int32, n)
	}
	t.column = t.column[:n]
	clear(t.column)
	if !t.SignedA {
		return
	}
	nr := t.kernels.nr
	for p := range n / nr {
		panel := t.words[p*t.steps*nr:][:t.steps*nr]
		for s := range t.steps {
			for j, v := range panel[s*nr:][:nr] {
				t.column[p*nr+j] -= 128 * byteSum(v)
			}
		}
	}
}

// byteSum is the sum of four signed bytes.
func byteSum(v uint32) int32 {
	v ^= 0x80808080
	v = v&0x00ff00ff + v>>8&0x00ff00ff
	return int32(v&0xffff+v>>16) - 4*128
}

func ceil(a, b int) int { return (a + b - 1) / b }

func roundUp(a, b int) int { return ceil(a, b) * b }
