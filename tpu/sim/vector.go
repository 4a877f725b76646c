package sim

import (
	"math"
	"unsafe"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// strip is how many elements are worked on at a time: they stay in the cache. In rows
// shorter than shortRow, operands of one value per row or column are laid out in full
// before they are worked on.
const (
	strip    = 2048
	shortRow = 32
)

// vector carries out a whole operation of the vector unit.
func (c *core) vector(op *isa.Op) {
	v := &op.Vector
	switch {
	case v.Fn.Elementwise():
		size := piece
		if k := v.Fn.Class(); k == isa.Function || k == isa.Series {
			size = 2 * strip // elements are dear
		}
		c.ranges(v.Count, size, func(c *core, lo, hi int) { c.elements(v, lo, hi) })
	case v.Fn.ByRow():
		c.reduceRows(v)
	case v.Fn.ByCol():
		c.reduceCols(v)
	case v.Fn.Indexed():
		c.indexed(v)
	case v.Fn == isa.Transpose:
		c.transpose(v)
	case v.Fn == isa.Pick || v.Fn == isa.Place:
		c.strided(v)
	default:
		c.generate(v)
	}
}

// floats is the memory of n float32 from an address of the buffer on, nil where the host
// cannot address them there.
func (c *core) floats(at int64, n int) []float32 {
	p := unsafe.Pointer(unsafe.SliceData(c.buffer[at:][:4*n]))
	if uintptr(p)%4 != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(p), n)
}

// operand is what a strip of an elementwise operation reads: its values, or one.
type operand struct {
	values []float32
	single bool
}

// room is the place of a strip.
type room [strip]float32

// elements computes elements lo to hi of an elementwise operation.
func (c *core) elements(v *isa.VectorOp, lo, hi int) {
	if v.Fn == isa.Copy && v.SrcType[0] == v.DstType {
		c.copyElements(v, lo, hi)
		return
	}
	n := v.Fn.Sources()
	byRow := false
	for i := range n {
		byRow = byRow || v.Spread[i] == isa.PerCol || v.Spread[i] == isa.PerRow
	}
	byRow = byRow && v.Cols >= shortRow
	var in [3]operand
	for lo < hi {
		k := min(hi-lo, strip)
		if byRow {
			k = min(k, v.Cols-lo%v.Cols)
		}
		for i := range n {
			in[i] = c.source(v, i, lo, k, byRow)
		}
		at := v.Dst + int64(lo*v.DstType.Size())
		dst := c.lanes[3][:k]
		direct := false
		if v.DstType == isa.F32 {
			if f := c.floats(at, k); f != nil {
				dst, direct = f, true
			}
		}
		c.apply(v.Fn, dst, in)
		if direct {
			c.canonical(v.Fn, dst)
		} else {
			store(c.buffer[at:][:k*v.DstType.Size()], dst, v.DstType)
		}
		lo += k
	}
}

// canonical gives NaN its one form.
func (c *core) canonical(fn isa.VectorFn, x []float32) {
	if fn >= isa.Greater && fn <= isa.NotEqual {
		return
	}
	if m := c.vec.MaxVal(x); m == m {
		return
	}
	for i, f := range x {
		x[i] = num.Canonical(f)
	}
}

// source reads k elements of a source. By row, they lie in one row.
func (c *core) source(v *isa.VectorOp, i, lo, k int, byRow bool) operand {
	t := v.SrcType[i]
	size := int64(t.Size())
	place := c.lanes[i][:]
	switch v.Spread[i] {
	case isa.Full:
		return operand{c.read(v.Src[i]+int64(lo)*size, t, k, place), false}
	case isa.Scalar:
		place[0] = v.Imm[i]
		if t == isa.S32 {
			place[0] = float32(int32(bitsOf(v.Imm[i])))
		}
		return operand{place[:1], true}
	case isa.PerRow:
		if byRow {
			return operand{c.read(v.Src[i]+int64(lo/v.Cols)*size, t, 1, place), true}
		}
		row, col := lo/v.Cols, lo%v.Cols
		for e := 0; e < k; {
			n := min(k-e, v.Cols-col)
			var one [1]float32
			load(one[:], c.buffer[v.Src[i]+int64(row)*size:], t)
			for range n {
				place[e] = one[0]
				e++
			}
			row, col = row+1, 0
		}
		return operand{place[:k], false}
	}
	if byRow {
		return operand{c.read(v.Src[i]+int64(lo%v.Cols)*size, t, k, place), false}
	}
	col := lo % v.Cols
	for e := 0; e < k; {
		n := min(k-e, v.Cols-col)
		load(place[e:e+n], c.buffer[v.Src[i]+int64(col)*size:], t)
		e, col = e+n, 0
	}
	return operand{place[:k], false}
}

