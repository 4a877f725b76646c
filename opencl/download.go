//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
)

// Download queues a read and goes on. The slice is kept until the device has filled it.
func (s *stream) Download(dst []byte, src hal.Buffer, off int) error {
	d := s.dev
	return s.ranged("download", src, off, len(dst), func(mem uintptr) error {
		err := d.enqueue("clEnqueueReadBuffer", func(q uintptr) uintptr {
			r, _, _ := purego.SyscallN(d.lib.enqueueReadBuffer, q, mem, nonBlocking, uintptr(off), uintptr(len(dst)), uintptr(unsafe.Pointer(&dst[0])), 0, 0, 0)
			return r
		})
		if err == nil {
			d.reads.keep(dst)
		}
		return err
	})
}

// reads keeps the slices that the device may still write to. A slice that is kept is
// on Go's heap, where nothing moves and where memory that somebody refers to stays.
//
// They are numbered as they are kept, which is after they were queued. So all that had
// been kept when a marker was about to be queued lie before it in the queue.
type reads struct {
	mu   sync.Mutex
	last int // the number of the last one
	kept []read
}

type read struct {
	number int
	dst    []byte
}

func (r *reads) keep(dst []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.kept = append(r.kept, read{r.last, dst})
}

// soFar is the number of the last slice kept: those up to it are filled when what is
// queued next has been reached.
func (r *reads) soFar() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// filled lets go of the slices up to a number.
func (r *reads) filled(upTo int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.kept) && r.kept[n].number <= upTo {
		r.kept[n].dst = nil
		n++
	}
	if r.kept = r.kept[n:]; len(r.kept) == 0 {
		r.kept = nil
	}
}

// abandoned keeps the slices of failed queues alive for ever, because nobody knows whether
// their drivers will still write to them.
var abandoned struct {
	sync.Mutex
	list []read
}

// abandon keeps the slices for good.
func (r *reads) abandon() {
	abandoned.Lock()
	defer abandoned.Unlock()
	abandoned.list = append(abandoned.list, r.kept...)
}
