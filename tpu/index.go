package tpu

import (
	"encoding/binary"
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
)

// Rows with whole numbers: of these the vector unit takes the low 32 bits as indices. It
// cannot stop at one that is outside of its axis, so the driver looks before a launch.

func init() {
	declare("gather", floats, hal.Dense, (*program).gather)
	declare("scatter_add", floats, hal.Dense, (*program).scatterAdd)
	declare("take", floats, hal.Dense, (*program).takeRows)
	declare("index_add", floats, hal.Dense, (*program).indexAdd)
	declare("one_hot", []dtype.Type{dtype.I64, dtype.I32}, hal.Dense, (*program).oneHot)
	declare("max_pool2d_grad", floats, hal.Dense, (*program).maxPoolGrad)
	whole := []dtype.Type{dtype.I64, dtype.I32, dtype.I16, dtype.I8, dtype.U64, dtype.U32, dtype.U16, dtype.U8}
	declare("eq", whole, hal.Strided, func(p *program) { p.sameBytes(true) })
	declare("ne", whole, hal.Strided, func(p *program) { p.sameBytes(false) })
	declare("add", whole, hal.Strided, (*program).addBytes)
}

// indexCheck is an input whose elements must be from lo to n-1. Outside makes the error of
// one that is not, k at position i, as on other devices.
type indexCheck struct {
	input, lo, n int
	outside      func(op string, k int64, i, n int) error
}

func outsidePlane(op string, k int64, i, n int) error {
	return &ops.AttrError{Op: op, Reason: fmt.Sprintf("idx is %d at element %d, outside of the plane of %d elements", k, i, n)}
}

// checkIndices has the driver check an input of every launch.
func (p *program) checkIndices(k indexCheck) {
	if t := p.in[k.input].DType; t != dtype.I64 && t != dtype.I32 || k.n > 1<<24 {
		p.refuse("indices of %v to %d elements", t, k.n)
	}
	p.checks = append(p.checks, k)
}

// check reads a dense input of indices.
func (k indexCheck) check(op string, t dtype.Type, mem []byte, count int) error {
	for i := range count {
		v := int64(0)
		if t == dtype.I64 {
			v = int64(binary.LittleEndian.Uint64(mem[8*i:]))
		} else {
			v = int64(int32(binary.LittleEndian.Uint32(mem[4*i:])))
		}
		if v < int64(k.lo) || v >= int64(k.n) {
			return k.outside(op, v, i, k.n)
		}
	}
	return nil
}

// low brings the low 32 bits of whole numbers into the buffer.
func (p *program) low(a area, name string) isa.Memory {
	m := p.fetch(name, a)
	if a.size == 4 {
		return m
	}
	n := a.elements()
	low := p.slot(name+"_low", 4*n)
	p.pick(low.Addr, m.Addr, 0, []int{n}, []int{2}, 4)
	return low
}

// indices brings indices of an axis of so many elements into the buffer as 32-bit ones;
// negative ones count from its end.
func (p *program) indices(a area, axis int, name string) isa.Memory {
	n := a.elements()
	low := p.low(a, name)
	below := p.slot(name+"_below", 4*n)
	whole := value{isa.Full, low.Addr, isa.S32, 0}
	p.op(isa.Greater, below.Addr, 1, n, number(0), whole)
	p.Vector(isa.VectorOp{Fn: isa.MulAdd, Count: n, Cols: n, Src: [3]int64{below.Addr, 0, low.Addr}, SrcType: [3]isa.Type{isa.F32, isa.F32, isa.S32},
		Spread: [3]isa.Spread{isa.Full, isa.Scalar, isa.Full}, Imm: [3]float32{1: float32(axis)}, Dst: low.Addr, DstType: isa.S32})
	return low
}

// indexed is an operand as [before, axis, after].
type indexed struct{ before, axis, after int }

func indexedBy(o *operand, axis int) (indexed, error) {
	axis, err := shape.Axis(axis, len(o.Shape))
	if err != nil {
		return indexed{}, err
	}
	return indexed{shape.MustElements(o.Shape[:axis]), o.Shape[axis], shape.MustElements(o.Shape[axis+1:])}, nil
}

