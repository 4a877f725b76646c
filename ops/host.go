package ops

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Host is a dense, row-major array in host memory: what references compute
// on, and how data enters and leaves a builder.
type Host struct {
	Spec
	Data []byte
}

// NewHost is a zeroed array of a spec that has passed a shape rule.
func NewHost(s Spec) Host {
	return Host{Spec: s, Data: dtype.Bytes(make([]uint64, (s.Bytes()+7)/8))[:s.Bytes()]}
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
	h := NewHost(Spec{dtype.Of[T](), shape.Clone(dims)})
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

// Float64s is every element as a float64.
func (h Host) Float64s() []float64 {
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
