// Package parallel runs the tasks of one operation on a small, persistent set of
// goroutines.
//
// A [Pool] of t threads keeps t-1 workers; the goroutine that calls [Pool.For] is
// the last one. Tasks are claimed one at a time from a shared counter, so which
// thread runs a task is not fixed: a task must compute the same bits wherever it
// runs, and the way a caller cuts its work into tasks must not change a sum's order.
//
// Hand-off is by spinning: an idle worker watches for the next call for a few tens
// of microseconds, since a matrix product of 64^3 lasts less than a channel
// round trip takes to pay off, and then parks, so an idle pool uses no processor time.
//
// One For runs on the workers at a time. A second one, nested in a task or made by
// another goroutine, runs on its own goroutine alone: it cannot deadlock and does
// not oversubscribe the machine. A panic in a task reaches the caller of For.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// spinTime is how long an idle thread watches memory before it parks.
	spinTime = 40 * time.Microsecond

	// closing and waiting are flags above the count of workers in Pool.gate.
	closing = 1 << 40
	waiting = 1 << 41
)

// Pool is a set of worker goroutines. A nil *Pool is valid and runs every task on
// the caller. Create it with [New] and release its goroutines with [Pool.Close].
type Pool struct {
	mu      sync.Mutex // held by the For that owns the workers, SetThreads and Close
	threads atomic.Int32
	workers []*worker
	done    chan struct{} // the last worker out wakes a caller that parked
	spin    bool          // spinning is useless on one processor

	// The current call. It is written while the gate is closed and no worker is inside,
	// and read only by workers that passed the gate.
	f      func(int)
	ranges func(lo, hi int) // in place of f: task i is the range from i*size
	size   int
	end    int // of the last range
	n      int64
	failed atomic.Pointer[failure]

	_     [64]byte
	epoch atomic.Uint32 // grows with every call, watched by idle workers
	_     [60]byte
	next  atomic.Int64 // next task to claim
	_     [56]byte
	gate  atomic.Int64 // workers inside the call, plus closing and waiting
}

// failure carries a task's panic value to the caller.
type failure struct{ value any }

type worker struct {
	quit   atomic.Bool
	parked atomic.Bool
	wake   chan struct{}
	exited chan struct{}
}

// New starts a pool of the given number of threads, the caller included; fewer
// than one counts as one.
func New(threads int) *Pool {
	p := &Pool{done: make(chan struct{}, 1)}
	p.gate.Store(closing)
	p.SetThreads(threads)
	return p
}

// Threads returns the number of threads For may use, the caller included.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return int(p.threads.Load())
}

