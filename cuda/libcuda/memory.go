//go:build (linux || darwin) && (amd64 || arm64)

package libcuda

import (
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/cuda/driver"
)

func (l *library) MemFree(p driver.Ptr) driver.Result { return call(l.memFree, uintptr(p)) }

func (l *library) MemAllocAsync(bytes int, s driver.Stream) (driver.Ptr, driver.Result) {
	var p driver.Ptr
	r, _, _ := purego.SyscallN(l.memAllocAsync, uintptr(unsafe.Pointer(&p)), uintptr(bytes), uintptr(s))
	return p, driver.Result(int32(r))
}

func (l *library) MemFreeAsync(p driver.Ptr, s driver.Stream) driver.Result {
	return call(l.memFreeAsync, uintptr(p), uintptr(s))
}

func (l *library) HostAlloc(bytes int) (unsafe.Pointer, driver.Result) {
	var p unsafe.Pointer // not of Go's memory, so it may be kept as a pointer
	r, _, _ := purego.SyscallN(l.memHostAlloc, uintptr(unsafe.Pointer(&p)), uintptr(bytes), uintptr(driver.HostAllocPortable))
	return p, driver.Result(int32(r))
}

func (l *library) HostFree(p unsafe.Pointer) driver.Result { return call(l.memFreeHost, uintptr(p)) }

func (l *library) CopyIn(dst driver.Ptr, src unsafe.Pointer, bytes int, s driver.Stream) driver.Result {
	r, _, _ := purego.SyscallN(l.copyHtoD, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
	return driver.Result(int32(r))
}

func (l *library) CopyOut(dst unsafe.Pointer, src driver.Ptr, bytes int, s driver.Stream) driver.Result {
	r, _, _ := purego.SyscallN(l.copyDtoH, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
	return driver.Result(int32(r))
}

func (l *library) Copy(dst, src driver.Ptr, bytes int, s driver.Stream) driver.Result {
	return call(l.copyDtoD, uintptr(dst), uintptr(src), uintptr(bytes), uintptr(s))
}
