//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"

	"github.com/crease-ml/crease/hal"
)

// status is a result code of the OpenCL library.
type status int32

// The codes that are told apart.
const (
	success               status = 0
	deviceNotFound        status = -1
	deviceNotAvailable    status = -2
	memAllocationFailure  status = -4
	outOfResources        status = -5
	outOfHostMemory       status = -6
	profilingNotAvailable status = -7
	buildProgramFailure   status = -11
	execStatusError       status = -14
	invalidCommandQueue   status = -36
	invalidBufferSize     status = -61
	platformNotFound      status = -1001 // of the ICD loader
)

// codes holds the names of the result codes in CL/cl.h, without the prefix CL_.
var codes = map[status]string{
	deviceNotFound: "DEVICE_NOT_FOUND", deviceNotAvailable: "DEVICE_NOT_AVAILABLE", -3: "COMPILER_NOT_AVAILABLE",
	memAllocationFailure: "MEM_OBJECT_ALLOCATION_FAILURE", outOfResources: "OUT_OF_RESOURCES", outOfHostMemory: "OUT_OF_HOST_MEMORY",
	profilingNotAvailable: "PROFILING_INFO_NOT_AVAILABLE", -8: "MEM_COPY_OVERLAP", buildProgramFailure: "BUILD_PROGRAM_FAILURE",
	-12: "MAP_FAILURE", -13: "MISALIGNED_SUB_BUFFER_OFFSET", execStatusError: "EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
	-15: "COMPILE_PROGRAM_FAILURE", -16: "LINKER_NOT_AVAILABLE", -17: "LINK_PROGRAM_FAILURE", -19: "KERNEL_ARG_INFO_NOT_AVAILABLE",
	-30: "INVALID_VALUE", -31: "INVALID_DEVICE_TYPE", -32: "INVALID_PLATFORM", -33: "INVALID_DEVICE", -34: "INVALID_CONTEXT",
	-35: "INVALID_QUEUE_PROPERTIES", invalidCommandQueue: "INVALID_COMMAND_QUEUE", -37: "INVALID_HOST_PTR", -38: "INVALID_MEM_OBJECT",
	-42: "INVALID_BINARY", -43: "INVALID_BUILD_OPTIONS", -44: "INVALID_PROGRAM", -45: "INVALID_PROGRAM_EXECUTABLE",
	-46: "INVALID_KERNEL_NAME", -47: "INVALID_KERNEL_DEFINITION", -48: "INVALID_KERNEL", -49: "INVALID_ARG_INDEX",
	-50: "INVALID_ARG_VALUE", -51: "INVALID_ARG_SIZE", -52: "INVALID_KERNEL_ARGS", -53: "INVALID_WORK_DIMENSION",
	-54: "INVALID_WORK_GROUP_SIZE", -55: "INVALID_WORK_ITEM_SIZE", -56: "INVALID_GLOBAL_OFFSET", -57: "INVALID_EVENT_WAIT_LIST",
	-58: "INVALID_EVENT", -59: "INVALID_OPERATION", invalidBufferSize: "INVALID_BUFFER_SIZE", -63: "INVALID_GLOBAL_WORK_SIZE",
	-64: "INVALID_PROPERTY", platformNotFound: "PLATFORM_NOT_FOUND_KHR",
}

func (s status) String() string {
	if name, ok := codes[s]; ok {
		return fmt.Sprintf("CL_%s (%d)", name, int32(s))
	}
	return fmt.Sprintf("error %d", int32(s))
}

// callError is returned when a function of the library fails.
type callError struct {
	call string
	code status
	lost bool // the queue failed with it
}

func (e *callError) Error() string { return e.call + ": " + e.code.String() }

// Is makes the codes what callers of hal test for.
func (e *callError) Is(target error) bool {
	switch target {
	case hal.ErrDeviceLost:
		return e.lost && e.code != memAllocationFailure || fatal(e.code)
	case hal.ErrOutOfMemory:
		return e.code == memAllocationFailure || !e.lost && short(e.code)
	}
	return false
}

// short reports whether a code says that memory is short. The command was refused then, but
// the queue still works.
func short(c status) bool {
	return c == memAllocationFailure || c == outOfResources || c == outOfHostMemory || c == invalidBufferSize
}

// fatal reports whether nothing on the queue will work after a code.
func fatal(c status) bool {
	return c == deviceNotAvailable || c == invalidCommandQueue || c == execStatusError
}

// check turns a result into an error.
func check(call string, r uintptr) error {
	if code := status(int32(r)); code != success {
		return &callError{call: call, code: code}
	}
	return nil
}
