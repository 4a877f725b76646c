//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The numbers of queries and of their answers, from CL/cl.h.
const (
	platformVersion = 0x0901
	platformName    = 0x0902
	platformVendor  = 0x0903

	deviceType           = 0x1000
	deviceComputeUnits   = 0x1002
	deviceMaxGroup       = 0x1004
	deviceMaxItems       = 0x1005 // along each axis
	deviceMaxAlloc       = 0x1010
	deviceAlignment      = 0x1019 // in bits
	deviceSingleConfig   = 0x101B
	deviceMemory         = 0x101F
	deviceLocalMemory    = 0x1023
	deviceLittleEndian   = 0x1026
	deviceAvailable      = 0x1027
	deviceHasCompiler    = 0x1028
	deviceName           = 0x102B
	deviceVendor         = 0x102C
	driverVersion        = 0x102D
	deviceVersion        = 0x102F
	deviceExtensions     = 0x1030
	deviceCapabilityMain = 0x4000 // cl_nv_device_attribute_query
	deviceCapabilitySub  = 0x4001

	typeCPU = 1 << 1
	typeGPU = 1 << 2
	typeAll = 0xFFFFFFFF

	correctlyRoundedDivide = 1 << 7
)

// found holds a device that a platform has, before it is opened.
type found struct {
	lib              *library
	platform, device uintptr
}

// find lists every device of every platform, and what went wrong with platforms
// that could not be asked.
func (l *library) find() (all []found, trouble []error) {
	platforms, err := ids("clGetPlatformIDs", func(n uintptr, list *uintptr, count *uint32) uintptr {
		r, _, _ := purego.SyscallN(l.getPlatformIDs, n, uintptr(unsafe.Pointer(list)), uintptr(unsafe.Pointer(count)))
		return r
	})
	if err != nil {
		return nil, []error{err}
	}
	for _, p := range platforms {
		devices, err := ids("clGetDeviceIDs", func(n uintptr, list *uintptr, count *uint32) uintptr {
			r, _, _ := purego.SyscallN(l.getDeviceIDs, p, typeAll, n, uintptr(unsafe.Pointer(list)), uintptr(unsafe.Pointer(count)))
			return r
		})
		name := found{lib: l, platform: p}.text(platformName)
		if err != nil {
			trouble = append(trouble, fmt.Errorf("platform %s: %w", name, err))
		}
		if err == nil && len(devices) == 0 {
			trouble = append(trouble, fmt.Errorf("platform %s has no device", name))
		}
		for _, d := range devices {
			all = append(all, found{l, p, d})
		}
	}
	return all, trouble
}

// ids asks for a count and then for so many handles. None is no error.
func ids(call string, ask func(n uintptr, list *uintptr, count *uint32) uintptr) ([]uintptr, error) {
	var n uint32
	r := ask(0, nil, &n)
	if code := status(int32(r)); code == platformNotFound || code == deviceNotFound {
		return nil, nil
	}
	if err := check(call, r); err != nil || n == 0 {
		return nil, err
	}
	list := make([]uintptr, n)
	if err := check(call, ask(uintptr(n), &list[0], &n)); err != nil {
		return nil, err
	}
	return list[:min(int(n), len(list))], nil
}

// bytes returns the answer to a query about the device or its platform, nil if there is none.
func (f found) bytes(what uintptr) []byte {
	call, object := f.lib.getDeviceInfo, f.device
	if what < deviceType {
		call, object = f.lib.getPlatformInfo, f.platform
	}
	var n uintptr
	if r, _, _ := purego.SyscallN(call, object, what, 0, 0, uintptr(unsafe.Pointer(&n))); int32(r) != 0 || n == 0 {
		return nil
	}
	b := make([]byte, n)
	if r, _, _ := purego.SyscallN(call, object, what, n, uintptr(unsafe.Pointer(&b[0])), 0); int32(r) != 0 {
		return nil
	}
	return b
}

func (f found) text(what uintptr) string {
	return strings.TrimSpace(strings.TrimRight(string(f.bytes(what)), "\x00"))
}

// number returns an answer of four or eight bytes as a number. Of an answer with several
// numbers of eight bytes it returns the first; it returns 0 if there is no answer.
func (f found) number(what uintptr) int {
	switch b := f.bytes(what); {
	case len(b) == 4:
		return int(binary.LittleEndian.Uint32(b))
	case len(b) >= 8:
		return int(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (f found) extension(name string) bool {
	for _, e := range strings.Fields(f.text(deviceExtensions)) {
		if e == name {
			return true
		}
	}
	return false
}
