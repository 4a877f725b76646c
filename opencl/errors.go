//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"

	"github.com/crease-ml/crease/hal"
)

// status is a result code of the library.
type status int32

const (
	success                 status = 0
	deviceNotFound          status = -1
	memObjectAllocFailure   status = -4
	outOfResources          status = -5
	outOfHostMemory         status = -6
	buildProgramFailure     status = -11
	platformNotFound        status = -1001 // of the ICD loader
	invalidCommandQueue     status = -36
	deviceNotAvailable      status = -2
	invalidBufferSize       status = -61
	execStatusError         status = -14
	invalidKernelArgs       status = -52
	invalidWorkGroupSize    status = -54
	invalidMemObject        status = -38
	invalidArgIndex         status = -49
	invalidArgSize          status = -51
	invalidKernelName       status = -46
	invalidProgramExecuable status = -45
	invalidBinary           status = -42
	invalidContext          status = -34
	invalidValue            status = -30
)

var names = map[status]string{
	deviceNotFound: "DEVICE_NOT_FOUND", deviceNotAvailable: "DEVICE_NOT_AVAILABLE", memObjectAllocFailure: "MEM_OBJECT_ALLOCATION_FAILURE",
	outOfResources: "OUT_OF_RESOURCES", outOfHostMemory: "OUT_OF_HOST_MEMORY", buildProgramFailure: "BUILD_PROGRAM_FAILURE",
	execStatusError: "EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", invalidCommandQueue: "INVALID_COMMAND_QUEUE",
	invalidBufferSize: "INVALID_BUFFER_SIZE", invalidKernelArgs: "INVALID_KERNEL_ARGS", invalidWorkGroupSize: "INVALID_WORK_GROUP_SIZE",
	invalidMemObject: "INVALID_MEM_OBJECT", invalidArgIndex: "INVALID_ARG_INDEX", invalidArgSize: "INVALID_ARG_SIZE",
	invalidKernelName: "INVALID_KERNEL_NAME", invalidProgramExecuable: "INVALID_PROGRAM_EXECUTABLE", invalidBinary: "INVALID_BINARY",
	invalidContext: "INVALID_CONTEXT", invalidValue: "INVALID_VALUE", platformNotFound: "PLATFORM_NOT_FOUND_KHR",
}

// callError is a function of the library that failed.
type callError struct {
	call string
	code status
}

func (e *callError) Error() string {
	if name, ok := names[e.code]; ok {
		return fmt.Sprintf("%s: CL_%s (%d)", e.call, name, e.code)
	}
	return fmt.Sprintf("%s: error %d", e.call, e.code)
}

// Is makes the codes what callers of hal test for.
func (e *callError) Is(target error) bool {
	switch target {
	case hal.ErrOutOfMemory:
		return e.code == memObjectAllocFailure || e.code == outOfHostMemory || e.code == invalidBufferSize ||
			e.code == outOfResources && e.call == "clCreateBuffer"
	case hal.ErrDeviceLost:
		return e.code == deviceNotAvailable || e.code == invalidCommandQueue || e.code == execStatusError ||
			e.code == outOfResources && e.call != "clCreateBuffer"
	}
	return false
}

// check turns a result into an error.
func check(call string, r uintptr) error {
	if code := status(int32(r)); code != success {
		return &callError{call, code}
	}
	return nil
}
