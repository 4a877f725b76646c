//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Numbers of questions and answers, from CL/cl.h.
const (
	platformVersion = 0x0901
	platformName    = 0x0902

	deviceType         = 0x1000
	deviceComputeUnits = 0x1002
	deviceMaxGroup     = 0x1004
	deviceMaxAlloc     = 0x1010
	deviceAlignment    = 0x1019 // in bits
	deviceSingleConfig = 0x101B
	deviceMemory       = 0x101F
	deviceLocalMemory  = 0x1023
	deviceName         = 0x102B
	deviceVendor       = 0x102C
	driverVersion      = 0x102D
	deviceVersion      = 0x102F
	deviceExtensions   = 0x1030

	typeCPU = 1 << 1
	typeGPU = 1 << 2
	typeAll = 0xFFFFFFFF

	correctlyRoundedDivide = 1 << 7
)

// found is a device of a platform.
type found struct {
	lib              *library
	platform, device uintptr
}

// find lists every device of every platform.
func (l *library) find() ([]found, error) {
	platforms, err := ids("clGetPlatformIDs", func(n uintptr, list *uintptr, count *uint32) uintptr {
		r, _, _ := purego.SyscallN(l.getPlatformIDs, n, uintptr(unsafe.Pointer(list)), uintptr(unsafe.Pointer(count)))
		return r
	})
	if err != nil {
		return nil, err
	}
	var all []found
	for _, p := range platforms {
		devices, err := ids("clGetDeviceIDs", func(n uintptr, list *uintptr, count *uint32) uintptr {
			r, _, _ := purego.SyscallN(l.getDeviceIDs, p, typeAll, n, uintptr(unsafe.Pointer(list)), uintptr(unsafe.Pointer(count)))
			return r
		})
		if err != nil {
			return nil, err
		}
		for _, d := range devices {
			all = append(all, found{l, p, d})
		}
	}
	return all, nil
}

// ids asks for a count and then for so many handles. None is no error.
func ids(call string, ask func(n uintptr, list *uintptr, count *uint32) uintptr) ([]uintptr, error) {
	var n uint32
	err := check(call, ask(0, nil, &n))
	if e, ok := err.(*callError); ok && (e.code == platformNotFound || e.code == deviceNotFound) {
		return nil, nil
	}
	if err != nil || n == 0 {
		return nil, err
	}
	list := make([]uintptr, n)
	if err := check(call, ask(uintptr(n), &list[0], &n)); err != nil {
		return nil, err
	}
	return list[:min(int(n), len(list))], nil
}

// bytes is the answer to a question about the device or its platform.
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

// number is an answer of four or eight bytes, 0 if there is none.
func (f found) number(what uintptr) int {
	switch b := f.bytes(what); len(b) {
	case 4:
		return int(binary.LittleEndian.Uint32(b))
	case 8:
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
