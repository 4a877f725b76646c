package conform_test

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
)

// toyStream is a queue. Its embedded stream knows whether it is well.
type toyStream struct {
	hostdev.Stream
	dev   *toy
	queue []work
}

// work is one thing that is queued.
type work struct {
	time  int
	do    func() error
	after *toyEvent // must be reached before
	held  *bool     // while true, it is not done
}

// later queues work. A range that is wrong has been found before.
func (s *toyStream) later(w work) error {
	d := s.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	w.time = d.clock
	s.queue = append(s.queue, w)
	d.busy[s] = true
	if n := len(s.queue); d.plant == overtakes && w.time%3 == 0 && n > 1 && s.queue[n-1].do != nil && s.queue[n-2].do != nil {
		s.queue[n-1].do, s.queue[n-2].do = s.queue[n-2].do, s.queue[n-1].do
	}
	return nil
}

// until does the work queued up to a time. d.mu is held, but for while it waits for
// work that is held.
func (s *toyStream) until(time int) {
	for len(s.queue) > 0 && s.queue[0].time <= time {
		w := s.queue[0]
		if w.held != nil && *w.held {
			s.dev.moved.Wait()
			continue
		}
		if w.after != nil {
			w.after.s.until(w.after.time)
			if len(s.queue) == 0 || s.queue[0].time != w.time {
				continue // somebody else has done it meanwhile
			}
			w.do = w.after.s.Err
		}
		if err := s.Err(); err == nil {
			if err := w.do(); err != nil {
				_ = s.Poison(err)
			}
		}
		s.queue = s.queue[1:]
		if len(s.queue) == 0 {
			delete(s.dev.busy, s)
		}
		s.dev.reclaim()
	}
}

// at is memory of a buffer, or what is wrong with it.
func (s *toyStream) at(b hal.Buffer, off, n int) ([]byte, error) {
	x, ok := b.(*toyBuffer)
	switch {
	case !ok:
		return s.dev.Range(b, off, n) // says what it is
	case x.dev != s.dev:
		return nil, errors.New("the buffer is another toy's")
	case x.gone.Load():
		return nil, errors.New("the buffer has been freed")
	case s.dev.plant == rangesClipped:
		off = min(max(off, 0), x.Size())
		return x.Bytes()[off:min(off+max(n, 0), x.Size())], nil
	}
	return s.dev.Range(x.Buffer, off, n)
}

// move queues a copy between memory that is checked here.
func (s *toyStream) move(what string, src, dst func() ([]byte, error), copies func(dst, src []byte)) error {
	if err := s.Ready(); err != nil {
		return err
	}
	from, err := src()
	to, err2 := dst()
	if err := errors.Join(err, err2); err != nil {
		err = fmt.Errorf("%s: %w", what, err)
		if s.dev.plant == rangesPoison {
			_ = s.Poison(err)
		}
		return err
	}
	return s.later(work{do: func() error {
		copies(to, from)
		return nil
	}})
}

func plainCopy(dst, src []byte) { copy(dst, src) }

func host(b []byte) func() ([]byte, error) { return func() ([]byte, error) { return b, nil } }

func (s *toyStream) Upload(dst hal.Buffer, off int, src []byte) error {
	kept := append([]byte{}, src...) // the caller may reuse src
	switch s.dev.plant {
	case uploadKeepsSource:
		kept = src
	case uploadsShareStage:
		kept = s.dev.staged(src)
	}
	return s.move("upload", host(kept), func() ([]byte, error) { return s.at(dst, off, len(src)) }, plainCopy)
}

// staged copies src by way of memory that all streams share: wrong, for it is not
// theirs in between.
func (d *toy) staged(src []byte) []byte {
	d.mu.Lock()
	d.stage = append(d.stage[:0], src...)
	d.mu.Unlock()
	runtime.Gosched()
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(make([]byte, 0, len(src)), d.stage[:min(len(src), len(d.stage))]...)[:len(src)]
}

func (s *toyStream) Download(dst []byte, src hal.Buffer, off int) error {
	from := func() ([]byte, error) { return s.at(src, off, len(dst)) }
	if mem, err := from(); s.dev.plant == downloadsAtOnce && err == nil {
		copy(dst, mem)
		return nil
	}
	return s.move("download", from, host(dst), plainCopy)
}

func (s *toyStream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	copies := plainCopy
	if s.dev.plant == copiesForward {
		copies = func(dst, src []byte) {
			for i := range dst {
				dst[i] = src[i]
			}
		}
	}
	return s.move("copy", func() ([]byte, error) { return s.at(src, srcOff, n) }, func() ([]byte, error) { return s.at(dst, dstOff, n) }, copies)
}

func (s *toyStream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	if err := s.Ready(); err != nil {
		return err
	}
	err := l.Run(s, at, work)
	if s.dev.plant == launchSwallowsErrors {
		return nil
	}
	return err
}

// toyEvent is a time on a stream.
type toyEvent struct {
	s    *toyStream
	time int
}

func (s *toyStream) Record() (hal.Event, error) {
	if s.dev.plant == recordPanics {
		panic("not implemented")
	}
	if err := s.Ready(); err != nil {
		return nil, err
	}
	s.dev.mu.Lock()
	defer s.dev.mu.Unlock()
	return &toyEvent{s, s.dev.clock}, nil
}

func (s *toyStream) Wait(e hal.Event) error {
	if err := s.Ready(); err != nil {
		return err
	}
	if e == nil {
		return errors.New("wait: no event was given")
	}
	x, ours := e.(*toyEvent)
	switch {
	case s.dev.plant == waitIgnores:
		return nil
	case !ours || x.s.dev != s.dev || s.dev.plant == waitBlocksHost:
		return e.Wait()
	}
	return s.later(work{after: x})
}

func (s *toyStream) Sync() error {
	if err := s.Ready(); err != nil || s.dev.plant == syncReturnsAtOnce {
		return err
	}
	s.dev.mu.Lock()
	defer s.dev.mu.Unlock()
	s.until(s.dev.clock)
	err := s.Err()
	if s.dev.plant == failureIsForgotten {
		s.Health = hal.Health{}
	}
	return err
}

func (e *toyEvent) Wait() error {
	d := e.s.dev
	switch d.plant {
	case eventsNeverWait:
		return e.s.Ready()
	case eventsHang:
		select {}
	}
	if err := e.s.Ready(); errors.Is(err, hal.ErrClosed) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e.s.until(e.time)
	if d.plant == eventsForgetFailure {
		return nil
	}
	return e.s.Err()
}

// hold queues work that is not done before release is called.
func hold(on hal.Stream) (release func()) {
	s := on.(*toyStream)
	held := true
	_ = s.later(work{held: &held, do: func() error { return nil }})
	return func() {
		s.dev.mu.Lock()
		held = false
		s.dev.mu.Unlock()
		s.dev.moved.Broadcast()
	}
}

// fail queues work that fails.
func fail(on hal.Stream) {
	_ = on.(*toyStream).later(work{do: func() error {
		return &hal.DeviceError{Device: "toy", Op: "work", Err: hal.ErrDeviceLost}
	}})
}