// SetThreads changes the number of threads, waiting for a running For to end. It
// must not be called from a task. On a nil pool it does nothing.
func (p *Pool) SetThreads(threads int) {
	if p == nil {
		return
	}
	threads = max(threads, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spin = runtime.GOMAXPROCS(0) > 1
	for len(p.workers) < threads-1 {
		w := &worker{wake: make(chan struct{}, 1), exited: make(chan struct{})}
		p.workers = append(p.workers, w)
		go p.work(w, p.epoch.Load(), p.spin)
	}
	surplus := p.workers[threads-1:]
	for _, w := range surplus {
		w.quit.Store(true)
	}
	if len(surplus) > 0 {
		p.epoch.Add(1)
		for _, w := range surplus {
			w.unpark()
			<-w.exited
		}
	}
	clear(surplus)
	p.workers = p.workers[:threads-1]
	p.threads.Store(int32(threads))
}

// Close ends the workers, waiting for a running For. The pool stays usable: later
// calls of For run on the caller alone. It must not be called from a task.
func (p *Pool) Close() { p.SetThreads(1) }

// For calls f(0) … f(n-1), in no fixed order and possibly at the same time, and
// returns when all have ended. If a task panics, tasks not yet begun are dropped
// and For panics with the same value once those running have ended.
func (p *Pool) For(n int, f func(i int)) {
	if p == nil || n <= 1 || p.threads.Load() == 1 || !p.mu.TryLock() {
		for i := range n {
			f(i)
		}
		return
	}
	defer p.mu.Unlock()
	p.f = f
	p.call(n)
}

// Ranges cuts 0..n into ranges of size, the last one maybe shorter, and calls f(lo, hi)
// on each as For does. It allocates nothing.
func (p *Pool) Ranges(n, size int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	if p == nil || n <= size || p.threads.Load() == 1 || !p.mu.TryLock() {
		for lo := 0; lo < n; lo += size {
			f(lo, min(lo+size, n))
		}
		return
	}
	defer p.mu.Unlock()
	p.ranges, p.size, p.end = f, size, n
	p.call((n-1)/size + 1)
}

// call runs n tasks of the current call.
func (p *Pool) call(n int) {
	p.n = int64(n)
	p.next.Store(0)
	p.gate.Store(0)
	p.epoch.Add(1)
	for _, w := range p.workers[:min(n-1, len(p.workers))] {
		w.unpark()
	}
	// Deferred, so that a panic or a Goexit in the caller's own task still waits
	// for the workers before the pool is handed to the next call.
	defer p.finish()
	p.run()
}

// run claims tasks until none is left.
func (p *Pool) run() {
	for {
		i := p.next.Add(1) - 1
		if i >= p.n {
			return
		}
		if p.ranges == nil {
			p.f(int(i))
			continue
		}
		lo := int(i) * p.size
		p.ranges(lo, min(lo+p.size, p.end))
	}
}

// finish shuts the gate, waits for the workers inside and passes on their panic.
func (p *Pool) finish() {
	p.next.Store(p.n) // a caller that panicked drops the remaining tasks
	if p.gate.Add(closing) != closing {
		p.drain()
	}
	p.f, p.ranges = nil, nil
	if e := p.failed.Swap(nil); e != nil {
		panic(e.value)
	}
}

func (p *Pool) drain() {
	if p.spin {
		for start := time.Now(); time.Since(start) < spinTime; {
			for range 32 {
				if p.gate.Load() == closing {
					return
				}
			}
		}
	}
	for {
		g := p.gate.Load()
		if g == closing {
			return
		}
		if p.gate.CompareAndSwap(g, g|waiting) {
			<-p.done
			p.gate.Store(closing)
			return
		}
	}
}

// enter counts a worker in, unless the call it was woken for is over.
func (p *Pool) enter() bool {
	for {
		g := p.gate.Load()
		if g >= closing {
			return false
		}
		if p.gate.CompareAndSwap(g, g+1) {
			return true
		}
	}
}

func (p *Pool) leave() {
	if p.gate.Add(-1) == closing|waiting {
		p.done <- struct{}{}
	}
}

// work is a worker's life: wait for a call, help with it, repeat.
func (p *Pool) work(w *worker, seen uint32, spin bool) {
	defer close(w.exited)
	for {
		seen = p.await(w, seen, spin)
		if w.quit.Load() {
			return
		}
		if p.enter() {
			p.help()
		}
	}
}

// help runs tasks on a worker and turns a panic into the caller's. A task that
// calls runtime.Goexit ends its worker; the pool goes on with one fewer.
func (p *Pool) help() {
	defer p.leave()
	defer func() {
		if v := recover(); v != nil {
			p.failed.CompareAndSwap(nil, &failure{v})
			p.next.Store(p.n)
		}
	}()
	p.run()
}

// await returns the epoch once it differs from seen, spinning first, then parked.
func (p *Pool) await(w *worker, seen uint32, spin bool) uint32 {
	if spin {
		for start := time.Now(); time.Since(start) < spinTime; {
			for range 32 {
				if e := p.epoch.Load(); e != seen {
					return e
				}
			}
		}
	}
	for {
		w.parked.Store(true)
		// A call published between the last look and the store above would not
		// have seen parked, so look again before sleeping.
		if e := p.epoch.Load(); e != seen && w.parked.CompareAndSwap(true, false) {
			return e
		}
		<-w.wake
		if e := p.epoch.Load(); e != seen {
			return e
		}
	}
}

// unpark wakes the worker if it sleeps. The token is sent only by whoever clears
// parked, so the channel never holds more than one.
func (w *worker) unpark() {
	if w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}
