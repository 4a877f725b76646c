package exec_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// bare is a device with memory and the kernels a test gives it. Memory that was freed
// is overwritten when it is handed out again.
type bare struct {
	*hostdev.Device
	full  atomic.Bool  // refuses to allocate
	asked atomic.Int64 // for memory
	fails atomic.Int64 // when it was asked so often
}

func newBare(kernels ...*hal.Kernel) *bare {
	d := &bare{Device: hostdev.New(hal.Info{Name: "bare", Kind: "bare", DTypes: map[dtype.Type]hal.Support{dtype.F32: hal.Arithmetic}})}
	d.Outer = d
	d.Fill = func(mem []byte) {
		for i := range mem {
			mem[i] = 0xdb
		}
	}
	d.Kernels().Add(kernels...)
	return d
}

func (d *bare) Alloc(n int) (hal.Buffer, error) {
	if n := d.asked.Add(1); d.full.Load() || n == d.fails.Load() {
		return nil, hal.ErrOutOfMemory
	}
	return d.Device.Alloc(n)
}

// live is the number of buffers that are not freed.
func (d *bare) live() int { return d.Memory().Buffers }

// each calls f with the byte offsets of corresponding elements of the views.
func each(c *hal.Call, f func(out []byte, in [][]byte)) {
	strides := [][]int{c.Out[0].Strides}
	for _, v := range c.In {
		strides = append(strides, v.Strides)
	}
	for it := shape.NewIterator(c.Out[0].Shape, strides...); it.Next(); {
		at := func(v hal.View, i int) []byte {
			size := v.DType.Size()
			return hostdev.Bytes(v.Buf)[(v.Offset+it.Offsets()[i])*size:][:size]
		}
		in := make([][]byte, len(c.In))
		for i, v := range c.In {
			in[i] = at(v, i+1)
		}
		f(at(c.Out[0], 0), in)
	}
}

// negate is a kernel of neg on float32.
func negate(l hal.Layout, name string) *hal.Kernel {
	return &hal.Kernel{Key: hal.Key{Op: "neg", DType: dtype.F32, Layout: l}, Name: name, Run: func(_ hal.Stream, c *hal.Call) error {
		each(c, func(out []byte, in [][]byte) {
			copy(out, in[0])
			out[3] ^= 0x80
		})
		return nil
	}}
}

// copier is a kernel of copy on any type and strides.
func copier() *hal.Kernel {
	return &hal.Kernel{Key: hal.Key{Op: "copy", Layout: hal.Free}, Name: "copy", Run: func(_ hal.Stream, c *hal.Call) error {
		each(c, func(out []byte, in [][]byte) { copy(out, in[0]) })
		return nil
	}}
}

func engine(t *testing.T, kernels ...*hal.Kernel) (*bare, *exec.Engine) {
	t.Helper()
	d := newBare(kernels...)
	e, err := exec.On(d)
	if err != nil {
		t.Fatal(err)
	}
	return d, e
}

func upload(t *testing.T, e *exec.Engine, dims []int, values ...float32) *exec.Array {
	t.Helper()
	h, err := ops.HostOf(dims, values)
	if err != nil {
		t.Fatal(err)
	}
	a, err := e.Upload(h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func apply(e *exec.Engine, op *ops.Op, attrs any, in ...*exec.Array) *exec.Array {
	vals := make([]ops.Value, len(in))
	for i, a := range in {
		vals[i] = a
	}
	return e.Apply(op, attrs, vals...)[0].(*exec.Array)
}

func holds(t *testing.T, what string, a *exec.Array, want ...float64) {
	t.Helper()
	h, err := a.Host()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if got := h.Float64s(); !slices.Equal(got, want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// failure is the error that f panics with.
func failure(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	f()
	return nil
}

func counts(e *exec.Engine, op string) (n [4]int) {
	for _, s := range e.Stats() {
		if s.Op == op {
			copy(n[:], s.Count[:])
		}
	}
	return n
}
