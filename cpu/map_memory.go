package cpu

import "github.com/crease-ml/crease/dtype"

// mapOperand is an operand of the call.
type mapOperand struct {
	*operand
	size    int
	strides []int // over mapping.dims
	dense   bool  // element i of the output belongs to element i from the offset on
	linear  bool  // it is dense by itself
	direct  bool  // it has the lanes' type, and neighbours lie side by side
	read    bool  // it is an input of more than one number
}

func (m *mapping[T]) operand(o *operand, strides []int) mapOperand {
	last := len(strides) - 1
	return mapOperand{
		operand: o, size: o.DType.Size(), strides: strides, linear: o.Dense(), dense: len(m.dims) == 1 && (strides[0] == 1 || m.dims[0] == 1),
		direct: o.DType == m.lanes.dtype && (strides[last] == 1 || m.dims[last] == 1),
	}
}

// part is elements lo to hi of a dense operand of the lanes' type.
func (m *mapping[T]) part(o *mapOperand, lo, hi int) []T {
	return typed[T](o.mem, o.DType)[o.Offset+lo : o.Offset+hi]
}

// place is where the element at a position of the output lies in an operand's buffer.
func (m *mapping[T]) place(o *mapOperand, pos int) int {
	if o.dense {
		return o.Offset + pos
	}
	last := len(m.dims) - 1
	at, rest := o.Offset+pos%m.dims[last]*o.strides[last], pos/m.dims[last]
	for i := last - 1; i >= 0; i-- {
		at += rest % m.dims[i] * o.strides[i]
		rest /= m.dims[i]
	}
	return at
}

// target is the output's own memory, where results need no conversion and lie side by
// side; else nil.
func (m *mapping[T]) target(pos, k int) []T {
	if m.out.DType != m.lanes.dtype {
		return nil
	}
	at := m.out.Offset + pos
	if !m.out.linear {
		if !m.out.direct {
			return nil
		}
		at = m.place(&m.out, pos)
	}
	return typed[T](m.out.mem, m.out.DType)[at : at+k]
}

// store converts results to the output's type.
func (m *mapping[T]) store(r []T, pos int) {
	at, stride := m.out.Offset+pos, 1
	if !m.out.linear {
		at, stride = m.place(&m.out, pos), m.out.strides[len(m.dims)-1]
	}
	size := m.out.size
	switch {
	case m.out.DType == dtype.Bool:
		for i, v := range r {
			m.out.mem[at+i*stride] = 0
			if v != 0 {
				m.out.mem[at+i*stride] = 1
			}
		}
	case stride == 1:
		dtype.Convert(m.out.mem[at*size:(at+len(r))*size], m.out.DType, untyped(r), m.lanes.dtype)
	default:
		for i := range r {
			to := (at + i*stride) * size
			dtype.Convert(m.out.mem[to:to+size], m.out.DType, untyped(r[i:i+1]), m.lanes.dtype)
		}
	}
}

// fetch is k elements of an input from position pos of the output, as they lie
// in memory where that is possible, else gathered into scratch.
func (m *mapping[T]) fetch(in *mapOperand, scratch *[]T, pos, k int) []T {
	last := len(m.dims) - 1
	inner := m.dims[last]
	if len(m.dims) == 1 || inner >= shortRun || !m.out.linear {
		at := m.place(in, pos)
		if in.direct {
			return typed[T](in.mem, in.DType)[at : at+k]
		}
		dst := grow(scratch, k)
		m.load(in, dst, at, in.strides[last], k)
		return dst
	}
	dst := grow(scratch, k)
	for i := 0; i < k; { // short rows: several of them make a strip
		n := min(inner-(pos+i)%inner, k-i)
		m.load(in, dst[i:i+n], m.place(in, pos+i), in.strides[last], n)
		i += n
	}
	return dst
}

// load converts n elements at a stride to the lanes' type.
func (m *mapping[T]) load(in *mapOperand, dst []T, off, stride, n int) {
	switch {
	case in.DType == m.lanes.dtype:
		src := typed[T](in.mem, in.DType)
		for i := range n {
			dst[i] = src[off+i*stride]
		}
	case stride == 1 && in.DType == dtype.Bool:
		for i, b := range in.mem[off : off+n] {
			dst[i] = T(b)
		}
	case stride == 1:
		dtype.Convert(untyped(dst[:n]), m.lanes.dtype, in.mem[off*in.size:(off+n)*in.size], in.DType)
	default:
		for i := range n {
			at := (off + i*stride) * in.size
			dtype.Convert(untyped(dst[i:i+1]), m.lanes.dtype, in.mem[at:at+in.size], in.DType)
		}
	}
}

// typed and untyped view memory as lanes and back.
func typed[T lane](b []byte, t dtype.Type) []T {
	n := len(b) / t.Size() * t.Size()
	return dtype.Slice[T](b[:n])
}

func untyped[T lane](s []T) []byte { return dtype.Bytes(s) }
