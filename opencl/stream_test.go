//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Ranges of every kind of size, through pinned memory and by blocking writes,
// against the same in host memory.
func TestTransfers(t *testing.T) {
	for _, staged := range []bool{true, false} {
		d := fresh(t, "opencl")
		d.stage.failed = !staged
		s := newStream(t, d)
		const size = stageLimit + 5000
		want := noise(size)
		a, b := alloc(t, d, size), alloc(t, d, size)
		must(t, s.Upload(a, 0, want))
		for _, r := range [][2]int{{0, 1}, {7, 13}, {4096, 64}, {size - 1, 1}, {100, stageLimit}, {3, 0}, {size, 0}} {
			off, n := r[0], r[1]
			src := noise(n + 1)[1:]
			must(t, s.Upload(a, off, src))
			copy(want[off:], src)
			for i := range src {
				src[i] = 0xee // may be reused on return
			}
			must(t, s.Copy(b, off, a, off, n))
			got := make([]byte, n)
			must(t, s.Download(got, b, off))
			must(t, s.Sync())
			if !bytes.Equal(got, want[off:off+n]) {
				t.Errorf("staged %v: %d bytes at %d differ", staged, n, off)
			}
		}
		got := make([]byte, size)
		must(t, s.Download(got, a, 0))
		must(t, s.Sync())
		if !bytes.Equal(got, want) {
			t.Errorf("staged %v: bytes outside the ranges changed", staged)
		}
	}
}

// The pinned memory is filled many times over while the device reads it.
func TestStagingTurns(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	const n, rounds = 300_000, 64
	buf := alloc(t, d, n*rounds)
	all := noise(n * rounds)
	for i := range rounds {
		must(t, s.Upload(buf, i*n, all[i*n:(i+1)*n]))
	}
	got := make([]byte, n*rounds)
	must(t, s.Download(got, buf, 0))
	must(t, s.Sync())
	if !bytes.Equal(got, all) {
		t.Error("what came back is not what was uploaded")
	}
	if d.stage.failed {
		t.Error("there is no pinned memory")
	}
}

func TestCopyMayOverlap(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	want := noise(1000)
	buf := alloc(t, d, 1000)
	must(t, s.Upload(buf, 0, want))
	for _, c := range [][3]int{{10, 0, 500}, {0, 10, 500}, {5, 5, 20}, {700, 650, 100}, {0, 500, 500}} {
		must(t, s.Copy(buf, c[0], buf, c[1], c[2]))
		copy(want[c[0]:c[0]+c[2]], want[c[1]:])
	}
	got := make([]byte, 1000)
	must(t, s.Download(got, buf, 0))
	must(t, s.Sync())
	if !bytes.Equal(got, want) {
		t.Error("overlapping copies differ from those of Go")
	}
}

type foreign struct{ hal.Buffer }

func (foreign) Device() hal.Device { return other{} }

type other struct{ hal.Device }

func (other) Info() hal.Info { return hal.Info{Name: "somewhere"} }

// What a caller gets wrong is an error that says so, and poisons nothing.
func TestMisuse(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	buf, freed := alloc(t, d, 100), alloc(t, d, 100)
	freed.Free()
	freed.Free() // no effect
	b := make([]byte, 60)
	for want, err := range map[string]error{
		"bytes 50 to 110 of a buffer of 100": s.Upload(buf, 50, b),
		"bytes -1 to 59 of a buffer of 100":  s.Download(b, buf, -1),
		"bytes 41 to 101 of a buffer of 100": s.Copy(buf, 41, buf, 0, 60),
		"bytes 60 to 120 of a buffer of 100": s.Copy(buf, 0, buf, 60, 60),
		"bytes 0 to -1 of a buffer of 100":   s.Copy(buf, 0, buf, 0, -1),
		"has been freed":                     s.Upload(freed, 0, b),
		"belongs to device somewhere":        s.Upload(foreign{}, 0, b),
		"no buffer":                          s.Upload(nil, 0, b),
		"no buffer was":                      s.Copy(nil, 0, buf, 0, 1),
	} {
		var de *hal.DeviceError
		if !errors.As(err, &de) || de.Device != "opencl" || de.Op == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	must(t, s.Upload(buf, 0, b))
	must(t, s.Sync())
}

func TestClosed(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	buf := alloc(t, d, 100)
	must(t, s.Upload(buf, 0, make([]byte, 100)))
	must(t, d.Close())
	must(t, d.Close())
	_, allocErr := d.Alloc(10)
	_, streamErr := d.NewStream()
	_, recordErr := s.Record()
	for _, err := range []error{allocErr, streamErr, recordErr, s.Sync(), s.Upload(buf, 0, make([]byte, 10)), s.Download(make([]byte, 10), buf, 0),
		s.Copy(buf, 0, buf, 50, 10), s.Run(axpy(), [3]int{1, 1, 1}, []hal.Buffer{buf, buf}, make([]byte, 24)), s.Launch(&hal.Launch{Kernel: &hal.Kernel{}}, nil, nil)} {
		if !errors.Is(err, hal.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
	buf.Free()
	if m := d.Memory(); m.InUse != 0 || m.Cached != 0 {
		t.Errorf("after closing: %+v", m)
	}
}
