package cuda

import (
	"sync"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/hal"
)

// Download queues a copy to pinned memory and goes on. What arrives there is copied to
// dst by whoever waits for it.
func (s *stream) Download(dst []byte, src hal.Buffer, off int) error {
	d := s.dev
	return s.ranged("download", src, off, len(dst), func(from driver.Ptr) error {
		p, class, err := d.pinned.Get(len(dst))
		if err != nil {
			return err
		}
		if r := d.drv.CopyOut(p, from, len(dst), d.queue); r != driver.Success {
			d.pinned.Put(p, class)
			return d.check("cuMemcpyDtoHAsync", r)
		}
		d.reads.keep(dst, p, class)
		return nil
	})
}

// reads is the downloads that are under way. They are numbered as they are kept, which
// is after they were queued. So all that had been kept when an event was about to be
// recorded lie before it in the queue.
type reads struct {
	mu   sync.Mutex
	last int // the number of the last one
	kept []read
}

type read struct {
	number int
	dst    []byte
	from   unsafe.Pointer
	class  int // of the pinned block
}

func (r *reads) keep(dst []byte, from unsafe.Pointer, class int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.kept = append(r.kept, read{r.last, dst, from, class})
}

// soFar is the number of the last download: those up to it have arrived when what is
// queued next has been reached.
func (r *reads) soFar() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// filled copies the downloads up to a number to where they belong.
func (r *reads) filled(d *Device, upTo int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for ; n < len(r.kept) && r.kept[n].number <= upTo; n++ {
		k := &r.kept[n]
		copy(k.dst, unsafe.Slice((*byte)(k.from), len(k.dst)))
		d.pinned.Put(k.from, k.class)
		*k = read{}
	}
	if r.kept = r.kept[n:]; len(r.kept) == 0 {
		r.kept = nil
	}
}

// abandon forgets the downloads that will not arrive.
func (r *reads) abandon(d *Device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kept {
		d.pinned.Put(k.from, k.class)
	}
	r.kept = nil
}
