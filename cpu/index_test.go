package cpu

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func TestIndexKernels(t *testing.T) {
	checkKernels(t, ops.Take, ops.IndexAdd, ops.Gather, ops.Scatter, ops.ScatterAdd, ops.OneHot)
}

func TestIndexOutOfRange(t *testing.T) {
	d := devices(t)[0]
	x := place(t, d, mustHost(t, []int{3}, []float32{1, 2, 3}), false)
	up, out := place(t, d, mustHost(t, []int{2}, []float32{1, 1}), false), place(t, d, mustHost(t, []int{3}, make([]float32, 3)), false)
	for _, idx := range []ops.Host{
		mustHost(t, []int{2}, []int64{0, -4}), mustHost(t, []int{2}, []int64{0, 3}),
		mustHost(t, []int{2}, []int32{0, -4}), mustHost(t, []int{2}, []int32{0, 3}),
	} {
		v := place(t, d, idx, false)
		for _, c := range []*hal.Call{
			{Op: "take", Attrs: ops.TakeAttrs{}, In: []hal.View{x, v}, Out: []hal.View{up}},
			{Op: "gather", Attrs: ops.GatherAttrs{}, In: []hal.View{x, v}, Out: []hal.View{up}},
			{Op: "index_add", Attrs: ops.IndexAddAttrs{}, In: []hal.View{x, v, up}, Out: []hal.View{out}},
			{Op: "scatter_add", Attrs: ops.ScatterAttrs{}, In: []hal.View{x, v, up}, Out: []hal.View{out}},
			{Op: "scatter", Attrs: ops.ScatterAttrs{}, In: []hal.View{x, v, up}, Out: []hal.View{out}},
		} {
			var attr *ops.AttrError
			if err := runKernel(d, d.Kernels().Find(c), c); !errors.As(err, &attr) || !strings.Contains(err.Error(), "position 1") {
				t.Errorf("%s of index %v: %v", c.Op, idx.Int(1), err)
			}
		}
	}
}

// A launch that met a bad index has written nothing, and runs again.
func TestIndexErrorLeavesLaunchUsable(t *testing.T) {
	d := devices(t)[0]
	s, err := d.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	x, up := place(t, d, mustHost(t, []int{3}, []float32{1, 2, 3}), false), place(t, d, mustHost(t, []int{2}, []float32{10, 20}), false)
	out := place(t, d, mustHost(t, []int{3}, []float32{7, 7, 7}), false)
	bad, good := place(t, d, mustHost(t, []int{2}, []int32{0, 3}), false), place(t, d, mustHost(t, []int{2}, []int32{2, 2}), false)
	for op, attrs := range map[*ops.Op]any{ops.IndexAdd: ops.IndexAddAttrs{}, ops.ScatterAdd: ops.ScatterAttrs{}} {
		copy(elements[float32](out), []float32{7, 7, 7})
		c := &hal.Call{Op: op.Name, Attrs: attrs, In: []hal.View{x, bad, up}, Out: []hal.View{out}}
		l, err := d.Kernels().Find(c).Prepare(c)
		if err != nil {
			t.Fatal(err)
		}
		work, err := d.Alloc(l.Work)
		if err != nil {
			t.Fatal(err)
		}
		defer work.Free()
		var attr *ops.AttrError
		if err := s.Launch(l, c.Operands(), work); !errors.As(err, &attr) {
			t.Fatalf("%s of index 3: %v", op.Name, err)
		}
		if got := elements[float32](out); !slices.Equal(got, []float32{7, 7, 7}) {
			t.Errorf("%s wrote %v before it refused an index", op.Name, got)
		}
		c.In[1] = good
		if err := s.Launch(l, c.Operands(), work); err != nil {
			t.Fatal(err)
		}
		if got := elements[float32](out); !slices.Equal(got, []float32{1, 2, 33}) {
			t.Errorf("%s gives %v after an error, want 1 2 33", op.Name, got)
		}
	}
}

// Repeated indices add up in their order, whatever thread does it.
func TestIndexBitsDoNotDependOnThreads(t *testing.T) {
	idx := func(n int, dims ...int) ops.Arg { return ops.Arg{Shape: dims, DType: dtype.I64, Hi: float64(n)} }
	sameBits(t, ops.IndexAdd, ops.IndexAddAttrs{}, ops.Arg{Shape: []int{9, 700}}, idx(9, 200), ops.Arg{Shape: []int{200, 700}})
	sameBits(t, ops.ScatterAdd, ops.ScatterAttrs{Axis: 1}, ops.Arg{Shape: []int{300, 7}}, idx(7, 300, 100), ops.Arg{Shape: []int{300, 100}})
	sameBits(t, ops.ScatterAdd, ops.ScatterAttrs{Axis: 1}, ops.Arg{Shape: []int{30, 7, 20}}, idx(7, 30, 80, 19), ops.Arg{Shape: []int{30, 80, 19}})
}

func TestIndexShapes(t *testing.T) {
	devs := devices(t)
	idx := func(n int, dims ...int) ops.Arg { return ops.Arg{Shape: dims, DType: dtype.I32, Hi: float64(n)} }
	for axis, dims := range [][]int{{50, 30, 20, 9}, {38, 70, 20, 9}, {40, 28, 45, 9}, {39, 30, 18, 25}} {
		x := []int{40, 30, 20, 10}
		i := idx(x[axis], dims...)
		againstRef(t, devs, ops.Gather, ops.GatherAttrs{Axis: axis}, dtype.F32, ops.Arg{Shape: x}, i)
		againstRef(t, devs, ops.ScatterAdd, ops.ScatterAttrs{Axis: axis}, dtype.F32, ops.Arg{Shape: x}, i, ops.Arg{Shape: dims})
	}
}

func BenchmarkIndex(b *testing.B) {
	idx := func(dims ...int) ops.Spec { return ops.Spec{DType: dtype.I64, Shape: dims} }
	b.Run("take", func(b *testing.B) { benchCall(b, ops.Take, ops.TakeAttrs{}, f32s(10000, 64), idx(8192)) })
	b.Run("index_add", func(b *testing.B) {
		benchCall(b, ops.IndexAdd, ops.IndexAddAttrs{}, f32s(10000, 64), idx(8192), f32s(8192, 64))
	})
	b.Run("gather", func(b *testing.B) {
		benchCall(b, ops.Gather, ops.GatherAttrs{Axis: 1}, f32s(1024, 1024), idx(1024, 256))
	})
	b.Run("scatter_add", func(b *testing.B) {
		benchCall(b, ops.ScatterAdd, ops.ScatterAttrs{Axis: 1}, f32s(1024, 1024), idx(1024, 256), f32s(1024, 256))
	})
}