// gather picks elements along the last axis; the others have one size.
func (p *program) gather() {
	x, idx, y := &p.in[0], &p.in[1], &p.out[0]
	s, err := indexedBy(x, p.attrs.(ops.GatherAttrs).Axis)
	to, _ := indexedBy(y, p.attrs.(ops.GatherAttrs).Axis)
	if err != nil || s.after != 1 || s.before != to.before {
		p.refuse("gather along an axis that is not the last, or of fewer rows")
		return
	}
	p.checkIndices(indexCheck{1, -s.axis, s.axis, ops.OutsideAxis})
	t := spaceType(x.DType)
	p.eachRows(s.before, s.axis*x.size+to.axis*(y.size+idx.size+8), func(lo, n, turn int) {
		from := p.fetch(side("x", turn), rowsOf(x, lo, n, s.axis))
		at := p.indices(rowsOf(idx, lo, n, to.axis), s.axis, side("i", turn))
		r := p.slot(side("y", turn), n*to.axis*y.size)
		p.Vector(isa.VectorOp{Fn: isa.Gather, Count: n * to.axis, Cols: to.axis, Width: s.axis, Src: [3]int64{from.Addr, at.Addr}, SrcType: [3]isa.Type{t, isa.S32}, Dst: r.Addr, DstType: t})
		p.store(r.Addr, rowsOf(y, lo, n, to.axis))
	})
}

// rowsOf is n rows of cols elements of a dense operand, from row lo on.
func rowsOf(o *operand, lo, n, cols int) area {
	return area{o.addr + int64(lo*cols*o.size), []int{n * cols}, []int{1}, o.size}
}

// eachRows runs through rows of so many bytes, as many at a time as fit twice.
func (p *program) eachRows(rows, each int, f func(lo, n, turn int)) {
	n := min(rows, p.room()/2/max(each, 1))
	if n >= 8 {
		n = n / 8 * 8 // what follows begins at a word
	}
	if n == 0 && rows > 0 {
		p.refuse("rows of %d bytes", each)
		return
	}
	for lo, turn := 0, 0; lo < rows && !p.failed(); lo, turn = lo+n, turn+1 {
		f(lo, min(n, rows-lo), turn)
	}
}

// scatterAdd adds elements along the last axis.
func (p *program) scatterAdd() {
	x, idx, u := &p.in[0], &p.in[1], &p.in[2]
	axis := p.attrs.(ops.ScatterAttrs).Axis
	s, err := indexedBy(x, axis)
	from, _ := indexedBy(u, axis)
	if err != nil || s.after != 1 || s.before != from.before || from.axis == 0 {
		p.refuse("scatter along an axis that is not the last, or of fewer rows")
		return
	}
	p.checkIndices(indexCheck{1, -s.axis, s.axis, ops.OutsideAxis})
	p.scatter(x, idx, u, s.before, s.axis, from.axis)
}

// scatter adds n elements per row to rows of width elements, which begin as x, or as 0.
func (p *program) scatter(x, idx, u *operand, rows, width, n int) {
	y := &p.out[0]
	p.eachRows(rows, width*(4+2*y.size)+n*(u.size+idx.size+8), func(lo, count, turn int) {
		sum := p.slot(side("sum", turn), 4*count*width)
		if x != nil {
			m := p.fetch(side("x", turn), rowsOf(x, lo, count, width))
			p.convert(sum.Addr, isa.F32, m.Addr, spaceType(x.DType), count*width)
		} else {
			p.constant(sum.Addr, count*width, 0)
		}
		at := p.indices(rowsOf(idx, lo, count, n), width, side("i", turn))
		from := p.fetch(side("u", turn), rowsOf(u, lo, count, n))
		p.Vector(isa.VectorOp{Fn: isa.Scatter, Count: count * n, Cols: n, Width: width, Src: [3]int64{from.Addr, at.Addr}, SrcType: [3]isa.Type{spaceType(u.DType), isa.S32}, Dst: sum.Addr, DstType: isa.F32})
		p.result(0, sum.Addr, rowsOf(y, lo, count, width), isa.F32, turn)
	})
}

