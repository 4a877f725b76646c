//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

func TestRun(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	const n, shift = 37, 3
	x, y := alloc(t, d, 4*n), alloc(t, d, 4*(n+shift))
	in := make([]float32, n)
	for i := range in {
		in[i] = float32(i)
	}
	must(t, s.Upload(x, 0, floats(in...)))
	must(t, s.Upload(y, 0, make([]byte, 4*(n+shift))))
	values := axpyValues(n, 2, shift, 0.5)
	must(t, s.Run(axpy(), [3]int{(n + 15) / 16, 1, 1}, []hal.Buffer{x, y}, values))
	clear(values) // may be reused on return
	got := make([]byte, 4*(n+shift))
	must(t, s.Download(got, y, 0))
	must(t, s.Sync())
	for i, v := range toFloats(got) {
		want := float32(0)
		if i >= shift {
			want = 2*float32(i-shift) + 0.5
		}
		if v != want {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
}

func TestRunInThreeDimensions(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	p, groups := places(), [3]int{2, 3, 2}
	nx, ny, nz := groups[0]*4, groups[1]*2, groups[2]*3
	buf := alloc(t, d, 4*nx*ny*nz)
	must(t, s.Run(p, groups, []hal.Buffer{buf}, ints(nx*ny*nz)))
	got := make([]byte, 4*nx*ny*nz)
	must(t, s.Download(got, buf, 0))
	must(t, s.Sync())
	for z := range nz {
		for y := range ny {
			for x := range nx {
				want := x/4 + 10*(y/2) + 100*(z/3) + 1000*(x%4) + 10000*(y%2) + 100000*(z%3)
				if v := binary.LittleEndian.Uint32(got[4*(x+nx*(y+ny*z)):]); int(v) != want {
					t.Fatalf("item %d %d %d wrote %d, want %d", x, y, z, v, want)
				}
			}
		}
	}
}

// No groups are no work: the program is not even compiled.
func TestRunOfNothing(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	buf := alloc(t, d, 4)
	broken := &kernels.Program{Name: "broken", Source: "no program", Group: [3]int{1, 1, 1}, Buffers: 1}
	for axis := range 3 {
		groups := [3]int{5, 5, 5}
		groups[axis] = 0
		must(t, s.Run(broken, groups, []hal.Buffer{buf}, nil))
	}
}

func TestRunWithoutValues(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	p := &kernels.Program{Name: "seven", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void seven(__global int *out) { *out = 7; }"}
	buf := alloc(t, d, 4)
	must(t, s.Run(p, [3]int{1, 1, 1}, []hal.Buffer{buf}, nil))
	got := make([]byte, 4)
	must(t, s.Download(got, buf, 0))
	must(t, s.Sync())
	if got[0] != 7 {
		t.Error(got)
	}
}

func TestRunRefusals(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	buf := alloc(t, d, 64)
	p, one := axpy(), [3]int{1, 1, 1}
	two, values := []hal.Buffer{buf, buf}, axpyValues(1, 1, 0, 0)
	huge, wrongDialect, oversized, nameless := *p, *p, *p, *p
	huge.Group = [3]int{0, 1, 1}
	wrongDialect.Dialect = kernels.CUDA
	oversized.Group = [3]int{1 << 20, 1, 1}
	nameless.Name = "axpby"
	for want, err := range map[string]error{
		"takes 2 buffers and 24 bytes":        s.Run(p, one, two[:1], values),
		"not 2 and 23":                        s.Run(p, one, two, values[:23]),
		"[-1 1 1] groups":                     s.Run(p, [3]int{-1, 1, 1}, two, values),
		"groups of [0 1 1]":                   s.Run(&huge, one, two, values),
		"written in CUDA C":                   s.Run(&wrongDialect, one, two, values),
		"CL_INVALID_WORK_":                    s.Run(&oversized, one, two, values),
		"axpby: CL_INVALID_KERNEL_NAME (-46)": s.Run(&nameless, one, two, values),
		"op (kernel chosen)": (&hal.Kernel{Name: "chosen", Run: func(s hal.Stream, c *hal.Call) error {
			return s.(kernels.Launcher).Run(p, one, nil, values)
		}}).Do(s, &hal.Call{Op: "op"}),
	} {
		var de *hal.DeviceError
		if !errors.As(err, &de) || de.Kernel == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if strings.Count(err.Error(), "device opencl") != 1 {
			t.Errorf("the device is named twice: %v", err)
		}
	}
	err := (&hal.Kernel{Name: "chosen", Run: func(hal.Stream, *hal.Call) error { return hal.ErrUnsupported }}).Do(s, &hal.Call{Op: "op"})
	if !errors.Is(err, hal.ErrUnsupported) {
		t.Error(err)
	}
	must(t, s.Run(p, one, two, values)) // nothing is poisoned
	must(t, s.Sync())
}
