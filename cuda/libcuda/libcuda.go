//go:build (linux || darwin) && (amd64 || arm64)

// Package libcuda is CUDA's driver API by NVIDIA's own library, which is opened when it
// is first asked for. It needs no toolkit, no header and no cgo.
//
// CREASE_CUDA names the library's file where it is not found by itself.
//
// Functions that changed have numbers in their names, and the plain name is the oldest
// form: so cuMemAlloc takes 32-bit sizes and cuMemAlloc_v2 is what a program of today
// means. cuda.h hides that by macros; here the names are written out.
package libcuda

import (
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/internal/dynlib"
)

// library is the addresses of the functions. Pointers are turned into uintptr inside the
// argument lists of SyscallN and launch and nowhere else: there alone Go keeps what they
// point to alive and in place.
type library struct {
	name                                                     string
	init, driverGetVersion                                   uintptr
	deviceGetCount, deviceGet, deviceGetName                 uintptr
	deviceGetAttribute, deviceTotalMem                       uintptr
	primaryRetain, primaryRelease, setCurrent                uintptr
	memFree, memAllocAsync, memFreeAsync                     uintptr
	memHostAlloc, memFreeHost                                uintptr
	copyHtoD, copyDtoH, copyDtoD                             uintptr
	streamCreate, streamDestroy, streamSynchronize           uintptr
	eventCreate, eventDestroy, eventRecord, eventSynchronize uintptr
	eventElapsed                                             uintptr
	moduleLoad, moduleGetFunction, moduleUnload              uintptr
	launchKernel                                             uintptr
}

func (l *library) symbols() map[string]*uintptr {
	return map[string]*uintptr{
		"cuInit": &l.init, "cuDriverGetVersion": &l.driverGetVersion,
		"cuDeviceGetCount": &l.deviceGetCount, "cuDeviceGet": &l.deviceGet, "cuDeviceGetName": &l.deviceGetName,
		"cuDeviceGetAttribute": &l.deviceGetAttribute, "cuDeviceTotalMem_v2": &l.deviceTotalMem,
		"cuDevicePrimaryCtxRetain": &l.primaryRetain, "cuDevicePrimaryCtxRelease_v2": &l.primaryRelease, "cuCtxSetCurrent": &l.setCurrent,
		"cuMemFree_v2":    &l.memFree,
		"cuMemAllocAsync": &l.memAllocAsync, "cuMemFreeAsync": &l.memFreeAsync,
		"cuMemHostAlloc": &l.memHostAlloc, "cuMemFreeHost": &l.memFreeHost,
		"cuMemcpyHtoDAsync_v2": &l.copyHtoD, "cuMemcpyDtoHAsync_v2": &l.copyDtoH, "cuMemcpyDtoDAsync_v2": &l.copyDtoD,
		"cuStreamCreate": &l.streamCreate, "cuStreamDestroy_v2": &l.streamDestroy, "cuStreamSynchronize": &l.streamSynchronize,
		"cuEventCreate": &l.eventCreate, "cuEventDestroy_v2": &l.eventDestroy, "cuEventRecord": &l.eventRecord,
		"cuEventSynchronize": &l.eventSynchronize, "cuEventElapsedTime": &l.eventElapsed,
		"cuModuleLoadDataEx": &l.moduleLoad, "cuModuleGetFunction": &l.moduleGetFunction, "cuModuleUnload": &l.moduleUnload,
		"cuLaunchKernel": &l.launchKernel,
	}
}

// Open opens the library, on first use and once in a process.
var Open = sync.OnceValues(func() (driver.Driver, error) {
	names := []string{"libcuda.so.1"}
	if runtime.GOOS == "darwin" {
		names = []string{"/usr/local/cuda/lib/libcuda.dylib"}
	}
	l := &library{name: names[0]}
	if err := dynlib.Open("CUDA", "11.2", "CREASE_CUDA", names, l.symbols()); err != nil {
		return nil, err
	}
	return l, nil
})

// call calls a function whose arguments are no pointers of Go's.
func call(f uintptr, args ...uintptr) driver.Result {
	return driver.Result(int32(dynlib.Call(f, args...)))
}

func (l *library) Name() string { return l.name }

func (l *library) Init() driver.Result { return call(l.init, 0) }