// maxPoolGrad adds every element of d at its place in a plane of zeros.
func (p *program) maxPoolGrad() {
	d, idx := &p.in[0], &p.in[1]
	in := p.attrs.(ops.PoolGradAttrs).InShape
	if d.n == 0 {
		p.fill(p.out[0].whole(), p.out[0].DType, 0)
		return
	}
	p.checkIndices(indexCheck{1, 0, in[2] * in[3], outsidePlane})
	p.scatter(nil, idx, d, in[0]*in[1], in[2]*in[3], d.Shape[2]*d.Shape[3])
}

// takeRows picks slices along the first axis that the buffer holds together.
func (p *program) takeRows() {
	x, idx, y := &p.in[0], &p.in[1], &p.out[0]
	s, err := indexedBy(x, p.attrs.(ops.TakeAttrs).Axis)
	if err != nil || s.before != 1 || x.n*x.size > p.room()/2 || x.n == 0 {
		p.refuse("take along an axis that is not the first, or from more than fits in the buffer")
		return
	}
	p.checkIndices(indexCheck{1, -s.axis, s.axis, ops.OutsideAxis})
	t := spaceType(x.DType)
	from := p.fetch("x", x.whole())
	p.eachRows(idx.n, 2*(s.after*y.size+idx.size+8), func(lo, n, turn int) {
		at := p.indices(rowsOf(idx, lo, n, 1), s.axis, side("i", turn))
		r := p.slot(side("y", turn), n*s.after*y.size)
		p.Vector(isa.VectorOp{Fn: isa.TakeRow, Count: n * s.after, Cols: s.after, Width: s.axis, Src: [3]int64{from.Addr, at.Addr}, SrcType: [3]isa.Type{t, isa.S32}, Dst: r.Addr, DstType: t})
		p.store(r.Addr, rowsOf(y, lo, n, s.after))
	})
}

// indexAdd adds slices along the first axis to what the buffer holds.
func (p *program) indexAdd() {
	x, idx, u, y := &p.in[0], &p.in[1], &p.in[2], &p.out[0]
	s, err := indexedBy(x, p.attrs.(ops.IndexAddAttrs).Axis)
	if err != nil || s.before != 1 || x.n*8 > p.room()/2 || u.n == 0 {
		p.refuse("addition along an axis that is not the first, or to more than fits in the buffer")
		return
	}
	p.checkIndices(indexCheck{1, -s.axis, s.axis, ops.OutsideAxis})
	m := p.fetch("x", x.whole())
	sum := p.slot("sum", 4*x.n)
	p.convert(sum.Addr, isa.F32, m.Addr, spaceType(x.DType), x.n)
	p.eachRows(idx.n, 3*(s.after*u.size+idx.size+8), func(lo, n, turn int) {
		at := p.indices(rowsOf(idx, lo, n, 1), s.axis, side("i", turn))
		from := p.fetch(side("u", turn), rowsOf(u, lo, n, s.after))
		p.Vector(isa.VectorOp{Fn: isa.AddRow, Count: n * s.after, Cols: s.after, Width: s.axis, Src: [3]int64{from.Addr, at.Addr}, SrcType: [3]isa.Type{spaceType(u.DType), isa.S32}, Dst: sum.Addr, DstType: isa.F32})
	})
	p.result(0, sum.Addr, rowsOf(y, 0, 1, y.n), isa.F32, 0)
}

// oneHot compares indices, of which the low half is all, with the numbers of classes.
func (p *program) oneHot() {
	idx, y := &p.in[0], &p.out[0]
	classes := p.attrs.(ops.OneHotAttrs).Classes
	if t := y.DType; t != dtype.Bool && t != dtype.F32 && t != dtype.BF16 {
		p.refuse("one_hot of %v", t)
		return
	}
	p.checkIndices(indexCheck{0, 0, classes, ops.NoClass})
	if p.failed() {
		return
	}
	numbers := p.take(4 * classes)
	p.Vector(isa.VectorOp{Fn: isa.IotaCol, Count: classes, Cols: classes, Dst: numbers.Addr, DstType: isa.F32})
	p.eachRows(idx.n, classes*y.size+16, func(lo, n, turn int) {
		at := p.low(rowsOf(idx, lo, n, 1), side("i", turn))
		r := p.slot(side("y", turn), n*classes*y.size)
		p.Vector(isa.VectorOp{Fn: isa.Equal, Count: n * classes, Cols: classes, Src: [3]int64{at.Addr, numbers.Addr}, SrcType: [3]isa.Type{isa.S32, isa.F32}, Spread: [3]isa.Spread{isa.PerRow, isa.PerCol}, Dst: r.Addr, DstType: spaceType(y.DType)})
		p.store(r.Addr, rowsOf(y, lo, n, classes))
	})
}

