package num

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

// Unit computes on the kernels of one level of instructions. It is safe for
// concurrent use.
type Unit struct {
	kernels *kernels
	pool    *parallel.Pool
	scratch *sync.Pool
}

// NewUnit returns a unit on the given level. Large products are spread over the
// pool, which may be nil; results do not depend on it.
func NewUnit(level cpufeat.Level, pool *parallel.Pool) *Unit {
	return newUnit(kernelsOf(level), pool)
}

func newUnit(k *kernels, pool *parallel.Pool) *Unit {
	return &Unit{kernels: k, pool: pool, scratch: &sync.Pool{New: func() any { return new(scratch) }}}
}

// scratch is what a task needs: its activations in the kernels' form and one block
// of sums.
type scratch struct {
	a     []uint32
	block []uint32
}

// Order is how sums over several tiles come about.
type Order uint8

const (
	Replace Order = iota // the tile's sums replace the accumulators
	Add                  // the tile's sums are added to them
	Chain                // each chain of additions goes on from them: output stationary
)

// taskRows is the number of rows that one task converts and multiplies: its
// activations stay in the second-level cache.
const taskRows = 240

// MatMul multiplies rows of activations by a tile. Row r lies at a[r*pitch:], of
// tile.Rows values in the tile's format; its sums are acc[r*ld : r*ld+tile.Cols],
// int32 or float32 by their bits.
func (u *Unit) MatMul(acc []uint32, ld, rows int, a []byte, pitch int, t *Tile, order Order) {
	if rows == 0 {
		return
	}
	size := t.ActivationBytes()
	switch {
	case t.kernels != u.kernels:
		panic("num: the tile was packed by another unit")
	case rows < 0 || pitch < 0 || len(a) < (rows-1)*pitch+t.Rows*size:
		panic(fmt.Sprintf("num: %d rows of %d activations of %d bytes, %d bytes apart, are not in %d bytes", rows, t.Rows, size, pitch, len(a)))
	case ld < t.Cols || len(acc) < (rows-1)*ld+t.Cols:
		panic(fmt.Sprintf("num: %d rows of %d sums, %d apart, do not fit in %d", rows, t.Cols, ld, len(acc)))
	}
	step := roundUp(taskRows, u.kernels.mr)
	task := func(i int) {
		r0 := i * step
		n := min(step, rows-r0)
		s := u.scratch.Get().(*scratch)
		u.block(s, acc[r0*ld:], ld, n, a[r0*pitch:], pitch, t, order)
		u.scratch.Put(s)
	}
	tasks := ceil(rows, step)
	if tasks > 1 && u.pool != nil && rows*t.Rows*t.Cols > 1<<20 {
		u.pool.For(tasks, task)
		return
	}
	for i := range tasks {
		task(i)
	}
}

// block multiplies up to taskRows rows.
func (u *Unit) block(s *scratch, acc []uint32, ld, rows int, a []byte, pitch int, t *Tile, order Order) {
	k := u.kernels
	lda := u.arrange(s, rows, a, pitch, t)
	if cap(s.block) < k.mr*k.nr {
		s.block = make([]uint32, k.mr*k.nr)
	}
	edge := s.block[:k.mr*k.nr]
	for j0 := 0; j0 < t.Cols; j0 += k.nr {
		panel := t.words[j0*t.steps:]
		cols := min(k.nr, t.Cols-j0)
		for r0 := 0; r0 < rows; r0 += k.mr {
			n := min(k.mr, rows-r0)
			from := s.a[r0*lda:]
			out := acc[r0*ld+j0:]
			if n == k.mr && cols == k.nr {
				u.run(t, from, lda, panel, out, ld, j0, order)
				continue
			}
			// A partial block is computed whole beside its place.
			if order == Chain {
				copyBlock(edge, k.nr, out, ld, n, cols)
				u.run(t, from, lda, panel, edge, k.nr, j0, Chain)
			} else {
				u.run(t, from, lda, panel, edge, k.nr, j0, Replace)
			}
			if order == Add {
				addBlock(out, ld, edge, k.nr, n, cols, t.Precision == BF16)
			} else {
				copyBlock(out, ld, edge, k.nr, n, cols)
			}
		}
	}
}

