package tpu

import (
	"fmt"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
)

// area is elements of off-chip memory: those at all indices below dims.
type area struct {
	addr    int64 // of the first
	dims    []int
	strides []int // in elements
	size    int   // of an element in bytes
}

// whole is all of an operand.
func (o *operand) whole() area { return area{o.addr, o.Shape, o.Strides, o.size} }

// along is all of an operand, walked through other dimensions.
func (o *operand) along(dims, strides []int) area { return area{o.addr, dims, strides, o.size} }

// box is the elements of the area in a box of its indices.
func (a area) box(b box) area {
	for i, x := range b.at {
		a.addr += int64(x) * int64(a.strides[i]) * int64(a.size)
	}
	a.dims = b.dims
	return a
}

func (a area) elements() int { return shape.MustElements(a.dims) }

// box is a part of an index space: dims indices from at on.
type box struct{ at, dims []int }

func (b box) elements() int { return shape.MustElements(b.dims) }

// boxes cuts an index space into boxes of at most limit elements, each of which is a run
// of elements in row-major order.
func boxes(dims []int, limit int, f func(b box)) {
	if len(dims) == 0 {
		f(box{})
		return
	}
	limit = max(limit, 1)
	axis, inner := len(dims)-1, 1
	for axis > 0 && inner*dims[axis] <= limit {
		inner *= dims[axis]
		axis--
	}
	step := max(1, min(dims[axis], limit/inner))
	outer := shape.NewIterator(dims[:axis])
	at := make([]int, axis)
	for outer.Next() {
		for lo := 0; lo < dims[axis]; lo += step {
			b := box{make([]int, len(dims)), slices.Clone(dims)}
			copy(b.at, at)
			for i := range axis {
				b.dims[i] = 1
			}
			b.at[axis], b.dims[axis] = lo, min(step, dims[axis]-lo)
			f(b)
		}
		for i := axis - 1; i >= 0; i-- {
			if at[i]++; at[i] < dims[i] {
				break
			}
			at[i] = 0
		}
	}
}

// maxRows is the most rows of one transfer, such that the next begins at a multiple of
// the buffer's unit.
const maxRows = 1<<16 - 8

// move adds the transfers between an area and dense elements in the buffer.
func (p *program) move(o isa.Opcode, buf int64, a area, tag uint8) {
	dims, list := shape.Collapse(a.dims, a.strides)
	strides := list[0]
	if len(dims) == 1 && dims[0] == 0 {
		return
	}
	last := func() int { return len(dims) - 1 }
	run := 1
	drop := func() { dims, strides = dims[:last()], strides[:last()] }
	if len(dims) > 0 && strides[last()] == 1 {
		run = dims[last()]
		drop()
	}
	bytes := run * a.size
	t := isa.Transfer{Buf: buf, Mem: a.addr, Rows: 1, RowBytes: bytes, Tag: tag}
	if len(dims) > 0 && strides[last()]*a.size >= bytes {
		t.Rows, t.MemPitch = dims[last()], strides[last()]*a.size
		drop()
	}
	repeat, step := 1, 0
	if len(dims) > 0 && t.Rows <= maxRows {
		repeat, step = dims[last()], strides[last()]*a.size
		drop()
	}
	piece := int64(t.Rows) * int64(bytes)
	outer := shape.NewIterator(dims, strides)
	for i := int64(0); outer.Next() && !p.failed(); i++ {
		at := t
		at.Mem += int64(outer.Offsets()[0]) * int64(a.size)
		at.Buf += i * piece * int64(repeat)
		if at.Buf%8 != 0 {
			p.refuse("an operand of many axes whose rows end between words")
			return
		}
		for done := 0; done < t.Rows; done += maxRows {
			part := at
			part.Rows = min(maxRows, t.Rows-done)
			part.Buf += int64(done * bytes)
			part.Mem += int64(done) * int64(t.MemPitch)
			if repeat > 1 {
				p.Repeat(repeat, piece, 0, int64(step))
			}
			p.Move(o, part)
		}
	}
}

// load brings an area into the buffer, dense in row-major order.
func (p *program) load(buf int64, a area) { p.move(isa.LoadHBM, buf, a, 0) }

// store writes dense elements to an area.
func (p *program) store(buf int64, a area) { p.move(isa.StoreHBM, buf, a, 0) }