func (l *library) DriverVersion() (int, driver.Result) {
	var v int32
	r, _, _ := purego.SyscallN(l.driverGetVersion, uintptr(unsafe.Pointer(&v)))
	return int(v), driver.Result(int32(r))
}

func (l *library) DeviceCount() (int, driver.Result) {
	var n int32
	r, _, _ := purego.SyscallN(l.deviceGetCount, uintptr(unsafe.Pointer(&n)))
	return int(n), driver.Result(int32(r))
}

func (l *library) DeviceGet(ordinal int) (driver.Device, driver.Result) {
	var d driver.Device
	r, _, _ := purego.SyscallN(l.deviceGet, uintptr(unsafe.Pointer(&d)), uintptr(ordinal))
	return d, driver.Result(int32(r))
}

func (l *library) DeviceName(d driver.Device) (string, driver.Result) {
	b := make([]byte, 256)
	r, _, _ := purego.SyscallN(l.deviceGetName, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), uintptr(d))
	name, _, _ := strings.Cut(string(b), "\x00")
	return name, driver.Result(int32(r))
}

func (l *library) DeviceAttribute(a driver.Attribute, d driver.Device) (int, driver.Result) {
	var v int32
	r, _, _ := purego.SyscallN(l.deviceGetAttribute, uintptr(unsafe.Pointer(&v)), uintptr(a), uintptr(d))
	return int(v), driver.Result(int32(r))
}

func (l *library) DeviceMemory(d driver.Device) (int, driver.Result) {
	var n uintptr
	r, _, _ := purego.SyscallN(l.deviceTotalMem, uintptr(unsafe.Pointer(&n)), uintptr(d))
	return int(n), driver.Result(int32(r))
}

func (l *library) PrimaryContextRetain(d driver.Device) (driver.Context, driver.Result) {
	var c driver.Context
	r, _, _ := purego.SyscallN(l.primaryRetain, uintptr(unsafe.Pointer(&c)), uintptr(d))
	return c, driver.Result(int32(r))
}

func (l *library) PrimaryContextRelease(d driver.Device) driver.Result {
	return call(l.primaryRelease, uintptr(d))
}

func (l *library) SetCurrent(c driver.Context) driver.Result { return call(l.setCurrent, uintptr(c)) }

func (l *library) ModuleLoad(ptx []byte) (driver.Module, string, driver.Result) {
	const errorLog, errorSize = 5, 6 // CU_JIT_ERROR_LOG_BUFFER and …_SIZE_BYTES
	text := append(append(make([]byte, 0, len(ptx)+1), ptx...), 0)
	log := make([]byte, 8<<10)
	options := [2]int32{errorLog, errorSize}
	values := [2]uintptr{uintptr(unsafe.Pointer(&log[0])), uintptr(len(log))}
	var pin runtime.Pinner
	pin.Pin(&log[0])
	defer pin.Unpin()
	var m driver.Module
	r, _, _ := purego.SyscallN(l.moduleLoad, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&text[0])), uintptr(len(options)), uintptr(unsafe.Pointer(&options[0])), uintptr(unsafe.Pointer(&values[0])))
	said, _, _ := strings.Cut(string(log), "\x00")
	return m, strings.TrimSpace(said), driver.Result(int32(r))
}

func (l *library) ModuleFunction(m driver.Module, name string) (driver.Function, driver.Result) {
	text := append([]byte(name), 0)
	var f driver.Function
	r, _, _ := purego.SyscallN(l.moduleGetFunction, uintptr(unsafe.Pointer(&f)), uintptr(m), uintptr(unsafe.Pointer(&text[0])))
	return f, driver.Result(int32(r))
}

func (l *library) ModuleUnload(m driver.Module) driver.Result {
	return call(l.moduleUnload, uintptr(m))
}

func (l *library) Launch(f driver.Function, grid, block [3]uint32, shared uint32, s driver.Stream, params []unsafe.Pointer) driver.Result {
	return launch(l.launchKernel, uintptr(f), uintptr(grid[0]), uintptr(grid[1]), uintptr(grid[2]),
		uintptr(block[0]), uintptr(block[1]), uintptr(block[2]), uintptr(shared), uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(params))))
}

// launch is call with the arguments of cuLaunchKernel, of which params is a pointer.
//
//go:uintptrescapes
func launch(to, f, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, params uintptr) driver.Result {
	return call(to, f, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, params, 0)
}
