// Package emulate is CUDA's driver API on the processor: kernels are run by an
// interpreter of PTX, so that what a GPU would be given can be tested where there is
// none.
//
// # Order
//
// A real stream is late, and two streams are out of phase. So is this one: what is queued
// waits until somebody waits for it, or until much has been queued, and then streams take
// turns of a length drawn from a generator. A program that forgets to wait sees memory
// that has not been written, every time. Blocks run in order in one launch and reversed in
// the next.
//
// # Failure
//
// What a kernel does wrong is reported as a GPU would, by a result that stays with the
// context, and [Driver.Explain] says what a GPU would not: kernel, thread and instruction.
// [Driver.FailNext] makes a function fail, to test those who call it; [Driver.Live] says
// what has not been given back.
package emulate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/internal/ptx"
)

// memory is what the device has, in bytes.
const memory = 4 << 30

// backlog is how much may be queued before some of it is done.
const backlog = 256

// Driver is the driver. It has one device. It is safe for concurrent use; its lock is
// held while kernels run, as they would have a GPU to themselves.
type Driver struct {
	mu       sync.Mutex
	done     sync.Cond // something was done, or a hold was released
	mem      ptx.Memory
	used     int
	retained int
	next     uintptr
	streams  map[driver.Stream]*stream
	events   map[driver.Event]*event
	modules  map[driver.Module]*ptx.Module
	kernels  map[driver.Function]*ptx.Entry
	owners   map[driver.Function]driver.Module
	blocks   map[driver.Ptr]int
	pinned   map[uintptr][]byte
	failures map[string][]driver.Result
	broken   driver.Result // of the context, for good
	why      string
	rand     *rand.Rand
	launches int
	counts   ptx.Counts
	start    time.Time
}

// New is a driver whose turns are drawn from a seed.
func New(seed uint64) *Driver {
	d := &Driver{
		streams: map[driver.Stream]*stream{}, events: map[driver.Event]*event{}, modules: map[driver.Module]*ptx.Module{},
		kernels: map[driver.Function]*ptx.Entry{}, owners: map[driver.Function]driver.Module{}, blocks: map[driver.Ptr]int{}, pinned: map[uintptr][]byte{},
		failures: map[string][]driver.Result{}, rand: rand.New(rand.NewPCG(seed, 7)), start: time.Now(),
	}
	d.done.L = &d.mu
	return d
}

// stream is work that has not been done yet.
type stream struct{ queue []work }

// work is one command. ready (optional) says whether it can be done yet.
type work struct {
	do    func() driver.Result
	ready func() bool
}

// event is a point in a stream: that of its last record, nil before the first.
type event struct{ last *mark }

type mark struct {
	reached bool
	at      time.Duration // since the driver was made
}

// Name says what this is.
func (d *Driver) Name() string { return "the emulated CUDA driver" }

// Explain says what a kernel did wrong.
func (d *Driver) Explain() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.why
}

// FailNext makes a function, by the name of its method, give those results the next
// times. Success lets a call pass.
func (d *Driver) FailNext(function string, results ...driver.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures[function] = append(d.failures[function], results...)
}

// Live lists what has not been given back, "" where nothing is left.
func (d *Driver) Live() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for what, n := range map[string]int{"streams": len(d.streams), "events": len(d.events), "modules": len(d.modules),
		"blocks of memory": len(d.blocks), "blocks of pinned memory": len(d.pinned), "contexts": d.retained} {
		if n != 0 {
			out = append(out, fmt.Sprintf("%d %s", n, what))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// Counts is what all kernels did so far.
func (d *Driver) Counts() ptx.Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// Hold keeps a stream from going on until release is called.
func (d *Driver) Hold(s driver.Stream) (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	open := false
	if q := d.streams[s]; q != nil {
		q.queue = append(q.queue, work{do: func() driver.Result { return driver.Success }, ready: func() bool { return open }})
	}
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		open = true
		d.done.Broadcast()
	})
}

// enter begins a call: it is what the call has to return at once, if anything.
func (d *Driver) enter(function string) driver.Result {
	d.mu.Lock()
	if list := d.failures[function]; len(list) > 0 {
		d.failures[function] = list[1:]
		if list[0].Sticky() {
			d.broken = list[0]
		}
		if list[0] != driver.Success {
			return list[0]
		}
	}
	return d.broken
}

func (d *Driver) handle() uintptr {
	d.next++
	return d.next<<4 | 1
}

