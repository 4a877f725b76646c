package cuda

import (
	"sync"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
)

// staging is pinned memory that small uploads are copied through, so that the host goes
// on at once. It has two halves. One is filled from the front; when it is full, an event
// says when the device has read it, and the other half is next.
type staging struct {
	mu    sync.Mutex
	bytes []byte
	half  int
	used  int             // bytes of the half that is being filled
	read  [2]driver.Event // of each half, 0 before its first
	busy  [2]bool         // the event has been recorded
}

const (
	stageHalf  = 4 << 20 // bytes
	stageLimit = 1 << 20 // bytes; a larger upload is worth waiting for
	stageAlign = 64
)

// upload queues a copy of src, which is no larger than stageLimit. The caller has called
// use.
func (g *staging) upload(d *Device, to driver.Ptr, src []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bytes == nil {
		p, r := d.drv.HostAlloc(2 * stageHalf)
		if r != driver.Success {
			return d.check("cuMemHostAlloc", r)
		}
		g.bytes = unsafe.Slice((*byte)(p), 2*stageHalf)
	}
	if g.used+len(src) > stageHalf {
		if err := g.turn(d); err != nil {
			return err
		}
	}
	at := g.half*stageHalf + g.used
	copy(g.bytes[at:], src)
	r := d.drv.CopyIn(to, unsafe.Pointer(&g.bytes[at]), len(src), d.queue)
	if r == driver.Success {
		g.used += (len(src) + stageAlign - 1) / stageAlign * stageAlign
	}
	return d.check("cuMemcpyHtoDAsync", r)
}

// turn goes to the other half, waiting until the device has read it.
func (g *staging) turn(d *Device) error {
	if g.read[g.half] == 0 {
		var r driver.Result
		if g.read[g.half], r = d.drv.EventCreate(driver.EventWithoutTiming); r != driver.Success {
			return d.check("cuEventCreate", r)
		}
	}
	if r := d.drv.EventRecord(g.read[g.half], d.queue); r != driver.Success {
		return d.check("cuEventRecord", r)
	}
	g.busy[g.half] = true
	g.half, g.used = 1-g.half, 0
	if !g.busy[g.half] {
		return nil
	}
	g.busy[g.half] = false
	return d.waited("cuEventSynchronize", d.drv.EventSynchronize(g.read[g.half]))
}

// release gives the memory back. Its caller has waited until the queue is empty.
func (g *staging) release(d *Device) {
	for i, e := range g.read {
		if e != 0 {
			d.drv.EventDestroy(e)
		}
		g.read[i] = 0
	}
	if g.bytes != nil {
		d.drv.HostFree(unsafe.Pointer(&g.bytes[0]))
	}
	g.bytes = nil
}
