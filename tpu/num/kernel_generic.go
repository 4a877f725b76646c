package num

import (
	"encoding/binary"
	"unsafe"
)

// The block of the plain kernels.
const (
	genericRows = 4
	genericCols = 8
)

// generic is the plain Go twin of the assembled kernels.
var generic = kernels{
	mr: genericRows, nr: genericCols, lanes: 1,
	f32: f32Generic, s16: s16Generic, u8s8: nil,
	widenBF16: widenBF16Generic, widenS8: widenS8Generic, widenU8: widenU8Generic,
	flipLanes: 1, flip8: flip8Generic,
}

// at is element i of 4 bytes behind p.
func at[T int32 | uint32 | float32](p *T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

func f32Generic(steps int, a *byte, lda int, b *byte, c *float32, ldc int, load, add bool) {
	f32Block(genericRows, genericCols, steps, a, lda, b, c, ldc, load, add)
}

func f32Block(mr, nr, steps int, a *byte, lda int, b *byte, c *float32, ldc int, load, add bool) {
	w := unsafe.Slice((*float32)(unsafe.Pointer(b)), steps*nr)
	for r := range mr {
		row := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(a), r*lda)), steps)
		out := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(c), r*ldc)), nr)
		for j := range nr {
			var sum float32
			if load {
				sum = out[j]
			}
			for k, x := range row {
				// The product is exact in float64, and so is the sum unless one term is
				// too small to matter: one rounding, as of a fused multiply-add.
				sum = float32(float64(x)*float64(w[k*nr+j]) + float64(sum))
			}
			if add {
				sum = out[j] + sum
			}
			out[j] = sum
		}
	}
}

func s16Generic(steps int, a *byte, lda int, b *byte, c *int32, ldc int, add bool) {
	s16Block(genericRows, genericCols, steps, a, lda, b, c, ldc, add)
}

func s16Block(mr, nr, steps int, a *byte, lda int, b *byte, c *int32, ldc int, add bool) {
	w := unsafe.Slice((*int16)(unsafe.Pointer(b)), steps*nr*2)
	for r := range mr {
		row := unsafe.Slice((*int16)(unsafe.Add(unsafe.Pointer(a), r*lda)), 2*steps)
		out := unsafe.Slice((*int32)(unsafe.Add(unsafe.Pointer(c), r*ldc)), nr)
		for j := range nr {
			var sum int32
			for k := range steps {
				sum += int32(row[2*k])*int32(w[2*(k*nr+j)]) + int32(row[2*k+1])*int32(w[2*(k*nr+j)+1])
			}
			if add {
				sum += out[j]
			}
			out[j] = sum
		}
	}
}

// u8s8Block is the twin of the VNNI kernel, which only machines with VNNI use.
func u8s8Block(mr, nr, steps int, a *byte, lda int, b *byte, c *int32, ldc int, column *int32, add bool) {
	w := unsafe.Slice((*int8)(unsafe.Pointer(b)), steps*nr*4)
	for r := range mr {
		row := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(a), r*lda)), 4*steps)
		out := unsafe.Slice((*int32)(unsafe.Add(unsafe.Pointer(c), r*ldc)), nr)
		for j := range nr {
			sum := *at(column, j)
			for k, x := range row {
				sum += int32(x) * int32(w[k/4*nr*4+4*j+k%4])
			}
			if add {
				sum += out[j]
			}
			out[j] = sum
		}
	}
}

func widenBF16Generic(dst, src *byte, n int) {
	d := unsafe.Slice((*float32)(unsafe.Pointer(dst)), n)
	s := unsafe.Slice(src, 2*n)
	for i := range d {
		d[i] = Widen(binary.LittleEndian.Uint16(s[2*i:]))
	}
}

func widenS8Generic(dst, src *byte, n int) {
	d, s := unsafe.Slice((*int16)(unsafe.Pointer(dst)), n), unsafe.Slice(src, n)
	for i := range d {
		d[i] = int16(int8(s[i]))
	}
}

func widenU8Generic(dst, src *byte, n int) {
	d, s := unsafe.Slice((*int16)(unsafe.Pointer(dst)), n), unsafe.Slice(src, n)
	for i := range d {
		d[i] = int16(s[i])
	}
}

func flip8Generic(dst, src *byte, n int) {
	d, s := unsafe.Slice(dst, n), unsafe.Slice(src, n)
	for i := range d {
		d[i] = s[i] ^ 0x80
	}
}
