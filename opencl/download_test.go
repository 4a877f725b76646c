//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"bytes"
	"runtime"
	"testing"
	"weak"

	"github.com/crease-ml/crease/hal"
)

// What a download fills is kept from the collector until the device has filled it, even
// if the caller has forgotten it, and no longer.
func TestDownloadKeepsItsSlice(t *testing.T) {
	for name, wait := range map[string]func(*stream, hal.Event) error{
		"event": func(_ *stream, e hal.Event) error { return e.Wait() },
		"sync":  func(s *stream, _ hal.Event) error { return s.Sync() },
	} {
		t.Run(name, func(t *testing.T) {
			d := fresh(t, "opencl")
			s := newStream(t, d)
			const n = 1 << 16
			want := noise(n)
			buf := alloc(t, d, n)
			must(t, s.Upload(buf, 0, want))
			must(t, s.Sync())
			release := hold(t, s)
			defer release()
			forgotten := download(t, s, buf, n)
			e, err := s.Record()
			must(t, err)
			later := download(t, s, buf, n) // behind the event
			for range 3 {
				runtime.GC()
				_ = noise(n) // would get the memory
			}
			if forgotten.Value() == nil || later.Value() == nil {
				t.Fatal("a slice that the device will write to was collected")
			}
			if len(d.reads.kept) != 2 {
				t.Errorf("%d slices are kept", len(d.reads.kept))
			}
			release()
			got := make([]byte, n)
			must(t, s.Download(got, buf, 0))
			must(t, wait(s, e))
			runtime.GC()
			if forgotten.Value() != nil {
				t.Error("a slice is kept that has been filled")
			}
			must(t, s.Sync())
			if !bytes.Equal(got, want) {
				t.Error("other bytes came back")
			}
			runtime.GC()
			if later.Value() != nil || len(d.reads.kept) != 0 {
				t.Error("something is kept after Sync")
			}
		})
	}
}

// download queues a download to a slice that nobody else has.
func download(t *testing.T, s *stream, buf hal.Buffer, n int) weak.Pointer[byte] {
	t.Helper()
	dst := make([]byte, n)
	must(t, s.Download(dst, buf, 0))
	return weak.Make(&dst[0])
}

// Slices are let go of in the order of the queue, up to what was waited for.
func TestReads(t *testing.T) {
	var r reads
	r.filled(r.soFar())
	r.keep([]byte{1})
	first := r.soFar()
	r.keep([]byte{2})
	r.keep([]byte{3})
	r.filled(first)
	r.filled(first) // an event is waited for again
	if len(r.kept) != 2 || r.kept[0].dst[0] != 2 {
		t.Errorf("after the first: %v", r.kept)
	}
	r.filled(r.soFar())
	r.keep([]byte{4})
	r.filled(first) // late
	if len(r.kept) != 1 || r.kept[0].dst[0] != 4 {
		t.Errorf("a slice behind the event was let go of: %v", r.kept)
	}
}
