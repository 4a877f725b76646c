package conform_test

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
)

// toy is a device of memory and nothing else: no kernel at all. Every stream has a
// queue, and does its work as late as can be: when somebody waits for it. So nothing
// works by accident of order. Memory is overwritten when it is freed, after the work
// queued before, and when it is handed out, so that nothing works with memory it gave
// away. It can be given a mistake.
type toy struct {
	*hostdev.Device
	plant mistake

	mu    sync.Mutex // buffers may be freed by the garbage collector's goroutine
	moved *sync.Cond // work that was held may go on
	clock int        // counts what was queued and freed
	busy  map[*toyStream]bool
	freed []freed

	// For mistakes.
	stage  []byte // of uploads
	leak   atomic.Int64
	doubly bool            // a buffer was freed twice
	twice  *hostdev.Buffer // the one made after that
}

// freed is a buffer whose memory may be given back once all work from before is done.
type freed struct {
	time int
	buf  *toyBuffer
}

func newToy() *toy { return smallToy(64 << 20) }

func smallToy(memory int) *toy {
	types := map[dtype.Type]hal.Support{}
	for _, dt := range dtype.All() {
		types[dt] = hal.Arithmetic
	}
	d := &toy{Device: hostdev.New(hal.Info{Name: "toy", Kind: "toy", Memory: memory, Alignment: 64, DTypes: types}), busy: map[*toyStream]bool{}}
	d.Outer, d.Fill = d, scribble
	d.moved = sync.NewCond(&d.mu)
	return d
}

func scribble(mem []byte) {
	for i := range mem {
		mem[i] = 0xdb
	}
}

func (d *toy) NewStream() (hal.Stream, error) {
	if _, err := d.Device.NewStream(); err != nil {
		return nil, err
	}
	return &toyStream{Stream: d.Device.Stream(), dev: d}, nil
}

// Alloc does all that is queued when memory is short: it may be held by what was freed.
func (d *toy) Alloc(n int) (hal.Buffer, error) {
	if d.plant == allocPanics && n < 0 {
		panic("makeslice: len out of range")
	}
	b, err := d.Device.Alloc(n)
	if errors.Is(err, hal.ErrOutOfMemory) {
		d.mu.Lock()
		d.drain()
		d.mu.Unlock()
		b, err = d.Device.Alloc(n)
	}
	switch {
	case err != nil && d.plant == memoryErrorHasNoName:
		return nil, errors.New("no memory")
	case err != nil:
		return nil, err
	}
	made := b.(*hostdev.Buffer)
	if d.plant == freeTwiceGivesTwice {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.twice != nil && d.twice.Size() == n {
			made = d.twice
		} else {
			d.twice = nil
		}
		if d.doubly {
			d.twice, d.doubly = made, false
		}
	}
	return &toyBuffer{Buffer: made, dev: d}, nil
}

// Bytes is the memory of a buffer (hal.Mapper).
func (d *toy) Bytes(b hal.Buffer) []byte {
	mem := b.(*toyBuffer).Buffer.Bytes()
	if d.plant == misaligned && len(mem) > 1 {
		return append(make([]byte, 1, 1+len(mem)), mem...)[1:]
	}
	return mem
}

// Memory reports the pool (hal.Meter).
func (d *toy) Memory() hal.MemoryStats {
	m := d.Device.Memory()
	m.InUse += int(d.leak.Load())
	return m
}

// Close does what is queued.
func (d *toy) Close() error {
	d.mu.Lock()
	d.drain()
	d.mu.Unlock()
	if d.plant == closeForgets {
		return nil
	}
	return d.Device.Close()
}

// drain does everything that is queued. d.mu is held.
func (d *toy) drain() {
	for s := range d.busy {
		s.until(d.clock)
	}
	d.reclaim()
}

// reclaim gives back what was freed before all work that is left. d.mu is held.
func (d *toy) reclaim() {
	first := d.clock + 1
	for s := range d.busy {
		first = min(first, s.queue[0].time)
	}
	for len(d.freed) > 0 && d.freed[0].time < first {
		d.freed[0].buf.giveBack()
		d.freed = d.freed[1:]
	}
}

type toyBuffer struct {
	*hostdev.Buffer
	dev  *toy
	gone atomic.Bool
}

func (b *toyBuffer) giveBack() {
	scribble(b.Buffer.Bytes())
	b.Buffer.Free()
}

func (b *toyBuffer) Free() {
	d := b.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.gone.Swap(true) {
		d.doubly = true
		if d.plant == freeTwiceLeaks {
			d.leak.Add(-1)
		}
		return
	}
	switch d.plant {
	case freeAtOnce:
		b.Buffer.Free()
		return
	case freeForgets:
		return
	case statisticsLeak:
		d.leak.Add(1)
	}
	d.clock++
	d.freed = append(d.freed, freed{d.clock, b})
	d.reclaim()
}