// read is k values from an address on, where they lie if they are floats.
func (c *core) read(at int64, t isa.Type, k int, place []float32) []float32 {
	if t == isa.F32 {
		if f := c.floats(at, k); f != nil {
			return f
		}
	}
	load(place[:k], c.buffer[at:], t)
	return place[:k]
}

// whole is the values of an operand, one for each element.
func (o operand) whole(k int, place *room) []float32 {
	if !o.single {
		return o.values
	}
	one := o.values[0]
	for i := range k {
		place[i] = one
	}
	return place[:k]
}

// apply computes dst = fn(in...). Arithmetic rounds after every operation. dst may be one
// of the operands.
func (c *core) apply(fn isa.VectorFn, dst []float32, in [3]operand) {
	k := len(dst)
	f := c.vec
	switch fn.Sources() {
	case 1:
		unary(f, fn, dst, in[0].whole(k, &c.lanes[0]))
	case 2:
		c.binary(fn, dst, in[0], in[1])
	default:
		x, y, z := in[0].whole(k, &c.lanes[0]), in[1], in[2]
		if fn == isa.Select {
			f.Where(dst, x, y.whole(k, &c.lanes[1]), z.whole(k, &c.lanes[2]))
			return
		}
		product := c.lanes[4][:k]
		if y.single {
			f.MulS(product, x, y.values[0])
		} else {
			f.Mul(product, x, y.values)
		}
		if z.single {
			f.AddS(dst, product, z.values[0])
		} else {
			f.Add(dst, product, z.values)
		}
	}
}

// exactly returns the kernel of a function of one value that arithmetic gives exactly, or
// with one rounding; nil for the others.
func exactly(f *vec.Funcs, fn isa.VectorFn) vec.Unary {
	switch fn {
	case isa.Copy:
		return f.Copy
	case isa.Neg:
		return f.Neg
	case isa.Abs:
		return f.Abs
	case isa.Sign:
		return f.Sign
	case isa.Floor:
		return f.Floor
	case isa.Ceil:
		return f.Ceil
	case isa.Round:
		return f.Round
	case isa.Trunc:
		return f.Trunc
	case isa.Rcp:
		return f.Recip
	case isa.Sqrt:
		return f.Sqrt
	}
	return nil
}

// inFloat64 are the other functions of one value, which are computed in float64 and rounded
// once.
var inFloat64 = map[isa.VectorFn]func(x float64) float64{
	isa.Exp: math.Exp, isa.Exp2: math.Exp2, isa.Expm1: math.Expm1, isa.Log: math.Log, isa.Log2: math.Log2, isa.Log1p: math.Log1p,
	isa.Sin: math.Sin, isa.Cos: math.Cos, isa.Erf: math.Erf, isa.VTanh: math.Tanh,
	isa.VSigmoid: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	isa.Rsqrt:    func(x float64) float64 { return 1 / math.Sqrt(x) },
}

// unary computes a function of one value.
func unary(f *vec.Funcs, fn isa.VectorFn, dst, x []float32) {
	if exact := exactly(f, fn); exact != nil {
		exact(dst, x)
		return
	}
	if fn == isa.VGELU {
		for i, v := range x {
			dst[i] = num.GELU.Apply(v, 0)
		}
		return
	}
	of := inFloat64[fn]
	for i, v := range x {
		dst[i] = float32(of(float64(v)))
	}
}

