package conform_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// toy is a device of memory and nothing else: no kernel at all. It queues work and
// does it at Sync, as separate hardware would, so that nothing works by accident
// of order; and what is freed is overwritten after the work queued before, so that
// nothing works with memory it gave away.
type toy struct {
	kernels hal.Registry
	mu      sync.Mutex // buffers may be freed by the garbage collector's goroutine
	queue   []func() error
}

func (t *toy) Info() hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, dt := range dtype.All() {
		types[dt] = hal.Arithmetic
	}
	return hal.Info{Name: "toy", Kind: "toy", DTypes: types}
}
func (t *toy) Kernels() *hal.Registry         { return &t.kernels }
func (t *toy) Close() error                   { return nil }
func (t *toy) NewStream() (hal.Stream, error) { return &toyStream{dev: t}, nil }

func (t *toy) Alloc(n int) (hal.Buffer, error) {
	b := &toyBuffer{dev: t, mem: make([]byte, n)}
	scribble(b.mem)
	return b, nil
}

func scribble(mem []byte) {
	for i := range mem {
		mem[i] = 0xdb
	}
}

func (t *toy) later(f func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, f)
}

// drain does what is queued, up to the first failure.
func (t *toy) drain() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := t.queue
	t.queue = nil
	for _, f := range queue {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

type toyBuffer struct {
	dev  *toy
	mem  []byte
	once sync.Once
}

func (b *toyBuffer) Device() hal.Device { return b.dev }
func (b *toyBuffer) Size() int          { return len(b.mem) }
func (b *toyBuffer) Free() {
	b.once.Do(func() {
		b.dev.later(func() error {
			scribble(b.mem)
			return nil
		})
	})
}

type toyStream struct {
	hal.Health
	dev *toy
}

func (s *toyStream) Device() hal.Device { return s.dev }

func (s *toyStream) later(f func() error) error {
	if s.Err() == nil {
		s.dev.later(f)
	}
	return s.Err()
}

func (s *toyStream) Upload(dst hal.Buffer, off int, src []byte) error {
	kept := append([]byte{}, src...) // the caller may reuse src
	return s.later(func() error { return move(dst.(*toyBuffer).mem, off, kept) })
}

func (s *toyStream) Download(dst []byte, src hal.Buffer, off int) error {
	return s.later(func() error {
		mem := src.(*toyBuffer).mem
		if off+len(dst) > len(mem) {
			return fmt.Errorf("download of %d bytes at %d from %d", len(dst), off, len(mem))
		}
		copy(dst, mem[off:])
		return nil
	})
}

func (s *toyStream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	return s.later(func() error { return move(dst.(*toyBuffer).mem, dstOff, src.(*toyBuffer).mem[srcOff:srcOff+n]) })
}

func move(dst []byte, off int, src []byte) error {
	if off < 0 || off+len(src) > len(dst) {
		return fmt.Errorf("%d bytes at %d of %d", len(src), off, len(dst))
	}
	copy(dst[off:], src)
	return nil
}

func (s *toyStream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	return l.Run(s, at, work)
}
func (s *toyStream) Record() (hal.Event, error) { return toyEvent{s}, s.Err() }
func (s *toyStream) Wait(e hal.Event) error     { return e.Wait() }

func (s *toyStream) Sync() error {
	if err := s.dev.drain(); err != nil {
		_ = s.Poison(err)
	}
	return s.Err()
}

type toyEvent struct{ s *toyStream }

func (e toyEvent) Wait() error { return e.s.Sync() }

// Without kernels every op runs by its lowering and, at the bottom, by the
// reference: this proves both.
func TestToyDevice(t *testing.T) { conform.Run(t, &toy{}) }

func TestToyDeviceWithoutFallback(t *testing.T) {
	dev := &toy{}
	e, err := exec.On(dev)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Upload(ops.Scalar(dtype.F32, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op       *ops.Op
		fallback exec.Fallback
		step     exec.Step
	}{
		{ops.Exp, exec.AllowLowering, exec.Reference},
		{ops.Exp, exec.KernelsOnly, exec.Reference},
		{ops.Mean, exec.KernelsOnly, exec.Lowered},
	} {
		func() {
			defer exec.SetFallback(exec.SetFallback(c.fallback))
			defer func() {
				err, _ := recover().(error)
				var refused *exec.FallbackError
				if !errors.As(err, &refused) || refused.Step != c.step {
					t.Errorf("%s under %v: %v", c.op.Name, c.fallback, err)
				}
			}()
			var attrs any
			if c.op == ops.Mean {
				attrs = ops.ReduceAttrs{}
			}
			e.Apply(c.op, attrs, x)
		}()
	}
}

// A kernel that is wrong, or writes where it should not, is found: the suite can
// fail.
func TestASuiteThatCannotFailProvesNothing(t *testing.T) {
	for name, run := range map[string]func(hal.Stream, *hal.Call) error{
		"wrong result": func(s hal.Stream, c *hal.Call) error {
			return s.Upload(c.Out[0].Buf, c.Out[0].Offset*4, make([]byte, 4*c.Out[0].Elements()))
		},
		"writes outside": func(s hal.Stream, c *hal.Call) error {
			return s.Upload(c.Out[0].Buf, (c.Out[0].Offset-1)*4, make([]byte, 4))
		},
		"changes its input": func(s hal.Stream, c *hal.Call) error {
			return s.Upload(c.In[0].Buf, c.In[0].Offset*4, make([]byte, 4))
		},
		"fails": func(hal.Stream, *hal.Call) error { return hal.ErrDeviceLost },
	} {
		dev := &toy{}
		dev.kernels.Add(&hal.Kernel{Key: hal.Key{Op: "exp", DType: dtype.F32, Layout: hal.Dense}, Name: "bad", Run: run})
		if conform.Passes(dev, ops.Exp) {
			t.Errorf("%s: the suite passed", name)
		}
	}
}

// A gradient that is wrong in the fifth digit is found, though no result of the row
// itself is.
func TestWrongGradientsAreFound(t *testing.T) {
	for factor, passes := range map[float64]bool{1: true, 1 + 8e-5: false} {
		dev := &toy{}
		dev.kernels.Add(&hal.Kernel{Key: hal.Key{Op: "softmax_grad", DType: dtype.F32, Layout: hal.Dense}, Name: "scaled",
			Run: func(s hal.Stream, c *hal.Call) error { return scaledReference(s, c, factor) }})
		if conform.Passes(dev, ops.Softmax) != passes {
			t.Errorf("a gradient of %v times what it should be: the suite passes it: %v", factor, !passes)
		}
	}
}

// scaledReference computes a call by its row's reference and multiplies the results.
func scaledReference(s hal.Stream, c *hal.Call, factor float64) error {
	hosts := func(views []hal.View) (out []ops.Host) {
		for _, v := range views {
			out = append(out, ops.NewHost(ops.Spec{DType: v.DType, Shape: v.Shape}))
		}
		return out
	}
	in, out := hosts(c.In), hosts(c.Out)
	for i, v := range c.In {
		if err := s.Download(in[i].Data, v.Buf, v.Offset*v.DType.Size()); err != nil {
			return err
		}
	}
	if err := s.Sync(); err != nil {
		return err
	}
	ops.Get(c.Op).Ref(c.Attrs, in, out)
	for i, v := range c.Out {
		for k := range out[i].Elements() {
			out[i].Set(k, factor*out[i].At(k))
		}
		if err := s.Upload(v.Buf, v.Offset*v.DType.Size(), out[i].Data); err != nil {
			return err
		}
	}
	return nil
}