// queue appends work to a stream, and does some where much has been queued.
func (d *Driver) queue(s driver.Stream, w work) driver.Result {
	q := d.streams[s]
	if q == nil {
		return driver.InvalidHandle
	}
	q.queue = append(q.queue, w)
	if len(q.queue) > backlog {
		for range backlog / 2 {
			if !d.step(q) {
				break
			}
		}
	}
	return d.broken
}

// step does the first command of a stream, if it can be done.
func (d *Driver) step(q *stream) bool {
	if len(q.queue) == 0 {
		return false
	}
	w := q.queue[0]
	if w.ready != nil && !w.ready() {
		return false
	}
	q.queue = q.queue[1:]
	if r := w.do(); r != driver.Success && d.broken == driver.Success {
		d.broken = r
	}
	d.done.Broadcast()
	return true
}

// until lets streams take turns until something is so, or the context breaks.
func (d *Driver) until(so func() bool) driver.Result {
	for !so() && d.broken == driver.Success {
		moved := false
		for _, s := range d.order() {
			for range 1 + d.rand.IntN(4) {
				if so() || !d.step(d.streams[s]) {
					break
				}
				moved = true
			}
		}
		if !moved && !so() {
			d.done.Wait() // a hold
		}
	}
	return d.broken
}

// order is the streams in an order drawn anew.
func (d *Driver) order() []driver.Stream {
	var list []driver.Stream
	for s := range d.streams {
		list = append(list, s)
	}
	slices.Sort(list)
	d.rand.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	return list
}

// ModuleLoad reads PTX.
func (d *Driver) ModuleLoad(text []byte) (driver.Module, string, driver.Result) {
	r := d.enter("ModuleLoad")
	defer d.mu.Unlock()
	if r != driver.Success {
		return 0, "", r
	}
	m, err := ptx.Parse(string(text))
	if err != nil {
		return 0, err.Error(), driver.InvalidPTX
	}
	h := driver.Module(d.handle())
	d.modules[h] = m
	return h, "", driver.Success
}

// ModuleFunction finds a kernel.
func (d *Driver) ModuleFunction(m driver.Module, name string) (driver.Function, driver.Result) {
	r := d.enter("ModuleFunction")
	defer d.mu.Unlock()
	mod := d.modules[m]
	switch {
	case r != driver.Success:
		return 0, r
	case mod == nil:
		return 0, driver.InvalidHandle
	case mod.Entries[name] == nil:
		return 0, driver.NotFound
	}
	f := driver.Function(d.handle())
	d.kernels[f], d.owners[f] = mod.Entries[name], m
	return f, driver.Success
}

// ModuleUnload gives a module back.
func (d *Driver) ModuleUnload(m driver.Module) driver.Result {
	d.mu.Lock() // works on a broken context too
	defer d.mu.Unlock()
	if d.modules[m] == nil {
		return driver.InvalidHandle
	}
	delete(d.modules, m)
	for f, of := range d.owners {
		if of == m {
			delete(d.owners, f)
			delete(d.kernels, f)
		}
	}
	return driver.Success
}

// Launch queues a kernel. Its parameters are read now.
func (d *Driver) Launch(f driver.Function, grid, block [3]uint32, shared uint32, s driver.Stream, params []unsafe.Pointer) driver.Result {
	r := d.enter("Launch")
	defer d.mu.Unlock()
	if r != driver.Success {
		return r
	}
	e := d.kernels[f]
	if e == nil {
		return driver.InvalidHandle
	}
	l := ptx.Launch{Shared: int(shared), Values: make([]byte, e.Values)}
	for i := range 3 {
		l.Grid[i], l.Block[i] = int(grid[i]), int(block[i])
		if grid[i] == 0 || i > 0 && grid[i] > 65535 {
			return driver.InvalidValue
		}
	}
	if len(params) != len(e.Params) {
		return driver.InvalidValue
	}
	for i, p := range e.Params {
		copy(l.Values[p.Offset:], unsafe.Slice((*byte)(params[i]), p.Size))
	}
	d.launches++
	l.Reverse = d.launches%2 == 0
	return d.queue(s, work{do: func() driver.Result {
		counts, err := e.Run(&d.mem, l)
		d.counts.Instructions += counts.Instructions
		d.counts.Loads += counts.Loads
		if err == nil {
			return driver.Success
		}
		d.why = err.Error()
		var fault *ptx.Fault
		if errors.As(err, &fault) && strings.Contains(fault.Reason, "access") {
			return driver.IllegalAddress
		}
		return driver.LaunchFailed
	}})
}
