package conform

import (
	"errors"
	"sync"
	"time"

	"github.com/crease-ml/crease/hal"
)

// checkEvents is the part events.
func checkEvents(t *trial) {
	s, second := t.stream(t.dev), t.stream(t.dev)
	empty := t.record(s) // before anything was queued
	t.reached(empty)
	t.reached(empty)
	t.wait(second, empty)

	// Many wait for one event. Work goes on behind it.
	const n = 200_000
	buf, data := t.filled(s, n)
	got := make([]byte, n)
	if !t.of.NoContents {
		t.download(s, got, buf, 0)
	}
	e := t.record(s)
	t.upload(s, buf, 0, make([]byte, n))
	t.at("Wait of an event by four goroutines")
	t.together(4, func(int) {
		if err := e.Wait(); err != nil {
			t.fatalf("%v", err)
		}
		if !t.of.NoContents {
			t.equal("a download before an event that was waited for", got, data)
		}
	})
	t.reached(e)

	// A stream may wait for an event of its own, of another stream, again, and late.
	t.wait(s, e)
	t.wait(second, e)
	t.wait(second, e)
	t.copy(second, buf, 0, buf, n/2, n/2)
	t.wait(s, t.record(second))
	t.wait(second, t.record(s))
	t.sync(second)
	t.reached(t.record(second))
	t.wait(second, empty)
	buf.Free()
	for range 1000 {
		t.record(s) // nobody keeps it
	}
	t.refused("Wait of a stream for a nil event", func() error { return s.Wait(nil) })

	// Events of another device.
	other := t.open()
	if other != t.dev {
		o := t.stream(other)
		b, _ := t.filled(o, n)
		theirs := t.record(o)
		t.at("Wait of a stream for another device's event")
		t.must(s.Wait(theirs))
		t.at("Wait of another device's stream for an event")
		t.must(o.Wait(e))
		t.works(s, "after waiting for another device")
		t.works(o, "after another device waited for it")
		b.Free()
		late := t.record(o)
		t.at("Close")
		if err := other.Close(); err != nil {
			t.errorf("%v", err)
		}
		t.is(hal.ErrClosed, "Wait of an event whose device was closed", late.Wait)
		t.at("Wait of a stream for an event whose device was closed")
		third := t.stream(t.dev)
		if err := errors.Join(third.Wait(late), third.Sync()); err == nil {
			t.errorf("neither it nor Sync returns an error")
		}
	}
	t.works(t.stream(t.dev), "at the end")
}

// soon is how long something that should not happen is given to happen.
const soon = 20 * time.Millisecond

// checkAsynchronous is the part asynchronous.
func checkAsynchronous(t *trial) {
	if t.of.Hold == nil {
		t.skip("nothing can be kept waiting without Driver.Hold: a device that works inline has none")
	}
	a, b := t.stream(t.dev), t.stream(t.dev)
	t.works(a, "at first") // what is made on first use is there
	const n = 4000
	x, y := t.alloc(t.dev, n), t.alloc(t.dev, n)
	data, got := noise(t.r, n), make([]byte, n)
	t.at("Driver.Hold")
	release := sync.OnceFunc(t.of.Hold(a))
	defer release()
	t.upload(a, x, 0, data)
	ev := t.record(a)
	t.wait(b, ev)
	t.copy(b, y, 0, x, 0, n)
	t.at("Launch")
	t.must(b.Launch(copying(n/2), []hal.Operand{{Buf: y}, {Buf: y, Offset: n / 2}}, nil))
	t.download(b, got, y, 0)
	end := t.record(b)
	x.Free()
	y.Free()
	z := t.alloc(t.dev, n) // the pool's, or new
	z.Free()
	for _, e := range []hal.Event{ev, end} {
		waited := make(chan error, 1)
		go func() { waited <- e.Wait() }()
		select {
		case err := <-waited:
			t.at("Wait of an event")
			t.errorf("it returned %v before the work that it stands behind was done", err)
		case <-time.After(soon):
			defer func() {
				t.at("Wait of an event, after work that was held went on")
				t.must(<-waited)
			}()
		}
	}
	release()
	t.reached(end)
	copy(data[n/2:], data[:n/2])
	t.equal("what was queued behind work that was held", got, data)
}

// checkFree is the part free. What a buffer held must reach those that were queued when
// it was freed, and nothing queued then may reach its memory's next owner.
func checkFree(t *trial) {
	a, b := t.stream(t.dev), t.stream(t.dev)
	for round := range 40 {
		n := []int{100, 5000, 300_000}[round%3]
		src, data := t.filled(a, n)
		dst := t.alloc(t.dev, n)
		held := func() {}
		if t.of.Hold != nil && round%2 == 1 {
			t.at("Driver.Hold")
			held = sync.OnceFunc(t.of.Hold(a))
			defer held()
		}
		t.copy(a, dst, 0, src, 0, n) // reads src
		junk, _ := t.filled(a, n)
		t.copy(a, src, 0, junk, 0, n) // and writes to it
		t.at("Free of %d bytes that queued copies use", n)
		src.Free()
		junk.Free()
		next, fresh := t.filled(b, n) // on another stream: it may get src's block
		last, newest := t.filled(b, n)
		held()
		t.sync(b)
		t.sync(a)
		t.holds(b, "a buffer made after another was freed in use", next, fresh)
		t.holds(b, "a buffer made after another was freed in use", last, newest)
		t.holds(a, "a copy of a buffer that was freed before the copy was done", dst, data)
		for _, x := range []hal.Buffer{dst, next, last} {
			x.Free()
		}
	}
}
