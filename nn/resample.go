package nn

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Layers that make pictures or sequences larger or smaller. Those that mix
// elements are linear along every axis: a product with a matrix that is made on
// the host for the size at hand.

// NewUpsample makes the axes after the channels of [N, C, ...] scale times longer
// by repeating elements.
func NewUpsample(scale int) Module {
	if scale < 1 {
		panic(&ops.AttrError{Op: "upsample", Reason: fmt.Sprintf("the scale is %d, want at least 1", scale)})
	}
	return composed("upsample", func(x *crease.Tensor) *crease.Tensor {
		dims := append([]int{}, x.Shape()...)
		var narrow, wide []int
		for i, n := range dims {
			narrow, wide = append(narrow, n), append(wide, n)
			if i >= 2 {
				narrow, wide = append(narrow, 1), append(wide, scale)
				dims[i] = n * scale
			}
		}
		return x.Reshape(narrow...).Expand(wide...).Reshape(dims...)
	})
}

// NewUpsampleLinear makes the axes after the channels of [N, C, ...] scale times
// longer by linear interpolation: for pictures, bilinear. With aligned corners the
// first and the last elements stay where they are; without, elements have an
// extent and its borders stay. Both are PyTorch's.
func NewUpsampleLinear(scale int, alignCorners bool) Module {
	if scale < 1 {
		panic(&ops.AttrError{Op: "upsample_linear", Reason: fmt.Sprintf("the scale is %d, want at least 1", scale)})
	}
	return composed("upsample_linear", func(x *crease.Tensor) *crease.Tensor {
		for axis := 2; axis < x.Rank(); axis++ {
			n := x.Dim(axis)
			x = along(x, axis, n*scale, func(i int, set func(j int, w float64)) {
				at := max(0, (float64(i)+0.5)/float64(scale)-0.5)
				if alignCorners {
					at = float64(i) * float64(n-1) / float64(max(1, n*scale-1))
				}
				low := min(int(at), n-1)
				part := at - float64(low)
				set(low, 1-part)
				set(min(low+1, n-1), part)
			})
		}
		return x
	})
}

// NewAdaptiveAvgPool averages [N, C, ...] to the given sizes: of n elements,
// result i of m is the mean of those from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉.
func NewAdaptiveAvgPool(sizes ...int) Module {
	return adaptive("adaptive_avg_pool", sizes, func(x *crease.Tensor, axis, size int) *crease.Tensor {
		n := x.Dim(axis)
		return along(x, axis, size, func(i int, set func(j int, w float64)) {
			lo, hi := adaptiveCell(i, n, size)
			for j := lo; j < hi; j++ {
				set(j, 1/float64(hi-lo))
			}
		})
	})
}

// NewAdaptiveMaxPool is the maximum of what NewAdaptiveAvgPool averages.
func NewAdaptiveMaxPool(sizes ...int) Module {
	return adaptive("adaptive_max_pool", sizes, func(x *crease.Tensor, axis, size int) *crease.Tensor {
		parts := make([]*crease.Tensor, size)
		for i := range parts {
			lo, hi := adaptiveCell(i, x.Dim(axis), size)
			parts[i] = x.Narrow(axis, lo, hi-lo).Amax(axis)
		}
		return crease.Stack(axis, parts...)
	})
}

// adaptiveCell is the elements of n behind result i of m.
func adaptiveCell(i, n, m int) (lo, hi int) { return i * n / m, ((i+1)*n + m - 1) / m }

func adaptive(name string, sizes []int, reduce func(x *crease.Tensor, axis, size int) *crease.Tensor) Module {
	for _, n := range sizes {
		if n < 1 {
			panic(&ops.AttrError{Op: name, Reason: fmt.Sprintf("sizes %v must be positive", sizes)})
		}
	}
	return composed(name, func(x *crease.Tensor) *crease.Tensor {
		wantAxes(name, x, 2+len(sizes), fmt.Sprintf("[N, C, ...] with %d axes after the channels", len(sizes)))
		for i, n := range sizes {
			x = reduce(x, 2+i, n)
		}
		return x
	})
}

// along multiplies an axis of x by the matrix [m, n] whose rows fill sets; weights
// set twice add up.
func along(x *crease.Tensor, axis, m int, fill func(i int, set func(j int, w float64))) *crease.Tensor {
	n := x.Dim(axis)
	h := ops.NewHost(ops.Spec{DType: dtype.F64, Shape: []int{m, n}})
	for i := range m {
		fill(i, func(j int, w float64) { h.Set(i*n+j, h.At(i*n+j)+w) })
	}
	w := crease.FromHost(h, crease.As(x.DType()), crease.On(x.Device()))
	last := x.Rank() - 1
	return x.Transpose(axis, last).Linear(w, nil).Transpose(axis, last)
}
