package emulate

import (
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
)

func (d *Driver) alloc(n int) (driver.Ptr, driver.Result) {
	if n <= 0 {
		return 0, driver.InvalidValue
	}
	if n > memory-d.used {
		return 0, driver.OutOfMemory
	}
	d.used += n
	p := driver.Ptr(d.mem.Alloc(n).Base)
	d.blocks[p] = n
	return p, driver.Success
}

func (d *Driver) release(p driver.Ptr) driver.Result {
	n, ok := d.blocks[p]
	if !ok {
		return driver.InvalidValue
	}
	delete(d.blocks, p)
	d.used -= n
	if err := d.mem.Free(uint64(p)); err != nil {
		return driver.InvalidValue
	}
	return driver.Success
}

// MemFree waits for everything queued.
func (d *Driver) MemFree(p driver.Ptr) driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until(d.idle)
	return d.release(p)
}

// MemAllocAsync gives memory at once: it may be used by what is queued later.
func (d *Driver) MemAllocAsync(n int, s driver.Stream) (driver.Ptr, driver.Result) {
	r := d.enter("MemAllocAsync")
	defer d.mu.Unlock()
	switch {
	case r != driver.Success:
		return 0, r
	case d.streams[s] == nil:
		return 0, driver.InvalidHandle
	}
	return d.alloc(n)
}

// MemFreeAsync frees memory when the stream comes to it.
func (d *Driver) MemFreeAsync(p driver.Ptr, s driver.Stream) driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.streams[s]
	if q == nil {
		return driver.InvalidHandle
	}
	if d.broken != driver.Success {
		return d.release(p)
	}
	return d.queue(s, work{do: func() driver.Result { return d.release(p) }})
}

// HostAlloc gives memory of the host that streams may read and write late.
func (d *Driver) HostAlloc(n int) (unsafe.Pointer, driver.Result) {
	r := d.enter("HostAlloc")
	defer d.mu.Unlock()
	switch {
	case r != driver.Success:
		return nil, r
	case n <= 0:
		return nil, driver.InvalidValue
	}
	b := make([]byte, n)
	p := unsafe.Pointer(unsafe.SliceData(b))
	d.pinned[uintptr(p)] = b
	return p, driver.Success
}

// HostFree gives such memory back.
func (d *Driver) HostFree(p unsafe.Pointer) driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.pinned[uintptr(p)]; !ok {
		return driver.InvalidValue
	}
	delete(d.pinned, uintptr(p))
	return driver.Success
}

// isPinned reports whether n bytes are inside pinned memory.
func (d *Driver) isPinned(p unsafe.Pointer, n int) bool {
	for base, b := range d.pinned {
		if uintptr(p) >= base && uintptr(p)-base+uintptr(n) <= uintptr(len(b)) {
			return true
		}
	}
	return false
}

// CopyIn reads pageable memory now and pinned memory when the stream comes to it.
func (d *Driver) CopyIn(dst driver.Ptr, src unsafe.Pointer, n int, s driver.Stream) driver.Result {
	r := d.enter("CopyIn")
	defer d.mu.Unlock()
	if r != driver.Success {
		return r
	}
	from := unsafe.Slice((*byte)(src), n)
	if !d.isPinned(src, n) {
		from = append([]byte(nil), from...)
	}
	return d.queue(s, work{do: func() driver.Result {
		to, err := d.mem.Range(uint64(dst), n)
		if err != nil {
			return d.wrong(err)
		}
		copy(to, from)
		d.mem.Written(uint64(dst), n)
		return driver.Success
	}})
}

func (d *Driver) wrong(err error) driver.Result {
	d.why = err.Error()
	return driver.IllegalAddress
}

// CopyOut writes pinned memory when the stream comes to it; for pageable memory it waits.
func (d *Driver) CopyOut(dst unsafe.Pointer, src driver.Ptr, n int, s driver.Stream) driver.Result {
	r := d.enter("CopyOut")
	defer d.mu.Unlock()
	if r != driver.Success {
		return r
	}
	to, done := unsafe.Slice((*byte)(dst), n), false
	pinned := d.isPinned(dst, n)
	r = d.queue(s, work{do: func() driver.Result {
		from, err := d.mem.Range(uint64(src), n)
		if err != nil {
			return d.wrong(err)
		}
		copy(to, from)
		done = true
		return driver.Success
	}})
	if r != driver.Success || pinned {
		return r
	}
	return d.until(func() bool { return done })
}

// Copy copies on the device.
func (d *Driver) Copy(dst, src driver.Ptr, n int, s driver.Stream) driver.Result {
	r := d.enter("Copy")
	defer d.mu.Unlock()
	if r != driver.Success {
		return r
	}
	return d.queue(s, work{do: func() driver.Result {
		to, err := d.mem.Range(uint64(dst), n)
		if err != nil {
			return d.wrong(err)
		}
		from, err := d.mem.Range(uint64(src), n)
		if err != nil {
			return d.wrong(err)
		}
		copy(to, from)
		d.mem.CopyWritten(uint64(dst), uint64(src), n)
		return driver.Success
	}})
}