// fetch brings an area into a slot of the buffer, dense in row-major order. Elements that
// do not lie side by side come with what is between them and are picked out by the
// vector unit, where that is not too much.
func (p *program) fetch(name string, a area) isa.Memory {
	n := a.elements()
	m := p.slot(name, n*a.size)
	dims, list := shape.Collapse(a.dims, a.strides)
	if k := len(dims); k == 0 || list[0][k-1] == 1 || dims[k-1] == 0 {
		p.load(m.Addr, a)
		return m
	}
	lo, hi, err := shape.Extent(dims, list[0], 0)
	if err != nil || hi-lo > 2*n+64 || len(dims) > 3 {
		p.load(m.Addr, a)
		return m
	}
	hull := p.slot(name+"_hull", (hi-lo)*a.size)
	p.load(hull.Addr, area{a.addr + int64(lo*a.size), []int{hi - lo}, []int{1}, a.size})
	p.pick(m.Addr, hull.Addr, int64(-lo), dims, list[0], a.size)
	return m
}

// floats brings an area of a type into the buffer as float32.
func (p *program) floats(name string, a area, t dtype.Type) int64 {
	m := p.fetch(name, a)
	if t == dtype.F32 {
		return m.Addr
	}
	n := a.elements()
	wide := p.slot(name+"_wide", 4*n)
	p.convert(wide.Addr, isa.F32, m.Addr, spaceType(t), n)
	return wide.Addr
}

// result stores elements of result i, after a conversion where the buffer has them in
// another type.
func (p *program) result(i int, addr int64, to area, t isa.Type, turn int) {
	if want, n := spaceType(p.out[i].DType), to.elements(); want != t {
		m := p.slot(side("result"+string(rune('a'+i)), turn), n*to.size)
		p.convert(m.Addr, want, addr, t, n)
		addr = m.Addr
	}
	p.store(addr, to)
}

// convert writes n elements in another type.
func (p *program) convert(dst int64, to isa.Type, src int64, from isa.Type, n int) {
	p.apply(isa.Copy, value{isa.Full, dst, to, 0}, 1, n, value{isa.Full, src, from, 0})
}

// pick gathers strided elements of the buffer into dense ones, moving bits. Elements of
// eight bytes are two words.
func (p *program) pick(dst, src, offset int64, dims, strides []int, size int) {
	t, ok := movedAs[size]
	if size == 8 {
		dims, strides = append(slices.Clone(dims), 2), slices.Clone(strides)
		for i := range strides {
			strides[i] *= 2
		}
		strides, offset, size, t, ok = append(strides, 1), 2*offset, 4, isa.F32, true
	}
	if !ok {
		p.refuse("elements of %d bytes", size)
		return
	}
	p.pickAs(dst, src, offset, dims, strides, t, t)
}

// pickAs is pick with a conversion.
func (p *program) pickAs(dst, src, offset int64, dims, strides []int, from, to isa.Type) {
	size := from.Size()
	strides = slices.Clone(strides)
	for i, n := range dims {
		if n == 1 {
			strides[i] = 0 // however far the next would be
		}
	}
	for len(dims) < 3 {
		dims, strides = append([]int{1}, dims...), append([]int{0}, strides...)
	}
	k := len(dims) - 3
	inner := shape.MustElements(dims[k:])
	outer := shape.NewIterator(dims[:k], strides[:k])
	v := isa.VectorOp{Fn: isa.Pick, Count: inner, Cols: dims[k+2], SrcType: [3]isa.Type{from}, DstType: to, Src: [3]int64{src}}
	v.Strides = isa.Strides{Pitch: int64(strides[k+1] * size), Step: int64(strides[k+2] * size), Group: dims[k+1], GroupPitch: int64(strides[k] * size)}
	for i := int64(0); outer.Next() && !p.failed(); i++ {
		v.Dst = dst + i*int64(inner*to.Size())
		v.Strides.Offset = (offset + int64(outer.Offsets()[0])) * int64(size)
		if v.Dst%8 != 0 {
			p.refuse("an operand of many axes whose rows end between words")
			return
		}
		p.Vector(v)
	}
}

// movedAs is a type of the vector unit of so many bytes, to move bits.
var movedAs = map[int]isa.Type{1: isa.U8, 2: isa.BF16, 4: isa.F32}

// side names one of two slots, so that one is filled while the other is worked on.
func side(name string, i int) string { return fmt.Sprint(name, i%2) }
