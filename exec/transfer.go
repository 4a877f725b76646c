package exec

import (
	"fmt"
	"runtime"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Upload copies a host array to the device. The caller owns the result.
func (e *Engine) Upload(h ops.Host) (*Array, error) {
	l, err := NewLayout(ops.Spec{DType: h.DType, Shape: shape.Clone(h.Shape)}, nil)
	if err != nil {
		return nil, err
	}
	if len(h.Data) != l.bytes {
		return nil, &ops.ShapeError{Op: "upload", In: []ops.Spec{h.Spec}, Rule: fmt.Sprintf("takes %d bytes, the array has %d", l.bytes, len(h.Data))}
	}
	a, err := e.alloc(l)
	if err != nil {
		return nil, err
	}
	if err := e.write(a.Operand(), a.layout.spec.DType.Size(), h.Data, true); err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

// longUpload is the size in bytes from which on an upload may block the host until it is
// done. Drivers copy smaller ones to a staging buffer and return at once.
const longUpload = 1 << 18

// write copies bytes to device memory, beginning at the operand's element, where size is
// the bytes of an element. fresh says that no queued work uses the memory, so that the copy
// need not wait for any.
func (e *Engine) write(to hal.Operand, size int, b []byte, fresh bool) error {
	var err error
	switch {
	case len(b) == 0:
	case len(b) < longUpload:
		e.mu.Lock()
		err = e.stream.Upload(to.Buf, to.Offset*size, b)
		e.mu.Unlock()
	default:
		err = e.load(to.Buf, to.Offset*size, b, fresh)
	}
	if err != nil {
		return e.failure("upload", "", err)
	}
	return nil
}

// load uploads through a stream that serves only uploads, so that other goroutines may
// queue work on the engine's stream while this one is blocked.
func (e *Engine) load(to hal.Buffer, off int, b []byte, fresh bool) (err error) {
	e.loading.Lock()
	defer e.loading.Unlock()
	if e.loader == nil {
		if e.loader, err = e.dev.NewStream(); err != nil {
			return err
		}
	}
	var ev hal.Event
	if !fresh {
		if ev, err = e.record(); err == nil {
			err = e.loader.Wait(ev)
		}
	}
	if err == nil {
		err = e.loader.Upload(to, off, b)
	}
	if err == nil {
		ev, err = e.loader.Record()
	}
	if err == nil {
		err = e.await(ev)
	}
	return err
}

// read fills b from device memory. It waits for the work that computes what is read.
func (e *Engine) read(b []byte, from hal.Operand, size int) error {
	if len(b) == 0 {
		return nil
	}
	e.mu.Lock()
	err := e.stream.Download(b, from.Buf, from.Offset*size)
	var ev hal.Event
	if err == nil {
		ev, err = e.stream.Record()
	}
	e.mu.Unlock()
	if err == nil {
		err = ev.Wait() // without the lock, so that others may queue work meanwhile
	}
	if err != nil {
		return e.failure("download", "", err)
	}
	return nil
}

// Host copies an array to the host. It waits for the work that computes the array.
func (a *Array) Host() (ops.Host, error) {
	if a.Released() {
		return ops.Host{}, &ops.UsageError{Op: "download", Reason: "the tensor has been freed"}
	}
	e := a.block.engine.Load()
	if e == nil {
		var err error
		if e, err = On(a.Device()); err != nil {
			return ops.Host{}, err
		}
	}
	return e.host(a)
}

// host copies an array to the host with the engine's stream.
func (e *Engine) host(a *Array) (ops.Host, error) {
	h, err := ops.MakeHost(a.layout.spec)
	if err != nil || len(h.Data) == 0 {
		return h, err
	}
	if !a.layout.dense {
		return e.gather(a, h)
	}
	err = e.read(h.Data, a.Operand(), a.layout.spec.DType.Size())
	runtime.KeepAlive(a) // its block must outlive the copy
	return h, err
}

// gather copies a strided view to the dense host array h. Where the device has a kernel for
// it, the view is made dense there first. Otherwise all the memory between the view's first
// and last element is downloaded, and its elements are picked out on the host.
func (e *Engine) gather(a *Array, h ops.Host) (ops.Host, error) {
	e.planning.Lock()
	p, err := e.plan(ops.Copy, nil, []*Layout{a.layout}, nil)
	e.planning.Unlock()
	if err != nil {
		return h, err
	}
	if p.step == Kernel {
		out, err := e.launch(p, []*Array{a}, nil)
		if err == nil {
			defer out[0].Release()
			return e.host(out[0])
		}
	}
	raw, lo, err := e.stretch(a)
	if err != nil {
		return h, err
	}
	size := a.layout.spec.DType.Size()
	it := shape.NewIterator(a.layout.spec.Shape, a.layout.strides)
	for i := 0; it.Next(); i++ {
		off := a.offset + it.Offsets()[0] - lo
		copy(h.Data[i*size:(i+1)*size], raw[off*size:])
	}
	return h, nil
}

// scatter writes the dense host array h to a strided view. It downloads all the memory
// between the view's first and last element, changes the elements and uploads it again.
func (e *Engine) scatter(a *Array, h ops.Host) error {
	raw, lo, err := e.stretch(a)
	if err != nil {
		return err
	}
	size := a.layout.spec.DType.Size()
	it := shape.NewIterator(a.layout.spec.Shape, a.layout.strides)
	for i := 0; it.Next(); i++ {
		off := a.offset + it.Offsets()[0] - lo
		copy(raw[off*size:(off+1)*size], h.Data[i*size:])
	}
	at := a.Operand()
	at.Offset += lo - a.offset
	return e.write(at, size, raw, false)
}

// stretch downloads all the memory from the lowest to the highest element of a view, with
// what lies between elements of it. lo is the position of the lowest one in the array's
// block, in elements.
func (e *Engine) stretch(a *Array) (raw []byte, lo int, err error) {
	defer runtime.KeepAlive(a) // its block must outlive the copy
	lo, hi, err := shape.Extent(a.layout.spec.Shape, a.layout.strides, a.offset)
	if err != nil {
		return nil, 0, err
	}
	size := a.layout.spec.DType.Size()
	if raw, err = hostmem.Make((hi - lo) * size); err != nil {
		return nil, 0, &ops.MemoryError{Spec: a.layout.spec, Err: err}
	}
	at := a.Operand()
	at.Offset += lo - a.offset
	return raw, lo, e.read(raw, at, size)
}
