//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Over many rounds the pool serves every request from its cache.
func TestMemoryStaysFlat(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	p := axpy()
	x := alloc(t, d, 4*64)
	must(t, s.Upload(x, 0, make([]byte, 4*64)))
	rounds := 2000
	if testing.Short() || d.serial { // the simulator is slow
		rounds = 100
	}
	var after hal.MemoryStats
	for i := range rounds {
		y, err := d.Alloc(4 * 64)
		must(t, err)
		must(t, s.Run(p, [3]int{4, 1, 1}, []hal.Buffer{x, y}, axpyValues(64, 1, 0, 1)))
		must(t, s.Copy(x, 0, y, 0, 4*64))
		y.Free() // before it has been computed
		if i == 1 {
			after = d.Memory()
		}
	}
	must(t, s.Sync())
	if got := d.Memory(); got != after {
		t.Errorf("after two rounds %+v, at the end %+v", after, got)
	}
	got := make([]byte, 4*64)
	must(t, s.Download(got, x, 0))
	must(t, s.Sync())
	for i, v := range toFloats(got) {
		if v != float32(rounds) {
			t.Fatalf("element %d is %v after %d additions of 1", i, v, rounds)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	d := fresh(t, "opencl")
	for _, n := range []int{shape.MaxBytes, d.maxAlloc + 1} {
		_, err := d.Alloc(n)
		var de *hal.DeviceError
		if !errors.Is(err, hal.ErrOutOfMemory) || !errors.As(err, &de) || !strings.Contains(err.Error(), "at most") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := d.Alloc(-1); err == nil || errors.Is(err, hal.ErrOutOfMemory) {
		t.Errorf("-1 bytes: %v", err)
	}
	// Drivers may give more than there is until it is used; the pool does not.
	d.pool.Limit = 10 << 20
	a := alloc(t, d, 6<<20)
	if _, err := d.Alloc(6 << 20); !errors.Is(err, hal.ErrOutOfMemory) {
		t.Errorf("beyond the limit: %v", err)
	}
	a.Free()
	alloc(t, d, 8<<20) // the cached block makes room
	if m := d.Memory(); m.Cached != 0 || m.InUse > 10<<20 {
		t.Errorf("%+v", m)
	}
}

// A command that is refused for want of memory gets what the pool had kept.
func TestCommandsMakeRoom(t *testing.T) {
	d := fresh(t, "opencl")
	alloc(t, d, 1000).Free()
	if d.Memory().Cached == 0 {
		t.Fatal("nothing is cached")
	}
	for refusals, want := range []error{nil, nil, hal.ErrOutOfMemory} {
		calls := 0
		err := d.enqueue("clCall", func(uintptr) uintptr {
			if calls++; calls <= refusals {
				r := int32(outOfResources)
				return uintptr(uint32(r))
			}
			return 0
		})
		if !errors.Is(err, want) || calls != min(refusals+1, 2) {
			t.Errorf("refused %d times: %v after %d calls", refusals, err, calls)
		}
		if cached := d.Memory().Cached; (cached == 0) != (refusals > 0) {
			t.Errorf("refused %d times: %d bytes are cached", refusals, cached)
		}
	}
}

func TestNoBytes(t *testing.T) {
	d := fresh(t, "opencl")
	b := alloc(t, d, 0)
	s := newStream(t, d)
	must(t, s.Upload(b, 0, nil))
	must(t, s.Copy(b, 0, b, 0, 0))
	must(t, s.Download(nil, b, 0))
	if b.Size() != 0 {
		t.Errorf("%d bytes", b.Size())
	}
}
