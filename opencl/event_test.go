//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/crease-ml/crease/hal"
)

func TestEvents(t *testing.T) {
	d := fresh(t, "opencl@profile=1")
	s, s2 := newStream(t, d), newStream(t, d)
	const n = 1 << 14
	x, y := alloc(t, d, 4*n), alloc(t, d, 4*n)
	must(t, s.Upload(x, 0, make([]byte, 4*n)))
	must(t, s.Upload(y, 0, make([]byte, 4*n)))
	p := axpy()
	run := func() { must(t, s.Run(p, [3]int{n / 16, 1, 1}, []hal.Buffer{x, y}, axpyValues(n, 1, 0, 1))) }
	run()
	must(t, s.Sync())
	start := time.Now()
	from, err := s.Record()
	must(t, err)
	for range 5 {
		run()
	}
	to, err := s.Record()
	must(t, err)
	must(t, s2.Wait(to))
	must(t, to.Wait())
	must(t, from.Wait())
	host := time.Since(start)
	took, err := d.Elapsed(from, to)
	must(t, err)
	if took <= 0 || took > host {
		t.Errorf("the device says %v, the host %v", took, host)
	}
	if back, err := d.Elapsed(to, from); err != nil || back != -took {
		t.Errorf("backwards: %v, %v", back, err)
	}
	other := fresh(t, "opencl@profile=1")
	if _, err := other.Elapsed(from, to); err == nil {
		t.Error("another device's events were taken")
	}
	must(t, newStream(t, other).Wait(to)) // the host waits
	// Events that nobody holds are released.
	for range 100 {
		_, err := s.Record()
		must(t, err)
	}
	runtime.GC()
}

func TestElapsedNeedsProfiling(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	e, err := s.Record()
	must(t, err)
	must(t, e.Wait())
	if _, err := d.Elapsed(e, e); !errors.Is(err, hal.ErrUnsupported) {
		t.Error(err)
	}
}

// Two streams in two goroutines, with the same program, a buffer pool under both,
// and a third that only waits.
func TestTwoStreams(t *testing.T) {
	d := fresh(t, "opencl")
	p := axpy()
	const n = 64
	rounds := 300
	if testing.Short() || d.serial { // the simulator is slow
		rounds = 30
	}
	var wg sync.WaitGroup
	for g := range 2 {
		s := newStream(t, d)
		step := float32(g + 1)
		wg.Go(func() {
			x, err := d.Alloc(4 * n)
			if err != nil {
				t.Error(err)
				return
			}
			defer x.Free()
			if err := s.Upload(x, 0, make([]byte, 4*n)); err != nil {
				t.Error(err)
			}
			for range rounds {
				y, err := d.Alloc(4 * n)
				if err != nil {
					t.Error(err)
					return
				}
				// Garbage of the other goroutine's is in y until the program runs.
				if err := errors.Join(s.Run(p, [3]int{n / 16, 1, 1}, []hal.Buffer{x, y}, axpyValues(n, 1, 0, step)), s.Copy(x, 0, y, 0, 4*n)); err != nil {
					t.Error(err)
				}
				y.Free()
				if _, err := s.Record(); err != nil {
					t.Error(err)
				}
			}
			got := make([]byte, 4*n)
			if err := errors.Join(s.Download(got, x, 0), s.Sync()); err != nil {
				t.Error(err)
			}
			for i, v := range toFloats(got) {
				if v != step*float32(rounds) {
					t.Errorf("stream %d: element %d is %v, want %v", g, i, v, step*float32(rounds))
					return
				}
			}
		})
	}
	done := make(chan struct{})
	waiter := newStream(t, d)
	go func() {
		defer close(done)
		for range 20 {
			e, err := waiter.Record()
			if err == nil {
				err = errors.Join(e.Wait(), waiter.Sync())
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	wg.Wait()
	<-done
}
