// Package driver is the part of CUDA's driver API that crease uses, as an interface, so
// that the backend does not know whether a GPU is behind it.
//
// Package libcuda calls NVIDIA's library, and package emulate runs PTX on the processor.
// A method is named for the function that it stands for, without its cu and its version;
// it takes and gives what that does, a [Result] last. Streams are named explicitly, and
// the default stream is not used.
package driver

import "unsafe"

// Handles of the driver. Zero is none.
type (
	Ptr      uint64 // an address in device memory
	Device   int32
	Context  uintptr
	Stream   uintptr
	Event    uintptr
	Module   uintptr
	Function uintptr
)

// Attribute is a question about a device.
type Attribute int32

// Attributes, by their numbers in cuda.h.
const (
	MaxThreadsPerBlock   Attribute = 1
	MaxSharedPerBlock    Attribute = 8
	MultiprocessorCount  Attribute = 16
	CapabilityMajor      Attribute = 75
	CapabilityMinor      Attribute = 76
	MemoryPoolsSupported Attribute = 115
	EventWithoutTiming   uint32    = 2 // CU_EVENT_DISABLE_TIMING
	StreamNonBlocking    uint32    = 1 // CU_STREAM_NON_BLOCKING
	HostAllocPortable    uint32    = 1 // CU_MEMHOSTALLOC_PORTABLE
)

// Driver is the functions. Those that work on memory, streams, events, modules and
// launches want a context to be current on the calling thread.
type Driver interface {
	// Name says what this is, for people: "libcuda.so.1".
	Name() string
	Init() Result
	DriverVersion() (int, Result) // 12040 is 12.4

	DeviceCount() (int, Result)
	DeviceGet(ordinal int) (Device, Result)
	DeviceName(Device) (string, Result)
	DeviceAttribute(Attribute, Device) (int, Result)
	DeviceMemory(Device) (int, Result)

	PrimaryContextRetain(Device) (Context, Result)
	PrimaryContextRelease(Device) Result
	SetCurrent(Context) Result

	MemFree(Ptr) Result
	// MemAllocAsync and MemFreeAsync are ordered in the stream.
	MemAllocAsync(bytes int, s Stream) (Ptr, Result)
	MemFreeAsync(Ptr, Stream) Result
	// HostAlloc gives pinned memory of the host.
	HostAlloc(bytes int) (unsafe.Pointer, Result)
	HostFree(unsafe.Pointer) Result

	// CopyIn copies from host memory to the device. It returns when pageable memory has
	// been read; pinned memory may be read later.
	CopyIn(dst Ptr, src unsafe.Pointer, bytes int, s Stream) Result
	// CopyOut copies to host memory. It returns when pageable memory has been written;
	// pinned memory may be written later.
	CopyOut(dst unsafe.Pointer, src Ptr, bytes int, s Stream) Result
	Copy(dst, src Ptr, bytes int, s Stream) Result

	StreamCreate(flags uint32) (Stream, Result)
	StreamDestroy(Stream) Result
	StreamSynchronize(Stream) Result

	EventCreate(flags uint32) (Event, Result)
	EventDestroy(Event) Result
	EventRecord(Event, Stream) Result
	EventSynchronize(Event) Result
	EventElapsed(from, to Event) (milliseconds float32, r Result)

	// ModuleLoad has PTX compiled. The log is what the compiler said.
	ModuleLoad(ptx []byte) (m Module, log string, r Result)
	ModuleFunction(Module, string) (Function, Result)
	ModuleUnload(Module) Result
	// Launch runs a kernel. Parameters are pointers to the values, in the order of the
	// kernel's; they are read before it returns.
	Launch(f Function, grid, block [3]uint32, shared uint32, s Stream, params []unsafe.Pointer) Result
}

// Explainer (optional) says more of the last failure than its code.
type Explainer interface{ Explain() string }
