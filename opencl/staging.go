//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// staging is pinned host memory that small uploads are copied through, so that the
// host goes on at once: a blocking write would wait for all that is queued before
// it. It has two halves. One is filled from the front; when it is full, a marker
// says when the device has read it, and the other half is next.
type staging struct {
	mu     sync.Mutex
	failed bool // the driver gives no such memory: every upload waits
	mem    uintptr
	bytes  []byte // the memory as the host sees it
	half   int
	used   int        // bytes of the half that is being filled
	read   [2]uintptr // the marker of each half, 0 if none
}

const (
	stageHalf  = 4 << 20 // bytes
	stageLimit = 1 << 20 // bytes; a larger upload is worth waiting for
	stageAlign = 64
)

// upload queues a copy of src, unless it is not done because src is too large or
// there is no pinned memory. The caller has called use.
func (g *staging) upload(d *Device, mem uintptr, off int, src []byte) (done bool, err error) {
	if len(src) > stageLimit {
		return false, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bytes == nil && !g.failed {
		g.open(d)
	}
	if g.failed {
		return false, nil
	}
	if g.used+len(src) > stageHalf {
		if err := g.turn(d); err != nil {
			return true, err
		}
	}
	at := g.half*stageHalf + g.used
	copy(g.bytes[at:], src)
	err = d.enqueue("clEnqueueWriteBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueWriteBuffer, q, mem, nonBlocking, uintptr(off), uintptr(len(src)), uintptr(unsafe.Pointer(&g.bytes[at])), 0, 0, 0)
		return r
	})
	if err == nil {
		g.used += (len(src) + stageAlign - 1) / stageAlign * stageAlign
	}
	return true, err
}

// turn goes to the other half, waiting until the device has read it.
func (g *staging) turn(d *Device) error {
	id, err := d.mark()
	if err != nil {
		return err
	}
	g.read[g.half] = id
	g.half = 1 - g.half
	g.used = 0
	next := &g.read[g.half]
	if *next == 0 {
		return nil
	}
	r, _, _ := purego.SyscallN(d.lib.waitForEvents, 1, uintptr(unsafe.Pointer(next)))
	purego.SyscallN(d.lib.releaseEvent, *next)
	*next = 0
	return d.waited("clWaitForEvents", r)
}

// open gets the memory. It stays mapped for as long as the device lives.
func (g *staging) open(d *Device) {
	g.failed = true
	const readWrite, allocHost, mapWrite = 1 << 0, 1 << 4, 1 << 1
	var code int32
	mem, _, _ := purego.SyscallN(d.lib.createBuffer, d.context, readWrite|allocHost, 2*stageHalf, 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return
	}
	address, _, _ := purego.SyscallN(d.lib.enqueueMapBuffer, d.queue, mem, blocking, mapWrite, 0, 2*stageHalf, 0, 0, 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 || address == 0 {
		d.release(mem)
		return
	}
	// The address is not of Go's memory, so it may be read as a pointer.
	g.mem, g.bytes, g.failed = mem, unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), 2*stageHalf), false
}

// release gives the memory back. Its caller has waited until the queue is empty.
func (g *staging) release(d *Device) {
	for _, id := range g.read {
		if id != 0 {
			purego.SyscallN(d.lib.releaseEvent, id)
		}
	}
	if g.bytes != nil {
		purego.SyscallN(d.lib.enqueueUnmapMemObject, d.queue, g.mem, uintptr(unsafe.Pointer(&g.bytes[0])), 0, 0, 0)
		purego.SyscallN(d.lib.finish, d.queue)
		d.release(g.mem)
	}
	g.bytes, g.failed = nil, true
}
