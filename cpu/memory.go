package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
)

// memory is the bytes of a view from its first element to the end of its buffer;
// of a dense view, exactly its elements.
func memory(v hal.View) []byte {
	if v.Elements() == 0 {
		return nil // whatever its offset
	}
	b := hostdev.Bytes(v.Buf)[v.Offset*v.DType.Size():]
	if v.Dense() {
		n := v.Elements() * v.DType.Size()
		return b[:n:n]
	}
	return b
}

// data is a dense view as a Go slice.
func data[T dtype.Element](v hal.View) []T { return dtype.Slice[T](memory(v)) }

// whole is the entire buffer behind a view as a slice, for kernels that walk
// strides of either sign from v.Offset.
func whole[T dtype.Element](v hal.View) []T {
	b := hostdev.Bytes(v.Buf)
	return dtype.Slice[T](b[:len(b)/v.DType.Size()*v.DType.Size()])
}
