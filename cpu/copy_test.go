package cpu

import (
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func TestCopyKernels(t *testing.T) {
	checkKernels(t, ops.Copy, ops.Cast, ops.Concat, ops.Pad, ops.Full, ops.Iota)
}

// Large copies take the tiled and the threaded paths.
func TestCopyEveryPermutation(t *testing.T) {
	d := devices(t)[0]
	dims := []int{37, 50, 41}
	h := ops.NewHost(ops.Spec{DType: dtype.I32, Shape: dims})
	for i := range h.Elements() {
		h.SetInt(i, int64(i))
	}
	for _, perm := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		src := place(t, d, h, false)
		v := src
		v.Shape, v.Strides = nil, nil
		for _, p := range perm {
			v.Shape, v.Strides = append(v.Shape, dims[p]), append(v.Strides, src.Strides[p])
		}
		dst := guarded(t, d, ops.Spec{DType: dtype.I32, Shape: v.Shape})
		call := &hal.Call{Op: "copy", In: []hal.View{v}, Out: []hal.View{dst}}
		if err := runKernel(d, d.Kernels().Find(call), call); err != nil {
			t.Fatal(err)
		}
		got, i := elements[int32](dst), 0
		for it := shape.NewIterator(v.Shape, v.Strides); it.Next(); i++ {
			if got[i] != int32(it.Offsets()[0]) {
				t.Fatalf("permutation %v: element %d is %d, want %d", perm, i, got[i], it.Offsets()[0])
			}
		}
	}
}

// A strided destination, as an assignment to a view has.
func TestCopyToStrides(t *testing.T) {
	d := devices(t)[0]
	src := place(t, d, mustHost(t, []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}), false)
	dst := place(t, d, mustHost(t, []int{3, 4}, make([]float32, 12)), false)
	v := dst
	v.Shape, v.Strides, v.Offset = []int{2, 3}, []int{-2, 4}, dst.Offset+3
	if err := runKernel(d, d.Kernels().For("copy")[0], &hal.Call{Op: "copy", In: []hal.View{src}, Out: []hal.View{v}}); err != nil {
		t.Fatal(err)
	}
	want := []float32{0, 4, 0, 1, 0, 5, 0, 2, 0, 6, 0, 3}
	for i, g := range elements[float32](dst) {
		if g != want[i] {
			t.Errorf("element %d is %v, want %v", i, g, want[i])
		}
	}
}

func mustHost[T dtype.Element](t *testing.T, dims []int, values []T) ops.Host {
	t.Helper()
	h, err := ops.HostOf(dims, values)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
