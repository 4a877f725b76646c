package conform

import (
	"errors"
	"fmt"
	"slices"

	"github.com/crease-ml/crease/hal"
)

// checkOpen is the part open.
func checkOpen(t *trial) {
	t.at("Close of a device that was not used")
	t.must(t.dev.Close())
}

// checkLaunch is the part launch.
func checkLaunch(t *trial) {
	s := t.stream(t.dev)
	const n = 5000
	x, data := t.filled(s, n)
	y, _ := t.filled(s, n)
	work := t.alloc(t.dev, 64)
	at := []hal.Operand{{Buf: x, Offset: 3}, {Buf: y, Offset: 5}}
	calls := 0
	l := copying(n - 5)
	run := l.Run
	l.Work = 64
	l.Run = func(on hal.Stream, got []hal.Operand, scratch hal.Buffer) error {
		calls++
		if on.Device() != t.dev {
			t.errorf("the kernel gets a stream of another device")
		}
		if !slices.Equal(got, at) || scratch != work {
			t.errorf("the kernel gets other memory than was given: %v and %v", got, scratch)
		}
		return run(on, got, scratch)
	}
	t.at("Launch")
	t.must(s.Launch(l, at, work))
	if calls != 1 {
		t.errorf("the kernel was run %d times", calls)
	}
	t.copy(s, y, 0, y, 5, 5) // behind the launch
	want := slices.Concat(data[3:8], data[3:n-2])
	t.upload(s, x, 0, make([]byte, n))
	t.holds(s, "the memory that a kernel wrote to", y, want)

	oops := errors.New("the kernel's own error")
	for _, failure := range []error{oops, fmt.Errorf("not here: %w", hal.ErrUnsupported)} {
		fails := &hal.Launch{Op: "copy", Kernel: &hal.Kernel{Name: "contract_fails"}, Run: func(hal.Stream, []hal.Operand, hal.Buffer) error { return failure }}
		t.is(failure, "Launch of a kernel that returns an error", func() error { return s.Launch(fails, at, work) })
	}
	t.sync(s)
	t.works(s, "after a kernel returned an error")
	for _, b := range []hal.Buffer{x, y, work} {
		b.Free()
	}
}

// call is one method that can fail.
type call struct {
	name string
	f    func() error
}

// calls are the methods of a stream on a buffer of at least 8 bytes, and the Wait of
// events.
func calls(t *trial, s hal.Stream, b hal.Buffer, events ...hal.Event) []call {
	l := copying(4)
	l.Run = func(hal.Stream, []hal.Operand, hal.Buffer) error {
		t.errorf("the kernel was run")
		return nil
	}
	mem := make([]byte, 4)
	list := []call{
		{"Upload", func() error { return s.Upload(b, 0, mem) }},
		{"Download", func() error { return s.Download(mem, b, 0) }},
		{"Copy", func() error { return s.Copy(b, 0, b, 4, 4) }},
		{"Copy of ranges that overlap", func() error { return s.Copy(b, 0, b, 1, 4) }},
		{"Launch", func() error { return s.Launch(l, []hal.Operand{{Buf: b}, {Buf: b}}, nil) }},
		{"Record", func() error {
			_, err := s.Record()
			return err
		}},
		{"Sync", s.Sync},
	}
	for _, e := range events {
		list = append(list, call{"Wait of a stream", func() error { return s.Wait(e) }}, call{"Wait of an event", e.Wait})
	}
	return list
}

// poisoner is what streams that embed a hal.Health can do.
type poisoner interface{ Poison(error) error }