// forms are the ways to compute a function of two values: of elements, with one number on
// the right, and with one on the left, whose operands then come in the order elements,
// number.
type forms struct {
	both        vec.Binary
	right, left vec.Scalar
	swap        bool // both takes its operands the other way round
}

func formsOf(f *vec.Funcs, fn isa.VectorFn) forms {
	switch fn {
	case isa.Add:
		return forms{f.Add, f.AddS, f.AddS, false}
	case isa.Sub:
		return forms{f.Sub, f.SubS, f.RSubS, false}
	case isa.Mul:
		return forms{f.Mul, f.MulS, f.MulS, false}
	case isa.Div:
		return forms{f.Div, f.DivS, f.RDivS, false}
	case isa.Max:
		return forms{f.Max, f.MaxS, f.MaxS, false}
	case isa.Min:
		return forms{f.Min, f.MinS, f.MinS, false}
	case isa.Greater:
		return forms{f.Lt, f.GtS, f.LtS, true}
	case isa.GreaterEq:
		return forms{f.Le, f.GeS, f.LeS, true}
	case isa.Equal:
		return forms{f.Eq, f.EqS, f.EqS, false}
	case isa.NotEqual:
		return forms{f.Ne, f.NeS, f.NeS, false}
	}
	return forms{}
}

func (c *core) binary(fn isa.VectorFn, dst []float32, x, y operand) {
	k := len(dst)
	if fn == isa.Pow || fn == isa.Mod {
		f := math.Pow
		if fn == isa.Mod {
			f = mod
		}
		a, b := x.whole(k, &c.lanes[0]), y.whole(k, &c.lanes[1])
		for i := range dst {
			dst[i] = float32(f(float64(a[i]), float64(b[i])))
		}
		return
	}
	f := formsOf(c.vec, fn)
	switch {
	case y.single:
		f.right(dst, x.whole(k, &c.lanes[0]), y.values[0])
	case x.single:
		f.left(dst, y.values, x.values[0])
	case f.swap:
		f.both(dst, y.values, x.values)
	default:
		f.both(dst, x.values, y.values)
	}
	if fn == isa.Max || fn == isa.Min {
		c.vec.AddS(dst, dst, 0) // a zero is +0, whichever operand it is
	}
}

// mod is the remainder with the sign of the divisor.
func mod(x, y float64) float64 {
	r := math.Mod(x, y)
	if r == 0 {
		return math.Copysign(0, y)
	}
	if (r < 0) != (y < 0) {
		r += y
	}
	return r
}

// generate carries out what makes numbers of nothing, or of a key.
func (c *core) generate(v *isa.VectorOp) {
	place := c.lanes[0][:]
	var w [4]uint32
	for lo := 0; lo < v.Count; lo += strip {
		k := min(v.Count-lo, strip)
		for e := range k {
			at := lo + e
			switch v.Fn {
			case isa.IotaCol:
				place[e] = v.Imm[0] + float32(at%v.Cols)
				continue
			case isa.IotaRow:
				place[e] = v.Imm[0] + float32(at/v.Cols)
				continue
			}
			if at%4 == 0 {
				w = c.randomBlock(v.Src[0], v.First+uint64(at/4))
			}
			word := w[at%4]
			switch {
			case v.Fn == isa.RandomLow:
				place[e] = float32(word & 0xff)
			case v.DstType == isa.S32:
				place[e] = floatOf(word)
			default:
				place[e] = float32(word >> 8)
			}
		}
		at := v.Dst + int64(lo*v.DstType.Size())
		if v.Fn == isa.Random && v.DstType == isa.S32 {
			storeBits(c.buffer[at:], place[:k])
		} else {
			store(c.buffer[at:][:k*v.DstType.Size()], place[:k], v.DstType)
		}
	}
}

// randomBlock is four words of the stream of the key at an address of the buffer.
func (c *core) randomBlock(key int64, block uint64) [4]uint32 {
	seed, offset := le64(c.buffer[key:]), le64(c.buffer[key+8:])
	at := offset + block
	return ops.PhiloxBlock([4]uint32{uint32(at), uint32(at >> 32)}, [2]uint32{uint32(seed), uint32(seed >> 32)})
}