// sameBytes compares whole numbers byte by byte, which is exact for every width.
func (p *program) sameBytes(equal bool) {
	y := &p.out[0]
	dims, s := shape.Collapse(y.Shape, p.in[0].Strides, p.in[1].Strides)
	size := p.in[0].size
	turn, done := 0, 0
	boxes(dims, p.perBox(8*size+12), func(b box) {
		n := b.elements()
		if n == 0 || p.failed() {
			return
		}
		x := p.fetch(side("x", turn), p.in[0].along(dims, s[0]).box(b))
		z := p.fetch(side("z", turn), p.in[1].along(dims, s[1]).box(b))
		bytes := p.slot(side("b", turn), n*size)
		p.Vector(isa.VectorOp{Fn: isa.Equal, Count: n * size, Cols: size, Src: [3]int64{x.Addr, z.Addr}, SrcType: [3]isa.Type{isa.U8, isa.U8}, Dst: bytes.Addr, DstType: isa.U8})
		r := p.slot(side("y", turn), n)
		p.Vector(isa.VectorOp{Fn: isa.RowMin, Count: n * size, Cols: size, Src: [3]int64{bytes.Addr}, SrcType: [3]isa.Type{isa.U8}, Dst: r.Addr, DstType: isa.U8})
		if !equal {
			p.Vector(isa.VectorOp{Fn: isa.Equal, Count: n, Cols: n, Src: [3]int64{r.Addr}, SrcType: [3]isa.Type{isa.U8, isa.F32}, Spread: [3]isa.Spread{isa.Full, isa.Scalar}, Dst: r.Addr, DstType: isa.U8})
		}
		p.store(r.Addr, rowsOf(y, done, n, 1))
		done += n
		turn++
	})
}

// addBytes adds whole numbers byte by byte with a carry, which is exact for every width
// and wraps.
func (p *program) addBytes() {
	y := &p.out[0]
	dims, s := shape.Collapse(y.Shape, p.in[0].Strides, p.in[1].Strides)
	turn, done := 0, 0
	boxes(dims, p.perBox(8*y.size+20), func(b box) {
		n := b.elements()
		if n == 0 || p.failed() {
			return
		}
		x := p.fetch(side("x", turn), p.in[0].along(dims, s[0]).box(b))
		z := p.fetch(side("z", turn), p.in[1].along(dims, s[1]).box(b))
		r := p.slot(side("y", turn), n*y.size)
		place := func(name string) int64 { return p.slot(side(name, turn), 4*n).Addr }
		sum, other, carry := place("sum"), place("other"), place("carry")
		p.constant(carry, n, 0)
		for k := range y.size { // the lowest byte first
			p.pickAs(sum, x.Addr, int64(k), []int{n}, []int{y.size}, isa.U8, isa.F32)
			p.pickAs(other, z.Addr, int64(k), []int{n}, []int{y.size}, isa.U8, isa.F32)
			p.op(isa.Add, sum, 1, n, full(sum), full(other))
			p.op(isa.Add, sum, 1, n, full(sum), full(carry))
			p.op(isa.GreaterEq, carry, 1, n, full(sum), number(256))
			p.op(isa.MulAdd, sum, 1, n, full(carry), number(-256), full(sum))
			v := isa.VectorOp{Fn: isa.Place, Count: n, Cols: n, Src: [3]int64{sum}, SrcType: [3]isa.Type{isa.F32}, Dst: r.Addr, DstType: isa.U8}
			v.Strides = isa.Strides{Offset: int64(k), Step: int64(y.size)}
			p.Vector(v)
		}
		p.store(r.Addr, rowsOf(y, done, n, 1))
		done += n
		turn++
	})
}
