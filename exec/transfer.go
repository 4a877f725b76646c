package exec

import (
	"errors"
	"runtime"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Upload copies a host array to the device.
func (e *Engine) Upload(h ops.Host) (*Array, error) {
	a, err := e.alloc(ops.Spec{DType: h.DType, Shape: shape.Clone(h.Shape)})
	if err != nil {
		return nil, err
	}
	if err := e.fill(a, h); err != nil {
		a.Release()
		return nil, err
	}
	return a, nil
}

// fill writes a host array over a dense array of the same spec.
func (e *Engine) fill(a *Array, h ops.Host) error {
	if len(h.Data) == 0 {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.stream.Upload(a.block.mem.buf, a.offset*a.spec.DType.Size(), h.Data); err != nil {
		return e.deviceError("upload", "", err)
	}
	return nil
}

// Host copies an array to the host, waiting for the work that makes it.
func (a *Array) Host() (ops.Host, error) {
	if a.Released() {
		return ops.Host{}, &ops.AttrError{Op: "download", Reason: "the tensor has been freed"}
	}
	h := ops.NewHost(a.spec)
	if len(h.Data) == 0 {
		return h, nil
	}
	if !shape.IsDense(a.spec.Shape, a.strides) {
		return a.gather(h)
	}
	return h, a.download(h.Data, a.offset*a.spec.DType.Size())
}

func (a *Array) download(dst []byte, off int) error {
	defer runtime.KeepAlive(a) // its block must outlive the copy
	e := a.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.stream.Download(dst, a.block.mem.buf, off); err != nil {
		return e.deviceError("download", "", err)
	}
	if err := e.stream.Sync(); err != nil {
		return e.deviceError("sync", "", err)
	}
	return nil
}

// gather downloads the stretch of memory that a strided view touches and picks
// its elements on the host.
func (a *Array) gather(h ops.Host) (ops.Host, error) {
	raw, lo, err := a.stretch()
	if err != nil {
		return h, err
	}
	size := a.spec.DType.Size()
	it := shape.NewIterator(a.spec.Shape, a.strides)
	for i := 0; it.Next(); i++ {
		off := a.offset + it.Offsets()[0] - lo
		copy(h.Data[i*size:(i+1)*size], raw[off*size:])
	}
	return h, nil
}

// scatter writes a dense host array through a strided view.
func (a *Array) scatter(h ops.Host) error {
	raw, lo, err := a.stretch()
	if err != nil {
		return err
	}
	size := a.spec.DType.Size()
	it := shape.NewIterator(a.spec.Shape, a.strides)
	for i := 0; it.Next(); i++ {
		off := a.offset + it.Offsets()[0] - lo
		copy(raw[off*size:(off+1)*size], h.Data[i*size:])
	}
	e := a.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.stream.Upload(a.block.mem.buf, lo*size, raw); err != nil {
		return e.deviceError("upload", "", err)
	}
	return nil
}

// stretch is the memory between the first and the last element of a view, and
// the index of its first element in the buffer.
func (a *Array) stretch() (raw []byte, lo int, err error) {
	lo, hi, err := shape.Extent(a.spec.Shape, a.strides, a.offset)
	if err != nil {
		return nil, 0, err
	}
	size := a.spec.DType.Size()
	raw = make([]byte, (hi-lo)*size)
	if len(raw) == 0 {
		return raw, lo, nil
	}
	return raw, lo, a.download(raw, lo*size)
}

// Assign changes dst in place to the values of src, which has the same spec,
// and counts a new version of dst's memory. Every view of that memory sees the
// change. Where dst is a whole block and src a temporary of the same size that
// nobody else holds, their buffers are swapped and nothing is copied; src is
// then undefined.
func (e *Engine) Assign(dst, src *Array) error {
	for _, a := range []*Array{dst, src} {
		if a.engine != e || a.Released() {
			return &ops.AttrError{Op: "assign", Reason: "both tensors must be alive and on device " + e.dev.Info().Name}
		}
	}
	if !dst.spec.Equal(src.spec) {
		return &ops.ShapeError{Op: "assign", In: []ops.Spec{dst.spec, src.spec}, Rule: "the value must have the type and shape of the tensor it replaces"}
	}
	if dst.whole() && src.whole() && src.block.refs.Load() == 1 && dst.block != src.block && dst.block.mem.buf.Size() == src.block.mem.buf.Size() {
		dst.block.mem.buf, src.block.mem.buf = src.block.mem.buf, dst.block.mem.buf
		dst.block.version.Add(1)
		return nil
	}
	if dst.block == src.block {
		// The views may overlap: read everything before writing.
		fresh, err := e.dispatch(ops.Copy, nil, []*Array{src}, []ops.Spec{src.spec})
		if err != nil {
			return err
		}
		defer fresh[0].Release()
		src = fresh[0]
	}
	c := &hal.Call{Op: ops.Copy.Name, In: []hal.View{src.View()}, Out: []hal.View{dst.View()}}
	if k := e.dev.Kernels().Find(c); k != nil {
		dst.block.version.Add(1) // also when the launch fails half-way
		err := e.launch(ops.Copy, k, c)
		runtime.KeepAlive([2]*Array{dst, src}) // the call holds buffers, not the blocks that own them
		if !errors.Is(err, hal.ErrUnsupported) {
			return err
		}
	}
	if err := e.refuse(ops.Copy, Reference); err != nil {
		return err
	}
	h, err := src.Host()
	if err != nil {
		return err
	}
	e.stats.count(ops.Copy, Reference)
	dst.block.version.Add(1)
	return dst.scatter(h)
}

// Sync waits for all queued work.
func (e *Engine) Sync() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.stream.Sync(); err != nil {
		return e.deviceError("sync", "", err)
	}
	return nil
}
