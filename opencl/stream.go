//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// stream is a view of the device's queue with a health of its own.
type stream struct {
	hal.Health
	dev *Device
}

var _ kernels.Launcher = (*stream)(nil)

func (s *stream) Device() hal.Device { return s.dev }

// queued runs a call of the library on the queue; its failure poisons.
func (s *stream) queued(name string, f func(queue uintptr) uintptr) error {
	if err := s.Err(); err != nil {
		return err
	}
	s.dev.mu.Lock()
	defer s.dev.mu.Unlock()
	if s.dev.closed {
		return s.Poison(s.dev.failure(hal.ErrClosed))
	}
	if err := check(name, f(s.dev.queue)); err != nil {
		return s.Poison(s.dev.failure(err))
	}
	return nil
}

const blocking = 1

// Upload waits until src has been read, and so for everything queued before.
func (s *stream) Upload(dst hal.Buffer, off int, src []byte) error {
	mem, err := s.dev.window(dst, off, len(src))
	if err != nil || len(src) == 0 {
		return err
	}
	return s.queued("clEnqueueWriteBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(s.dev.lib.enqueueWriteBuffer, q, mem, blocking, uintptr(off), uintptr(len(src)), uintptr(unsafe.Pointer(&src[0])), 0, 0, 0)
		return r
	})
}

// Download waits for the data: dst may be on a stack that moves.
func (s *stream) Download(dst []byte, src hal.Buffer, off int) error {
	mem, err := s.dev.window(src, off, len(dst))
	if err != nil || len(dst) == 0 {
		return err
	}
	return s.queued("clEnqueueReadBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(s.dev.lib.enqueueReadBuffer, q, mem, blocking, uintptr(off), uintptr(len(dst)), uintptr(unsafe.Pointer(&dst[0])), 0, 0, 0)
		return r
	})
}

func (s *stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	to, err := s.dev.window(dst, dstOff, n)
	if err != nil {
		return err
	}
	from, err := s.dev.window(src, srcOff, n)
	if err != nil || n == 0 {
		return err
	}
	return s.queued("clEnqueueCopyBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(s.dev.lib.enqueueCopyBuffer, q, from, to, uintptr(srcOff), uintptr(dstOff), uintptr(n), 0, 0, 0)
		return r
	})
}

// Launch queues a kernel.
func (s *stream) Launch(k *hal.Kernel, c *hal.Call) error {
	if err := s.Err(); err != nil {
		return err
	}
	return k.Run(s, c)
}

func (s *stream) Sync() error {
	return s.queued("clFinish", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(s.dev.lib.finish, q)
		return r
	})
}

// Run queues a program (kernels.Launcher).
func (s *stream) Run(p *kernels.Program, groups [3]int, buffers []hal.Buffer, values []byte) error {
	d := s.dev
	if len(buffers) != p.Buffers || len(values) != p.Values {
		return d.failure(fmt.Errorf("%s takes %d buffers and %d bytes of values, not %d and %d", p.Name, p.Buffers, p.Values, len(buffers), len(values)))
	}
	if groups[0]*groups[1]*groups[2] == 0 {
		return nil
	}
	mems := make([]uintptr, len(buffers))
	for i, b := range buffers {
		var err error
		if mems[i], err = d.window(b, 0, 0); err != nil {
			return err
		}
	}
	var local, global [3]uintptr
	for i := range 3 {
		local[i] = uintptr(p.Group[i])
		global[i] = local[i] * uintptr(groups[i])
	}
	var buildErr error
	err := s.queued("clEnqueueNDRangeKernel", func(q uintptr) uintptr {
		var b *built
		if b, buildErr = d.build(p); buildErr != nil {
			return 0
		}
		for i := range mems {
			if r, _, _ := purego.SyscallN(d.lib.setKernelArg, b.kernel, uintptr(i), unsafe.Sizeof(mems[i]), uintptr(unsafe.Pointer(&mems[i]))); int32(r) != 0 {
				buildErr = d.failure(&callError{"clSetKernelArg", status(int32(r))})
				return 0
			}
		}
		if r, _, _ := purego.SyscallN(d.lib.setKernelArg, b.kernel, uintptr(len(mems)), uintptr(len(values)), uintptr(unsafe.Pointer(&values[0]))); int32(r) != 0 {
			buildErr = d.failure(&callError{"clSetKernelArg", status(int32(r))})
			return 0
		}
		r, _, _ := purego.SyscallN(d.lib.enqueueNDRangeKernel, q, b.kernel, 3, 0, uintptr(unsafe.Pointer(&global[0])), uintptr(unsafe.Pointer(&local[0])), 0, 0, 0)
		return r
	})
	runtime.KeepAlive(buffers)
	return errors.Join(err, buildErr)
}

// Record marks this point of the queue.
func (s *stream) Record() (hal.Event, error) {
	e := &event{dev: s.dev, health: &s.Health}
	err := s.queued("clEnqueueMarkerWithWaitList", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(s.dev.lib.enqueueMarker, q, 0, 0, uintptr(unsafe.Pointer(&e.id)))
		return r
	})
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(e, func(id uintptr) { purego.SyscallN(s.dev.lib.releaseEvent, id) }, e.id)
	return e, nil
}

// Wait has nothing to do for events of the same queue.
func (s *stream) Wait(e hal.Event) error {
	if x, ok := e.(*event); ok && x.dev == s.dev {
		return s.Err()
	}
	return e.Wait()
}
