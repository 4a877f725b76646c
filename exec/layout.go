package exec

import (
	"slices"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Layout holds how an array lies in its memory: its element type, shape and strides, and
// what follows from them. It never changes, so the arrays that one plan makes share one.
type Layout struct {
	spec     ops.Spec
	strides  []int
	hash     uint64
	elements int
	bytes    int // of the elements themselves
	dense    bool
}

// NewLayout returns the layout of a spec under strides, nil for dense ones. The
// slices must not be changed afterwards. The error is a *shape.Error for sizes out
// of bounds.
func NewLayout(s ops.Spec, strides []int) (*Layout, error) {
	bytes, err := shape.Bytes(s.DType, s.Shape)
	if err != nil {
		return nil, err
	}
	l := &Layout{spec: s, strides: strides, bytes: bytes, elements: bytes / s.DType.Size()}
	if strides == nil {
		l.strides, l.dense = shape.Strides(s.Shape), true
	} else {
		l.dense = shape.IsDense(s.Shape, strides)
	}
	h := uint64(s.DType)<<8 + uint64(len(s.Shape))
	for i, n := range s.Shape {
		h = mix(mix(h, uint64(n)), uint64(l.strides[i]))
	}
	l.hash = h
	return l, nil
}

// mix adds a number to a hash: the multiply-xorshift step of splitmix64 (Steele, Lea,
// Flood, "Fast splittable pseudorandom number generators", 2014).
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0xbf58476d1ce4e5b9
	return h ^ h>>31
}

// Spec is the element type and shape.
func (l *Layout) Spec() ops.Spec { return l.spec }

// Strides is the distance in elements between neighbours on every axis.
func (l *Layout) Strides() []int { return l.strides }

// Dense reports whether the elements lie in row-major order without gaps.
func (l *Layout) Dense() bool { return l.dense }

// Bytes is the size of the elements.
func (l *Layout) Bytes() int { return l.bytes }

// Equal compares type, shape and strides.
func (l *Layout) Equal(o *Layout) bool {
	return l == o || l.hash == o.hash && l.spec.DType == o.spec.DType && slices.Equal(l.spec.Shape, o.spec.Shape) && slices.Equal(l.strides, o.strides)
}

// view is the layout as kernels see it before they have memory.
func (l *Layout) view() hal.View {
	return hal.View{DType: l.spec.DType, Shape: l.spec.Shape, Strides: l.strides, Offset: shape.Lead(l.spec.Shape, l.strides)}
}

// broadcast is the layout repeated to a larger shape.
func (l *Layout) broadcast(dims []int) (*Layout, error) {
	if shape.Equal(l.spec.Shape, dims) {
		return l, nil
	}
	strides, err := shape.BroadcastStrides(l.spec.Shape, l.strides, dims)
	if err != nil {
		return nil, err
	}
	return NewLayout(ops.Spec{DType: l.spec.DType, Shape: dims}, strides)
}

func layouts(in []*Array) []*Layout {
	out := make([]*Layout, len(in))
	for i, a := range in {
		out[i] = a.layout
	}
	return out
}