// run calls the kernel of the tile's form on a full block.
func (u *Unit) run(t *Tile, a []uint32, lda int, panel, c []uint32, ld, j0 int, order Order) {
	k := u.kernels
	ap, bp := first(a), first(panel)
	switch t.form {
	case floats:
		k.f32(t.steps, ap, 4*lda, bp, (*float32)(unsafe.Pointer(unsafe.SliceData(c))), 4*ld, order == Chain, order == Add)
	case pairs:
		k.s16(t.steps, ap, 4*lda, bp, (*int32)(unsafe.Pointer(unsafe.SliceData(c))), 4*ld, order != Replace)
	default:
		k.u8s8(t.steps, ap, 4*lda, bp, (*int32)(unsafe.Pointer(unsafe.SliceData(c))), 4*ld, &t.column[j0], order != Replace)
	}
}

func first(s []uint32) *byte { return (*byte)(unsafe.Pointer(unsafe.SliceData(s))) }

// arrange converts rows of activations to the kernels' form, padded to full blocks
// of rows, and returns the distance of rows in groups of 32 bits.
func (u *Unit) arrange(s *scratch, rows int, a []byte, pitch int, t *Tile) int {
	k := u.kernels
	lda := roundUp(t.steps, max(1, k.lanes)) // conversions write whole vectors
	n := roundUp(rows, k.mr) * lda
	if cap(s.a) < n {
		s.a = make([]uint32, n)
	}
	s.a = s.a[:n]
	size := t.ActivationBytes()
	for r := range rows {
		dst := s.a[r*lda:][:lda]
		src := a[r*pitch:][:t.Rows*size]
		switch {
		case t.form == floats:
			u.widen(dst, src, 2, k.widenBF16, 1)
		case t.form == quads:
			k.arrangeBytes(dst, src, t.SignedA)
		case size == 2:
			arrangeWords(dst, src)
		case t.SignedA:
			u.widen(dst, src, 1, k.widenS8, 2)
		default:
			u.widen(dst, src, 1, k.widenU8, 2)
		}
	}
	clear(s.a[rows*lda:])
	return lda
}

// widen converts a row of elements of the given size, whole vectors in place and
// the rest through a copy, since a kernel reads whole vectors. perWord elements make
// 32 bits. What is left of dst becomes zero.
func (u *Unit) widen(dst []uint32, src []byte, size int, kernel func(dst, src *byte, n int), perWord int) {
	n := len(src) / size
	whole := n - n%u.kernels.lanes
	if whole > 0 {
		kernel(first(dst), &src[0], whole)
	}
	if whole == n {
		clear(dst[ceil(n, perWord):])
		return
	}
	var tail [64]byte
	copy(tail[:], src[whole*size:])
	kernel(first(dst[whole/perWord:]), &tail[0], u.kernels.lanes)
	clear(dst[min(len(dst), (whole+u.kernels.lanes)/perWord):])
}

// arrangeBytes packs four 8-bit activations in a group, 128 added to signed ones.
// What follows them in the last group meets weights of zero.
func (k *kernels) arrangeBytes(dst []uint32, src []byte, signed bool) {
	d := unsafe.Slice(first(dst), 4*len(dst))
	if !signed {
		copy(d, src)
		return
	}
	whole := len(src) - len(src)%k.flipLanes
	if whole > 0 {
		k.flip8(&d[0], &src[0], whole)
	}
	flip8Rest(d[whole:], src[whole:])
}

func flip8Rest(dst, src []byte) {
	for i, b := range src {
		dst[i] = b ^ 0x80
	}
}

// arrangeWords packs two 16-bit activations in a group.
func arrangeWords(dst []uint32, src []byte) {
	copy(unsafe.Slice(first(dst), 4*len(dst)), src)
}

func copyBlock(dst []uint32, ldd int, src []uint32, lds, rows, cols int) {
	for r := range rows {
		copy(dst[r*ldd:][:cols], src[r*lds:][:cols])
	}
}

func addBlock(dst []uint32, ldd int, src []uint32, lds, rows, cols int, float bool) {
	for r := range rows {
		d, s := dst[r*ldd:][:cols], src[r*lds:][:cols]
		if !float {
			for i := range d {
				d[i] += s[i]
			}
			continue
		}
		for i := range d {
			d[i] = bitsOf(floatOf(d[i]) + floatOf(s[i]))
		}
	}
}
