package exec_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// bare is a device with memory and the kernels a test gives it.
type bare struct {
	kernels hal.Registry
	live    atomic.Int64 // buffers not yet freed
	full    atomic.Bool  // refuses to allocate
}

func (d *bare) Info() hal.Info {
	return hal.Info{Name: "bare", Kind: "bare", DTypes: map[dtype.Type]hal.Support{dtype.F32: hal.Arithmetic}}
}
func (d *bare) Kernels() *hal.Registry         { return &d.kernels }
func (d *bare) Close() error                   { return nil }
func (d *bare) NewStream() (hal.Stream, error) { return &bareStream{dev: d}, nil }
func (d *bare) Alloc(n int) (hal.Buffer, error) {
	if d.full.Load() {
		return nil, hal.ErrOutOfMemory
	}
	d.live.Add(1)
	return &bareBuffer{dev: d, mem: make([]byte, n)}, nil
}

type bareBuffer struct {
	dev   *bare
	mem   []byte
	freed atomic.Bool
}

func (b *bareBuffer) Device() hal.Device { return b.dev }
func (b *bareBuffer) Size() int          { return len(b.mem) }
func (b *bareBuffer) Free() {
	if b.freed.CompareAndSwap(false, true) {
		b.dev.live.Add(-1)
	}
}

// bytes is the memory of a buffer that must still be there.
func bytes(b hal.Buffer) []byte {
	x := b.(*bareBuffer)
	if x.freed.Load() {
		panic(errors.New("bare: use of a freed buffer"))
	}
	return x.mem
}

type bareStream struct{ dev *bare }

func (s *bareStream) Device() hal.Device { return s.dev }
func (s *bareStream) Upload(dst hal.Buffer, off int, src []byte) error {
	copy(bytes(dst)[off:], src)
	return nil
}
func (s *bareStream) Download(dst []byte, src hal.Buffer, off int) error {
	copy(dst, bytes(src)[off:])
	return nil
}
func (s *bareStream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	copy(bytes(dst)[dstOff:], bytes(src)[srcOff:srcOff+n])
	return nil
}
func (s *bareStream) Launch(k *hal.Kernel, c *hal.Call) error { return k.Run(s, c) }
func (s *bareStream) Record() (hal.Event, error)              { return nil, hal.ErrUnsupported }
func (s *bareStream) Wait(hal.Event) error                    { return hal.ErrUnsupported }
func (s *bareStream) Sync() error                             { return nil }

// each calls f with the byte offsets of corresponding elements of the views.
func each(c *hal.Call, f func(out []byte, in [][]byte)) {
	strides := [][]int{c.Out[0].Strides}
	for _, v := range c.In {
		strides = append(strides, v.Strides)
	}
	for it := shape.NewIterator(c.Out[0].Shape, strides...); it.Next(); {
		at := func(v hal.View, i int) []byte {
			size := v.DType.Size()
			return bytes(v.Buf)[(v.Offset+it.Offsets()[i])*size:][:size]
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
	return &hal.Kernel{Key: hal.Key{Op: "copy", Layout: hal.Strided}, Name: "copy", Run: func(_ hal.Stream, c *hal.Call) error {
		each(c, func(out []byte, in [][]byte) { copy(out, in[0]) })
		return nil
	}}
}

func engine(t *testing.T, kernels ...*hal.Kernel) (*bare, *exec.Engine) {
	t.Helper()
	d := &bare{}
	d.kernels.Add(kernels...)
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
