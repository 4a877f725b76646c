package conform

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/crease-ml/crease/hal"
)

// trial is the check of one part of the contract. What goes wrong is collected, so that
// it can be reported by a test or by [Breaches]. Several goroutines may use it, and one
// that hangs may go on after the trial has ended.
type trial struct {
	of   Driver
	dev  hal.Device // of this trial alone
	seed uint64
	r    *rand.Rand

	mu      sync.Mutex
	step    string // what the driver was asked last
	found   []string
	skipped string
	absent  *hal.AbsentError
	opened  []hal.Device
	over    bool
}

func newTrial(of Driver) *trial {
	t := &trial{of: of, seed: rand.Uint64(), step: "open"}
	t.r = rand.New(rand.NewPCG(t.seed, 0))
	return t
}

// stop is what ends a goroutine of the trial. What happened has been recorded.
type stop struct{}

// run calls f. A panic of the driver is something found.
func (t *trial) run(f func()) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil, stop:
		default:
			t.errorf("panic: %v\n%s", r, frames(debug.Stack()))
		}
	}()
	f()
}

// frames is the part of a stack that says where a driver panicked.
func frames(stack []byte) string {
	_, at, ok := strings.Cut(string(stack), "panic(")
	if !ok {
		at = string(stack)
	}
	lines := strings.Split(at, "\n")
	if ok {
		lines = lines[min(2, len(lines)):] // the rest of panic's own
	}
	return strings.Join(lines[:min(6, len(lines))], "\n")
}

// at says what the driver is asked next, for whatever goes wrong with it.
func (t *trial) at(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.step = fmt.Sprintf(format, args...)
}

// most is how many findings of a trial are kept.
const most = 5

// errorf records what went wrong and goes on.
func (t *trial) errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over && len(t.found) < most {
		t.found = append(t.found, fmt.Sprintf("%s (random seed %#x): %s", t.step, t.seed, fmt.Sprintf(format, args...)))
	}
}

// fatalf records what went wrong and ends the goroutine.
func (t *trial) fatalf(format string, args ...any) {
	t.errorf(format, args...)
	panic(stop{})
}

// skip ends the trial: the rest cannot be checked here.
func (t *trial) skip(why string) {
	t.mu.Lock()
	t.skipped = why
	t.mu.Unlock()
	panic(stop{})
}

// hung records that the deadline has passed.
func (t *trial) hung(deadline time.Duration) {
	t.errorf("it did not come back in %v", deadline)
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
}

func (t *trial) result() (found []string, skipped string, absent *hal.AbsentError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.found, t.skipped, t.absent
}

// end closes the devices that the trial opened.
func (t *trial) end() {
	t.at("close at the end")
	for _, d := range t.opened {
		func() {
			defer func() { _ = recover() }() // the parts open and close find it
			_ = d.Close()
		}()
	}
}

// keep has a device closed at the end.
func (t *trial) keep(d hal.Device) hal.Device {
	t.mu.Lock()
	t.opened = append(t.opened, d)
	t.mu.Unlock()
	return d
}

// open opens a device that nobody else has.
func (t *trial) open() hal.Device {
	t.at("open")
	d, err := t.of.open()
	if err != nil {
		t.mu.Lock()
		_ = errors.As(err, &t.absent)
		t.mu.Unlock()
		t.fatalf("%v", err)
	}
	return t.keep(d)
}

// must ends the goroutine on an error.
func (t *trial) must(err error) {
	if err != nil {
		t.fatalf("%v", err)
	}
}

// refused calls what the driver must refuse with an error, not with a panic, and
// returns the error.
func (t *trial) refused(what string, f func() error) (err error) {
	t.at("%s", what)
	panicked := true
	t.run(func() {
		err = f()
		panicked = false
	})
	if !panicked && err == nil {
		t.errorf("no error")
	}
	return err
}

// is calls what must return a certain error.
func (t *trial) is(want error, what string, f func() error) {
	if err := t.refused(what, f); err != nil && !same(err, want) {
		t.errorf("the error is %q, not %q", err, want)
	}
}

// same reports whether an error is, or wraps, another.
func same(err, want error) bool {
	return errors.Is(err, want) || err != nil && err.Error() == want.Error()
}

func (t *trial) stream(d hal.Device) hal.Stream {
	t.at("NewStream")
	s, err := d.NewStream()
	t.must(err)
	return s
}

func (t *trial) alloc(d hal.Device, n int) hal.Buffer {
	t.at("Alloc(%d)", n)
	b, err := d.Alloc(n)
	t.must(err)
	return b
}

func (t *trial) upload(s hal.Stream, b hal.Buffer, off int, src []byte) {
	t.at("Upload of %d bytes to byte %d of a buffer of %d", len(src), off, b.Size())
	t.must(s.Upload(b, off, src))
}

func (t *trial) download(s hal.Stream, dst []byte, b hal.Buffer, off int) {
	t.at("Download of %d bytes from byte %d of a buffer of %d", len(dst), off, b.Size())
	t.must(s.Download(dst, b, off))
}

func (t *trial) copy(s hal.Stream, dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) {
	within := ""
	if dst == src {
		within = ", the same one"
	}
	t.at("Copy of %d bytes to byte %d of a buffer of %d from byte %d of one of %d%s", n, dstOff, dst.Size(), srcOff, src.Size(), within)
	t.must(s.Copy(dst, dstOff, src, srcOff, n))
}

func (t *trial) sync(s hal.Stream) {
	t.at("Sync")
	t.must(s.Sync())
}

func (t *trial) record(s hal.Stream) hal.Event {
	t.at("Record")
	e, err := s.Record()
	t.must(err)
	return e
}

func (t *trial) wait(s hal.Stream, e hal.Event) {
	t.at("Wait of a stream")
	t.must(s.Wait(e))
}

func (t *trial) reached(e hal.Event) {
	t.at("Wait of an event")
	t.must(e.Wait())
}

// filled is a buffer of random bytes, which have arrived or are on their way.
func (t *trial) filled(s hal.Stream, n int) (hal.Buffer, []byte) {
	b := t.alloc(s.Device(), n)
	data := noise(t.r, n)
	t.upload(s, b, 0, data)
	return b, data
}

// holds compares a buffer's contents, where the device has any.
func (t *trial) holds(s hal.Stream, what string, b hal.Buffer, want []byte) {
	if t.of.NoContents {
		return
	}
	got := make([]byte, b.Size())
	t.download(s, got, b, 0)
	t.sync(s)
	t.equal(what, got, want)
}

// equal compares bytes.
func (t *trial) equal(what string, got, want []byte) {
	if bytes.Equal(got, want) {
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.errorf("%s: byte %d of %d is %#02x, want %#02x", what, i, len(want), got[i], want[i])
			return
		}
	}
}

// works checks that a device and a stream still do their work.
func (t *trial) works(s hal.Stream, when string) {
	b, data := t.filled(s, 777)
	defer b.Free()
	t.sync(s)
	t.holds(s, when, b, data)
}

// noise is random bytes.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 8 {
		v := r.Uint64()
		for k := i; k < min(i+8, n); k++ {
			b[k] = byte(v)
			v >>= 8
		}
	}
	return b
}

// together runs f in so many goroutines, with a number each, and waits for all.
func (t *trial) together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { t.run(func() { f(i) }) })
	}
	wg.Wait()
}
