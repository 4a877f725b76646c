package tpu

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
)

// Rows that move elements: bits go through the buffer as they are, whatever their type.

func init() {
	declare("copy", dtype.All(), hal.Free, func(p *program) { p.copyArea(p.in[0].whole(), p.out[0].whole()) })
	declare("full", dtype.All(), hal.Free, (*program).full)
	declare("iota", []dtype.Type{dtype.F32, dtype.BF16, dtype.I32, dtype.I64}, hal.Dense, (*program).iota)
	declare("pad", dtype.All(), hal.Strided, (*program).pad)
	declare("concat", dtype.All(), hal.Strided, (*program).concat)
	declare("cast", []dtype.Type{dtype.F32, dtype.BF16, dtype.Bool}, hal.Free, (*program).cast)
}

// copyArea copies between areas of the same dimensions.
func (p *program) copyArea(from, to area) {
	dims, s := shape.Collapse(to.dims, to.strides, from.strides)
	to.dims, to.strides, from.dims, from.strides = dims, s[0], dims, s[1]
	turn := 0
	boxes(dims, p.perBox(4*from.size), func(b box) {
		if b.elements() == 0 || p.failed() {
			return
		}
		m := p.fetch(side("c", turn), from.box(b))
		p.store(m.Addr, to.box(b))
		turn++
	})
}

// full writes one value everywhere.
func (p *program) full() {
	p.fillBits(p.out[0].whole(), p.attrs.(ops.FullAttrs).Bits())
}

// fill writes one value to an area, rounded to its type.
func (p *program) fill(a area, t dtype.Type, value float64) {
	p.fillBits(a, ops.Number{Value: value}.Bits(t))
}

// fillBits writes elements of these bytes to an area.
func (p *program) fillBits(a area, bits [8]byte) {
	n := min(a.elements(), largestBox)
	m := p.slot("value", n*a.size)
	p.pattern(m.Addr, bits[:a.size], n)
	boxes(a.dims, n, func(b box) { p.store(m.Addr, a.box(b)) })
}

// iota counts along an axis once and stores that for every index before it.
func (p *program) iota() {
	y := &p.out[0]
	s, err := indexedBy(y, p.attrs.(ops.IotaAttrs).Axis)
	n := s.axis * s.after
	if err != nil || s.axis > 1<<24 || n > p.perBox(16) {
		p.refuse("a count along an axis of %d times %d elements", s.axis, s.after)
		return
	}
	m := p.take(4 * n)
	v := isa.VectorOp{Fn: isa.IotaRow, Count: n, Cols: s.after, Dst: m.Addr, DstType: spaceType(y.DType)}
	if y.size == 8 {
		v.DstType = isa.F32
	}
	p.Vector(v)
	if y.size == 8 {
		wide := p.take(8 * n)
		p.widen(wide.Addr, m.Addr, n, 0)
		m = wide
	}
	for i := 0; i < s.before && !p.failed(); i++ {
		p.store(m.Addr, rowsOf(y, i, 1, n))
	}
}

// pattern fills the buffer with n copies of an element.
func (p *program) pattern(addr int64, bits []byte, n int) {
	// Integers keep their bits whatever they are.
	set := func(addr int64, word uint32, count int) {
		p.apply(isa.Copy, value{isa.Full, addr, isa.S32, 0}, 1, count, value{isa.Scalar, 0, isa.S32, math.Float32frombits(word)})
	}
	switch len(bits) {
	case 1:
		set(addr, uint32(bits[0])*0x01010101, (n+3)/4)
	case 2:
		set(addr, uint32(binary.LittleEndian.Uint16(bits))*0x00010001, (n+1)/2)
	case 4:
		set(addr, binary.LittleEndian.Uint32(bits), n)
	case 8:
		low, high := binary.LittleEndian.Uint32(bits), binary.LittleEndian.Uint32(bits[4:])
		if low == high {
			set(addr, low, 2*n)
			return
		}
		// A row of two words that every row is a copy of.
		pair := p.slot("pair", 16)
		set(pair.Addr, low, 1)
		set(pair.Addr+8, high, 1)
		two := p.slot("two", 8)
		p.pick(two.Addr, pair.Addr, 0, []int{2}, []int{2}, 4)
		p.op(isa.Copy, addr, n, 2, perCol(two.Addr))
	}
}

// pad writes the value everywhere and then the elements that stay.
func (p *program) pad() {
	a, x, y := p.attrs.(ops.PadAttrs), &p.in[0], &p.out[0]
	p.fillBits(y.whole(), ops.Number{Value: a.Value, Int: a.Int}.Bits(y.DType))
	from, to := x.whole(), y.whole()
	from.dims, to.dims = slices.Clone(from.dims), slices.Clone(to.dims)
	to.strides = slices.Clone(to.strides)
	at := func(list []int, i int) int {
		if list == nil {
			return 0
		}
		return list[i]
	}
	for i, n := range x.Shape {
		lo, step := at(a.Lo, i), at(a.Interior, i)+1
		// The elements first to last of the axis are within the result.
		first := max(0, (-lo+step-1)/step)
		last := min(n-1, floor(y.Shape[i]-1-lo, step))
		if first > last {
			return
		}
		from.addr += int64(first*x.Strides[i]) * int64(x.size)
		to.addr += int64((lo+first*step)*y.Strides[i]) * int64(y.size)
		from.dims[i], to.dims[i] = last-first+1, last-first+1
		to.strides[i] *= step
	}
	p.Sync() // the elements go where the value went
	p.copyArea(from, to)
}

func floor(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

// concat writes every input to its part of the result.
func (p *program) concat() {
	y := &p.out[0]
	axis, err := shape.Axis(p.attrs.(ops.ConcatAttrs).Axis, len(y.Shape))
	if err != nil {
		p.refuse("%v", err)
		return
	}
	at := 0
	for i := range p.in {
		x := &p.in[i]
		to := y.along(x.Shape, y.Strides)
		to.addr += int64(at*y.Strides[axis]) * int64(y.size)
		if x.n > 0 {
			p.copyArea(x.whole(), to)
		}
		at += x.Shape[axis]
	}
}

// cast converts between the types that the vector unit has.
func (p *program) cast() {
	x, y := &p.in[0], &p.out[0]
	if x.DType == y.DType {
		p.copyArea(x.whole(), y.whole())
		return
	}
	if t := y.DType; t != dtype.Bool && !slices.Contains(floats, t) {
		p.refuse("a cast to %v", t)
		return
	}
	dims, s := shape.Collapse(y.Shape, y.Strides, x.Strides)
	to, from := y.along(dims, s[0]), x.along(dims, s[1])
	turn := 0
	boxes(dims, p.perBox(3*x.size+y.size), func(b box) {
		if p.failed() {
			return
		}
		n := b.elements()
		m := p.fetch(side("x", turn), from.box(b))
		r := p.slot(side("y", turn), n*y.size)
		v := isa.VectorOp{Fn: isa.Copy, Count: n, Cols: n, Src: [3]int64{m.Addr}, SrcType: [3]isa.Type{spaceType(x.DType)}, Dst: r.Addr, DstType: spaceType(y.DType)}
		if y.DType == dtype.Bool {
			v.Fn, v.Spread[1], v.SrcType[1] = isa.NotEqual, isa.Scalar, isa.F32
		}
		p.Vector(v)
		p.store(r.Addr, to.box(b))
		turn++
	})
}
