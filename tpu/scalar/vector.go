package scalar

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/crease-ml/crease/tpu/isa"
)

// vector carries out an operation of the vector unit.
func (s *State) vector(op *isa.Op) {
	v := &op.Vector
	switch v.Fn {
	case isa.Pick, isa.Place, isa.Gather, isa.Scatter, isa.TakeRow, isa.AddRow:
		s.rearrange(v)
		return
	}
	out := make([]func([]byte), v.Results())
	for e := range out {
		out[e] = s.result(v, e)
	}
	for e, f := range out {
		f(s.Buffer[v.Dst+int64(e*v.DstType.Size()):])
	}
}

// result computes element e of what is dense, and returns what writes it.
func (s *State) result(v *isa.VectorOp, e int) func([]byte) {
	at := func(i, e int) []byte { return s.Buffer[v.Src[i]+int64(e*v.SrcType[i].Size()):] }
	number := func(f float32) func([]byte) { return func(b []byte) { encode(b, f, v.DstType) } }
	row, col := e/v.Cols, e%v.Cols
	switch v.Fn {
	case isa.RowSum, isa.RowProd, isa.RowMax, isa.RowMin:
		return number(fold(v.Cols, s.cfg.Lanes, v.Fn-isa.RowSum, func(i int) float32 { return get(at(0, e*v.Cols+i), v.SrcType[0]) }))
	case isa.ColSum, isa.ColProd, isa.ColMax, isa.ColMin:
		return number(fold(v.Rows, s.cfg.Sublanes, v.Fn-isa.ColSum, func(i int) float32 { return get(at(0, i*v.Cols+e), v.SrcType[0]) }))
	case isa.Transpose:
		return moved(at(0, e%v.Rows*v.Cols+e/v.Rows), v)
	case isa.IotaCol:
		return number(v.Imm[0] + float32(col))
	case isa.IotaRow:
		return number(v.Imm[0] + float32(row))
	case isa.Random, isa.RandomLow:
		w := s.word(v.Src[0], v.First, e)
		switch {
		case v.Fn == isa.RandomLow:
			return number(float32(w % 256))
		case v.DstType != isa.S32:
			return number(float32(w / 256))
		}
		return func(b []byte) { binary.LittleEndian.PutUint32(b, w) }
	}
	var x [3]float32
	for i := range v.Fn.Sources() {
		switch v.Spread[i] {
		case isa.Full:
			x[i] = get(at(i, e), v.SrcType[i])
		case isa.PerRow:
			x[i] = get(at(i, row), v.SrcType[i])
		case isa.PerCol:
			x[i] = get(at(i, col), v.SrcType[i])
		case isa.Scalar:
			if x[i] = v.Imm[i]; v.SrcType[i] == isa.S32 {
				x[i] = float32(int32(math.Float32bits(x[i])))
			}
		}
	}
	if v.Fn == isa.Copy && v.SrcType[0] == v.DstType {
		switch v.Spread[0] {
		case isa.Full:
			return moved(at(0, e), v)
		case isa.PerRow:
			return moved(at(0, row), v)
		case isa.PerCol:
			return moved(at(0, col), v)
		case isa.Scalar:
			if v.DstType == isa.S32 {
				return func(b []byte) { binary.LittleEndian.PutUint32(b, math.Float32bits(v.Imm[0])) }
			}
		}
	}
	return number(element(v.Fn, x))
}

// moved writes a value that was read: its bits where both are of one type.
func moved(from []byte, v *isa.VectorOp) func([]byte) {
	if v.SrcType[0] == v.DstType {
		kept := append([]byte(nil), from[:v.DstType.Size()]...)
		return func(b []byte) { copy(b, kept) }
	}
	f := get(from, v.SrcType[0])
	return func(b []byte) { encode(b, f, v.DstType) }
}

// rearrange carries out what reaches single elements or rows.
func (s *State) rearrange(v *isa.VectorOp) {
	size, from := int64(v.DstType.Size()), int64(v.SrcType[0].Size())
	index := func(i int) int { return int(int32(binary.LittleEndian.Uint32(s.Buffer[v.Src[1]+int64(4*i):]))) }
	add := func(at int, e int) {
		b := s.Buffer[v.Dst+int64(at)*size:]
		encode(b, get(b, v.DstType)+get(s.Buffer[v.Src[0]+int64(e)*from:], v.SrcType[0]), v.DstType)
	}
	take := func(to, e int) {
		moved(s.Buffer[v.Src[0]+int64(e)*from:], v)(s.Buffer[v.Dst+int64(to)*size:])
	}
	for e := range v.Count {
		row, col := e/v.Cols, e%v.Cols
		strided := v.Strides.Offset + int64(col)*v.Strides.Step
		if g := v.Strides.Group; g > 0 {
			strided += int64(row/g)*v.Strides.GroupPitch + int64(row%g)*v.Strides.Pitch
		} else {
			strided += int64(row) * v.Strides.Pitch
		}
		switch v.Fn {
		case isa.Pick:
			moved(s.Buffer[v.Src[0]+strided:], v)(s.Buffer[v.Dst+int64(e)*size:])
		case isa.Place:
			moved(s.Buffer[v.Src[0]+int64(e)*from:], v)(s.Buffer[v.Dst+strided:])
		case isa.Gather:
			if i := index(e); i >= 0 && i < v.Width {
				take(e, row*v.Width+i)
			}
		case isa.Scatter:
			if i := index(e); i >= 0 && i < v.Width {
				add(row*v.Width+i, e)
			}
		case isa.TakeRow:
			if i := index(row); i >= 0 && i < v.Width {
				take(e, i*v.Cols+col)
			}
		case isa.AddRow:
			if i := index(row); i >= 0 && i < v.Width {
				add(i*v.Cols+col, e)
			}
		}
	}
}

// get and encode read and write a value of the vector unit.
func get(b []byte, t isa.Type) float32 {
	f, n := number(b, t)
	if t == isa.U8 || t == isa.S32 {
		return float32(n)
	}
	return f
}

func encode(b []byte, f float32, t isa.Type) {
	var lo, hi float64
	switch t {
	case isa.U8:
		lo, hi = 0, 255
	case isa.S32:
		lo, hi = math.MinInt32, math.MaxInt32
	default:
		write(b, f, t)
		return
	}
	n := 0.0
	if f == f {
		n = math.Max(lo, math.Min(hi, math.RoundToEven(float64(f))))
	}
	if t == isa.U8 {
		b[0] = byte(n)
	} else {
		binary.LittleEndian.PutUint32(b, uint32(int32(n)))
	}
}

// word is word e of the random stream of a key from a block on: Philox4x32-10.
func (s *State) word(key int64, first uint64, e int) uint32 {
	seed, offset := binary.LittleEndian.Uint64(s.Buffer[key:]), binary.LittleEndian.Uint64(s.Buffer[key+8:])
	block := offset + first + uint64(e/4)
	c := [4]uint32{uint32(block), uint32(block >> 32)}
	k := [2]uint32{uint32(seed), uint32(seed >> 32)}
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, c[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0}
		k[0], k[1] = k[0]+0x9E3779B9, k[1]+0xBB67AE85
	}
	return c[e%4]
}
