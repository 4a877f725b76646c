package cpu

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// operand is an input or a result of a planned call: how it lies, which is known when
// the call is planned, and its memory, which is known when it runs.
type operand struct {
	hal.View        // Offset is set for every run
	mem      []byte // its whole buffer
	bytes    int    // of its elements
	n        int    // its elements
}

func newOperand(v hal.View) operand {
	n := v.Elements()
	return operand{View: v, n: n, bytes: n * v.DType.Size()}
}

// memory is the elements of a dense operand as bytes.
func (o *operand) memory() []byte {
	if o.bytes == 0 {
		return nil // whatever its offset
	}
	at := o.Offset * o.DType.Size()
	return o.mem[at : at+o.bytes : at+o.bytes]
}

// data is the elements of a dense operand.
func data[T dtype.Element](o *operand) []T { return dtype.Slice[T](o.memory()) }

// whole is the entire buffer behind an operand, for kernels that walk strides of either
// sign from its Offset.
func whole[T dtype.Element](o *operand) []T {
	return dtype.Slice[T](o.mem[:len(o.mem)/o.DType.Size()*o.DType.Size()])
}

// call is a call that is being planned, and later run.
type call struct {
	op      string
	attrs   any
	in, out []operand
}

// aligned is n rounded up to a cache line: scratch is cut at such places.
func aligned(n int) int { return (n + 63) &^ 63 }

// scratch cuts stretches of elements off the front of memory for a run.
func scratch[T dtype.Element](work *[]byte, n int) []T {
	bytes := n * dtype.Of[T]().Size()
	s := dtype.Slice[T]((*work)[:bytes:bytes])
	*work = (*work)[aligned(bytes):]
	return s
}
