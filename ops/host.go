package ops

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/shape"
)

// Host is a dense, row-major array in host memory: what references compute
// on, and how data enters and leaves a builder.
type Host struct {
	Spec
	Data []byte
}

// MemoryError is an array that the host has no memory for. errors.Is finds
// hal.ErrOutOfMemory in it.
type MemoryError struct {
	Spec Spec
	Err  error // of the allocation
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("an array %s on the host: %v", e.Spec, e.Err)
}

// Unwrap returns hal.ErrOutOfMemory and the allocation's error.
func (e *MemoryError) Unwrap() []error { return []error{hal.ErrOutOfMemory, e.Err} }

// MakeHost returns a zeroed array of a spec that has passed a shape rule, or a
// *MemoryError where the machine has no room for it.
func MakeHost(s Spec) (Host, error) {
	b, err := hostmem.Make(s.Bytes())
	if err != nil {
		return Host{}, &MemoryError{s, err}
	}
	return Host{Spec: s, Data: b}, nil
}

// NewHost is MakeHost for code that reports errors by panics, as references and the ops
// of tensors do.
func NewHost(s Spec) Host {
	h, err := MakeHost(s)
	if err != nil {
		panic(err)
	}
	return h
}

// HostOf copies a Go slice. The length must be that of the shape.
func HostOf[T dtype.Element](dims []int, values []T) (Host, error) {
	n, err := shape.Elements(dims)
	if err != nil {
		return Host{}, err
	}
	if n != len(values) {
		return Host{}, fmt.Errorf("shape %s holds %d elements, the slice has %d", shape.String(dims), n, len(values))
	}
	h, err := MakeHost(Spec{dtype.Of[T](), shape.Clone(dims)})
	if err != nil {
		return Host{}, err
	}
	copy(h.Data, dtype.Bytes(values))
	return h, nil
}

// Scalar is a rank-0 array.
func Scalar(t dtype.Type, v float64) Host {
	h := NewHost(Spec{t, nil})
	h.Set(0, v)
	return h
}

// At and Set read and write the i-th element in row-major order as a float64;
// Set rounds once to the element type.
func (h Host) At(i int) float64     { return dtype.Load(h.Data, h.DType, i) }
func (h Host) Set(i int, v float64) { dtype.Store(h.Data, h.DType, i, v) }

// Int and SetInt do the same exactly for integers and bools; a u64 travels as
// its two's complement bits.
func (h Host) Int(i int) int64       { return dtype.LoadInt(h.Data, h.DType, i) }
func (h Host) SetInt(i int, v int64) { dtype.StoreInt(h.Data, h.DType, i, v) }

// Float64s returns every element as a float64. It panics with a *MemoryError where there
// is no memory for them.
func (h Host) Float64s() []float64 {
	if err := hostmem.Check(8 * h.Elements()); err != nil {
		panic(&MemoryError{Spec{dtype.F64, h.Shape}, err})
	}
	out := make([]float64, h.Elements())
	for i := range out {
		out[i] = h.At(i)
	}
	return out
}

// Clone copies the array.
func (h Host) Clone() Host {
	c := NewHost(Spec{h.DType, shape.Clone(h.Shape)})
	copy(c.Data, h.Data)
	return c
}
