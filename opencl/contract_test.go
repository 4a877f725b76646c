//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"sync"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
)

// of is the driver as the contract sees it.
func of() conform.Driver {
	open := func() (hal.Device, error) { return open(hal.Spec{Kind: kind}) }
	return conform.Driver{
		Name: kind + ":0", // the shared device of this name is closed
		Open: open,
		Small: func(bytes int) (hal.Device, error) {
			d, err := open()
			if err == nil {
				d.(*Device).pool.Limit = bytes
			}
			return d, err
		},
	}
}

// TestContract holds commands by an event of the user's and lets a wait fail.
func TestContract(t *testing.T) {
	c := of()
	c.Hold = func(s hal.Stream) func() { return hold(t, s.(*stream)) }
	c.Fail = func(s hal.Stream) {
		r := int32(outOfResources)
		_ = s.(*stream).dev.waited("clFinish", uintptr(uint32(r)))
	}
	conform.Contract(t, c)
}

// hold queues a command that waits for an event, which is of the user's making.
func hold(t *testing.T, s *stream) (release func()) {
	lib, err := purego.Dlopen(libraryNames()[0], purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		t.Fatal(err)
	}
	symbol := func(name string) uintptr {
		at, err := purego.Dlsym(lib, name)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	var code int32
	event, _, _ := purego.SyscallN(symbol("clCreateUserEvent"), s.dev.context, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		t.Fatal(status(code))
	}
	err = s.dev.enqueue("clEnqueueMarkerWithWaitList", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(s.dev.lib.enqueueMarker, q, 1, uintptr(unsafe.Pointer(&event)), 0)
		return r
	})
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		purego.SyscallN(symbol("clSetUserEventStatus"), event, 0) // CL_COMPLETE
		s.dev.releaseEvent(event)
	})
}
