package conform

import (
	"bytes"
	"errors"
	"slices"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// layout is how operands lie in memory.
type layout struct {
	name string
	// strides of an array of these dims in units of elements, and the position of
	// its first element.
	strides func(dims []int) (strides []int, first int)
}

var layouts = []layout{plain, transposed, reversed, expanded}

// plain is row-major without gaps.
var plain = layout{"dense", func(dims []int) ([]int, int) { return shape.Strides(dims), 0 }}

// transposed stores the first axis innermost.
var transposed = layout{"transposed", func(dims []int) ([]int, int) {
	strides, step := make([]int, len(dims)), 1
	for i, n := range dims {
		strides[i] = step
		step *= n
	}
	return strides, 0
}}

// reversed stores every axis backwards with a gap after each element of the last.
var reversed = layout{"reversed with gaps", func(dims []int) ([]int, int) {
	strides, first := shape.Strides(dims), 0
	for i := range strides {
		strides[i] *= 2
		first += (max(dims[i], 1) - 1) * strides[i]
		strides[i] = -strides[i]
	}
	return strides, first
}}

// expanded repeats one slice along the first axis, which has stride zero. Operands
// must be uniform along that axis: see subject.uniform.
var expanded = layout{"expanded", func(dims []int) ([]int, int) {
	strides := shape.Strides(dims)
	if len(dims) > 0 {
		strides[0] = 0
	}
	return strides, 0
}}

// uniform is the array with its first slice everywhere along the first axis.
func uniform(h ops.Host) ops.Host {
	u := h.Clone()
	if len(h.Shape) > 0 && h.Elements() > 0 {
		slice := len(u.Data) / h.Shape[0]
		for at := slice; at < len(u.Data); at += slice {
			copy(u.Data[at:], u.Data[:slice])
		}
	}
	return u
}

// room is the number of elements that an array's memory spans.
func (l layout) room(dims []int) int {
	if shape.MustElements(dims) == 0 {
		return 0
	}
	strides, first := l.strides(dims)
	lo, hi, err := shape.Extent(dims, strides, first)
	if err != nil || lo < 0 {
		panic("conform: a layout leaves its memory")
	}
	return hi
}

// value makes an array of the layout out of views on an uploaded one.
func (l layout) value(b ops.Builder, h ops.Host) ops.Value {
	rank := len(h.Shape)
	if rank == 0 || h.Elements() == 0 {
		return b.Const(h)
	}
	switch l.name {
	case transposed.name:
		axes := make([]int, rank)
		for i := range axes {
			axes[i] = rank - 1 - i
		}
		turned := ops.Permute.With(ops.Interpreter{}, ops.PermuteAttrs{Axes: axes}, &ops.HostValue{Host: h}).(*ops.HostValue).Host
		return ops.Permute.With(b, ops.PermuteAttrs{Axes: axes}, b.Const(turned))
	case reversed.name:
		wide := slices.Clone(h.Shape)
		wide[rank-1] *= 2
		a := ops.SliceAttrs{}
		for i, n := range h.Shape {
			step := -1
			if i == rank-1 {
				step = -2
			}
			a.Start, a.Count, a.Step = append(a.Start, wide[i]-1), append(a.Count, n), append(a.Step, step)
		}
		big := ops.NewHost(ops.Spec{DType: h.DType, Shape: wide})
		size, strides := h.DType.Size(), shape.Strides(wide)
		first := 0
		for i := range strides {
			first += a.Start[i] * strides[i]
			strides[i] *= a.Step[i]
		}
		it := shape.NewIterator(h.Shape, strides)
		for i := 0; it.Next(); i++ {
			at := (first + it.Offsets()[0]) * size
			copy(big.Data[at:at+size], h.Data[i*size:])
		}
		return ops.Slice.With(b, a, b.Const(big))
	case expanded.name:
		one := slices.Clone(h.Shape)
		one[0] = 1
		first := ops.Host{Spec: ops.Spec{DType: h.DType, Shape: one}, Data: h.Data[:len(h.Data)/h.Shape[0]]}
		return ops.Expand.With(b, ops.ExpandAttrs{Shape: h.Shape}, b.Const(first))
	}
	return b.Const(h)
}

// guard is the number of bytes kept around every operand. It is a multiple of the
// alignment that devices ask of parts of buffers.
const guard = 256

// pattern fills guards and results before a kernel runs.
const pattern = 0xa5

// kernel runs one kernel by itself on operands in guarded buffers.
func (s *subject) kernel(k *hal.Kernel, l layout) {
	s.t.Helper()
	call := &hal.Call{Op: s.op.Name, Attrs: s.c.Attrs}
	if len(s.in) == 0 && l.name != plain.name {
		return
	}
	stream, err := s.dev.NewStream()
	if err != nil {
		s.t.Fatal(err)
	}
	var buffers []hal.Buffer // of the operands in order, then of the scratch
	var before [][]byte      // their contents
	defer func() {
		for _, b := range buffers {
			b.Free()
		}
	}()
	place := func(h ops.Host, l layout, fill bool) hal.View {
		size := h.DType.Size()
		strides, first := l.strides(h.Shape)
		mem := make([]byte, l.room(h.Shape)*size+2*guard)
		for i := range mem {
			mem[i] = pattern
		}
		if fill && h.Elements() > 0 {
			it := shape.NewIterator(h.Shape, strides)
			for i := 0; it.Next(); i++ {
				at := guard + (first+it.Offsets()[0])*size
				copy(mem[at:at+size], h.Data[i*size:])
			}
		}
		buf, err := s.dev.Alloc(len(mem))
		if err != nil {
			s.t.Fatal(err)
		}
		buffers, before = append(buffers, buf), append(before, mem)
		if err := stream.Upload(buf, 0, mem); err != nil {
			s.t.Fatal(err)
		}
		return hal.View{Buf: buf, DType: h.DType, Shape: h.Shape, Strides: strides, Offset: guard/size + first}
	}
	for _, h := range s.in {
		v := place(h, l, true)
		if s.op.Expr != nil {
			strides, err := shape.BroadcastStrides(v.Shape, v.Strides, s.want[0].Shape)
			if err != nil {
				s.t.Fatal(err)
			}
			v.Shape, v.Strides = s.want[0].Shape, strides
		}
		call.In = append(call.In, v)
	}
	for _, w := range s.want {
		call.Out = append(call.Out, place(w, plain, false))
	}
	if !k.Takes(call) {
		return
	}
	what := "kernel " + k.Name + ", " + l.name
	launch, err := k.Prepare(call)
	if errors.Is(err, hal.ErrUnsupported) {
		return
	}
	if err != nil {
		s.errorf("%s: %v", what, err)
		return
	}
	var work hal.Buffer
	if launch.Work > 0 {
		if work, err = s.dev.Alloc(launch.Work); err != nil {
			s.t.Fatal(err)
		}
		buffers = append(buffers, work)
	}
	if err := stream.Launch(launch, call.Operands(), work); err != nil {
		if !errors.Is(err, hal.ErrUnsupported) {
			s.errorf("%s: %v", what, err)
		}
		return
	}
	after := make([][]byte, len(before))
	for i, mem := range before {
		after[i] = make([]byte, len(mem))
		if err := stream.Download(after[i], buffers[i], 0); err != nil {
			s.errorf("%s: %v", what, err)
			return
		}
	}
	if err := stream.Sync(); err != nil {
		s.errorf("%s: %v", what, err)
		return
	}
	for i := range s.in {
		if !bytes.Equal(after[i], before[i]) {
			s.errorf("%s: it changed input %d or wrote around it", what, i)
			return
		}
	}
	var got []ops.Host
	for i, w := range s.want {
		mem := after[len(s.in)+i]
		for k := range guard {
			if mem[k] != pattern || mem[len(mem)-1-k] != pattern {
				s.errorf("%s: it wrote outside result %d", what, i)
				return
			}
		}
		got = append(got, ops.Host{Spec: w.Spec, Data: mem[guard : guard+len(w.Data)]})
	}
	s.compare(what, got)
}
