package driver

import "fmt"

// Result is a CUresult.
type Result int32

// The results that are told apart.
const (
	Success            Result = 0
	InvalidValue       Result = 1
	OutOfMemory        Result = 2
	NotInitialized     Result = 3
	Deinitialized      Result = 4
	NoDevice           Result = 100
	InvalidDevice      Result = 101
	InvalidImage       Result = 200
	InvalidContext     Result = 201
	ECCUncorrectable   Result = 214
	InvalidPTX         Result = 218
	UnsupportedPTX     Result = 222
	InvalidHandle      Result = 400
	NotFound           Result = 500
	NotReady           Result = 600
	IllegalAddress     Result = 700
	OutOfResources     Result = 701
	LaunchTimeout      Result = 702
	Assert             Result = 710
	HardwareStack      Result = 714
	IllegalInstruction Result = 715
	MisalignedAddress  Result = 716
	InvalidAddrSpace   Result = 717
	InvalidPC          Result = 718
	LaunchFailed       Result = 719
	NotPermitted       Result = 800
	NotSupported       Result = 801
	Unknown            Result = 999
)

var names = map[Result]string{
	InvalidValue: "INVALID_VALUE", OutOfMemory: "OUT_OF_MEMORY", NotInitialized: "NOT_INITIALIZED", Deinitialized: "DEINITIALIZED",
	34: "STUB_LIBRARY", 46: "DEVICE_UNAVAILABLE", NoDevice: "NO_DEVICE", InvalidDevice: "INVALID_DEVICE", InvalidImage: "INVALID_IMAGE",
	InvalidContext: "INVALID_CONTEXT", 209: "NO_BINARY_FOR_GPU", ECCUncorrectable: "ECC_UNCORRECTABLE", InvalidPTX: "INVALID_PTX",
	220: "NVLINK_UNCORRECTABLE", 221: "JIT_COMPILER_NOT_FOUND", UnsupportedPTX: "UNSUPPORTED_PTX_VERSION", InvalidHandle: "INVALID_HANDLE",
	NotFound: "NOT_FOUND", NotReady: "NOT_READY", IllegalAddress: "ILLEGAL_ADDRESS", OutOfResources: "LAUNCH_OUT_OF_RESOURCES",
	LaunchTimeout: "LAUNCH_TIMEOUT", Assert: "ASSERT", HardwareStack: "HARDWARE_STACK_ERROR", IllegalInstruction: "ILLEGAL_INSTRUCTION",
	MisalignedAddress: "MISALIGNED_ADDRESS", InvalidAddrSpace: "INVALID_ADDRESS_SPACE", InvalidPC: "INVALID_PC", LaunchFailed: "LAUNCH_FAILED",
	NotPermitted: "NOT_PERMITTED", NotSupported: "NOT_SUPPORTED", 802: "SYSTEM_NOT_READY", 803: "SYSTEM_DRIVER_MISMATCH",
	804: "COMPAT_NOT_SUPPORTED_ON_DEVICE", Unknown: "UNKNOWN",
}

func (r Result) String() string {
	if r == Success {
		return "CUDA_SUCCESS"
	}
	if name, ok := names[r]; ok {
		return fmt.Sprintf("CUDA_ERROR_%s (%d)", name, int32(r))
	}
	return fmt.Sprintf("CUDA error %d", int32(r))
}

// Sticky results are of a context that will never work again.
func (r Result) Sticky() bool {
	switch r {
	case Deinitialized, InvalidContext, ECCUncorrectable, 220, IllegalAddress, LaunchTimeout, Assert, HardwareStack, IllegalInstruction,
		MisalignedAddress, InvalidAddrSpace, InvalidPC, LaunchFailed, 46, Unknown:
		return true
	}
	return false
}
