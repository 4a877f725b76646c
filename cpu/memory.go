package cpu

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
)

// buffer is host memory from the device's pool.
type buffer struct {
	dev   *device
	block hostmem.Block
	class int // the pool's size class
	size  int // as asked for
	freed atomic.Bool
}

// Alloc takes a buffer from the pool.
func (d *device) Alloc(bytes int) (hal.Buffer, error) {
	block, class, err := d.pool.Get(bytes)
	if err != nil {
		return nil, err
	}
	return &buffer{dev: d, block: block, class: class, size: bytes}, nil
}

func (b *buffer) Device() hal.Device { return b.dev }
func (b *buffer) Size() int          { return b.size }

func (b *buffer) Free() {
	if b.freed.CompareAndSwap(false, true) {
		b.dev.pool.Put(b.block, b.class)
	}
}

func (b *buffer) bytes() []byte { return b.block.Bytes[:b.size:b.size] }

// Bytes is the memory of a buffer (hal.Mapper).
func (d *device) Bytes(b hal.Buffer) []byte { return b.(*buffer).bytes() }

// memory is the bytes of a view from its first element to the end of its buffer;
// of a dense view, exactly its elements.
func memory(v hal.View) []byte {
	if v.Elements() == 0 {
		return nil // whatever its offset
	}
	b := v.Buf.(*buffer).bytes()[v.Offset*v.DType.Size():]
	if v.Dense() {
		n := v.Elements() * v.DType.Size()
		return b[:n:n]
	}
	return b
}

// data is a dense view as a Go slice.
func data[T dtype.Element](v hal.View) []T { return dtype.Slice[T](memory(v)) }

// whole is the entire buffer behind a view as a slice, for kernels that walk
// strides of either sign from v.Offset.
func whole[T dtype.Element](v hal.View) []T {
	b := v.Buf.(*buffer).bytes()
	return dtype.Slice[T](b[:len(b)/v.DType.Size()*v.DType.Size()])
}

// stream runs everything inline on the calling goroutine.
type stream struct {
	hal.Health
	dev *device
}

func (s *stream) Device() hal.Device { return s.dev }

func (s *stream) Upload(dst hal.Buffer, off int, src []byte) error {
	return s.copy("upload", host(src), window(dst, off, len(src)))
}

func (s *stream) Download(dst []byte, src hal.Buffer, off int) error {
	return s.copy("download", window(src, off, len(dst)), host(dst))
}

func (s *stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	return s.copy("copy", window(src, srcOff, n), window(dst, dstOff, n))
}

// span is memory to copy from or to, or why there is none.
type span struct {
	bytes []byte
	err   error
}

// copy refuses work on a poisoned stream. A range error is the caller's mistake
// and does not poison.
func (s *stream) copy(what string, src, dst span) error {
	if err := s.Err(); err != nil {
		return err
	}
	if err := cmp.Or(src.err, dst.err); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	copy(dst.bytes, src.bytes)
	return nil
}

func host(b []byte) span { return span{bytes: b} }

// window is n bytes from off of a live buffer.
func window(b hal.Buffer, off, n int) span {
	x, ok := b.(*buffer)
	switch {
	case b == nil:
		return span{err: errors.New("no buffer was given")}
	case !ok:
		return span{err: fmt.Errorf("the buffer belongs to device %s", b.Device().Info().Name)}
	case x.freed.Load():
		return span{err: fmt.Errorf("the buffer of %d bytes has been freed", x.size)}
	case off < 0 || n < 0 || off > x.size-n:
		return span{err: fmt.Errorf("%d bytes from byte %d of a buffer of %d", n, off, x.size)}
	}
	return span{bytes: x.bytes()[off : off+n]}
}

// Launch runs the kernel to its end. An error of the kernel is returned and does
// not poison: nothing was left half-done on a queue.
func (s *stream) Launch(k *hal.Kernel, c *hal.Call) error {
	if err := s.Err(); err != nil {
		return err
	}
	return k.Run(s, c)
}

func (s *stream) Record() (hal.Event, error) { return event{s}, s.Err() }
func (s *stream) Wait(e hal.Event) error     { return e.Wait() }
func (s *stream) Sync() error                { return s.Err() }

// event is always reached: the stream runs inline.
type event struct{ s *stream }

func (e event) Wait() error { return e.s.Err() }