// checkPoison is the part poison.
func checkPoison(t *trial) {
	s, other := t.stream(t.dev), t.stream(t.dev)
	if _, ok := s.(poisoner); !ok && t.of.Fail == nil {
		t.skip("the driver gives no way to make a stream fail: there is no Driver.Fail, and its streams have no hal.Health")
	}
	b, _ := t.filled(s, 100)
	before := t.record(s)
	if t.of.Fail != nil {
		t.at("Driver.Fail")
		t.of.Fail(s)
	} else {
		_ = s.(poisoner).Poison(hal.ErrDeviceLost)
	}
	behind, err := s.Record() // where failures show late, it is too early for this one
	var first error
	t.at("Sync of a stream that failed")
	if first = s.Sync(); first == nil {
		t.fatalf("no error")
	}
	if errors.Is(first, hal.ErrClosed) || errors.Is(first, hal.ErrUnsupported) || errors.Is(first, hal.ErrOutOfMemory) {
		t.errorf("the error is %q, which stands for something else", first)
	}
	events := []hal.Event{before}
	if err == nil {
		events = append(events, behind)
	} else if !same(err, first) {
		t.errorf("Record gave another error: %q, not %q", err, first)
	}
	for range 2 {
		for _, c := range calls(t, s, b, events...) {
			t.is(first, c.name+" of a stream that failed", c.f)
		}
	}
	if err == nil {
		t.at("Wait of another stream for an event that was never reached")
		if err := errors.Join(other.Wait(behind), other.Sync()); !same(err, first) {
			t.errorf("neither it nor Sync returns the failure, but %v", err)
		}
	}
	// Another stream of the device may have failed with it, but in no other way.
	t.at("another stream of the device")
	if another, err := t.dev.NewStream(); err == nil {
		err = another.Upload(b, 0, make([]byte, 10))
		if err != nil && !same(err, first) {
			t.errorf("it fails with %q, not with %q", err, first)
		}
	} else if !same(err, first) {
		t.errorf("NewStream fails with %q, not with %q", err, first)
	}
	t.at("Free of a buffer of a stream that failed")
	b.Free()
	t.at("Close of a device whose stream failed")
	_ = t.dev.Close() // it may say what happened
	if err := t.refused("Sync of a stream that failed and was closed", s.Sync); err != nil && !errors.Is(err, hal.ErrClosed) && !same(err, first) {
		t.errorf("the error is %q, neither hal.ErrClosed nor %q", err, first)
	}
	fresh := t.open()
	t.works(t.stream(fresh), "a device opened after another failed")
}

// checkClose is the part close.
func checkClose(t *trial) {
	s, idle := t.stream(t.dev), t.stream(t.dev)
	empty := t.record(idle)
	b, _ := t.filled(s, 100_000)
	queued, _ := t.filled(s, 100_000)
	ev := t.record(s)
	for range 20 {
		t.copy(s, queued, 0, b, 0, 100_000) // in the queue, perhaps
	}
	queued.Free()
	t.at("Close")
	t.must(t.dev.Close())
	list := calls(t, s, b, ev, empty)
	list = append(list, calls(t, idle, b)...)
	list = append(list,
		call{"Alloc", func() error { _, err := t.dev.Alloc(10); return err }},
		call{"Alloc of no bytes", func() error { _, err := t.dev.Alloc(0); return err }},
		call{"NewStream", func() error { _, err := t.dev.NewStream(); return err }})
	for _, c := range list {
		t.is(hal.ErrClosed, c.name+" after Close", c.f)
	}
	t.at("Info after Close")
	if t.dev.Info().Name == "" || t.dev.Kernels() == nil {
		t.errorf("there is no name, or no registry")
	}
	if meter, ok := t.dev.(hal.Meter); ok {
		t.at("Memory after Close")
		if m := meter.Memory(); m.Buffers != 1 || m.InUse < 100_000 || m.Cached != 0 {
			t.errorf("%+v, with one buffer of 100000 bytes that is not freed", m)
		}
		b.Free()
		t.at("Free after Close")
		if m := meter.Memory(); m.Buffers != 0 || m.InUse != 0 || m.Cached != 0 {
			t.errorf("something is left: %+v", m)
		}
	}
	t.at("Free after Close")
	b.Free()
	for range 2 {
		t.at("Close again")
		t.must(t.dev.Close())
	}
}

// checkReopen is the part reopen.
func checkReopen(t *trial) {
	openings := []func() (hal.Device, error){t.of.open}
	if t.of.Name != "" {
		openings = append(openings, func() (hal.Device, error) { return hal.Open(t.of.Name) })
	}
	for i, open := range openings {
		t.at("open")
		first, err := open()
		t.must(err)
		t.keep(first)
		if i == 1 {
			t.shared(first)
		}
		s := t.stream(first)
		t.works(s, "a device opened")
		t.at("Close")
		t.must(first.Close())
		t.at("open after Close")
		again, err := open()
		t.must(err)
		t.keep(again)
		if again == first {
			t.errorf("the device is the closed one")
		}
		t.works(t.stream(again), "a device opened after Close")
		t.is(hal.ErrClosed, "Sync of the closed device's stream", s.Sync)
		if i == 1 {
			t.shared(again)
		}
	}
}

// shared checks that hal.Open gives the device that it gave before.
func (t *trial) shared(d hal.Device) {
	t.at("hal.Open of a device that is open")
	second, err := hal.Open(t.of.Name)
	t.must(err)
	if second != d {
		t.keep(second)
		t.errorf("it is another device")
	}
}
