//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

// binary returns the machine code that the driver made of a program, nil if the driver does
// not give it away.
func (d *Device) binary(program uintptr) []byte {
	const binarySizes, binaries = 0x1165, 0x1166 // CL_PROGRAM_BINARY_SIZES, CL_PROGRAM_BINARIES
	var size uintptr
	if r, _, _ := purego.SyscallN(d.lib.getProgramInfo, program, binarySizes, unsafe.Sizeof(size), uintptr(unsafe.Pointer(&size)), 0); int32(r) != 0 || size == 0 {
		return nil
	}
	b := make([]byte, size)
	at := &b[0]
	if r, _, _ := purego.SyscallN(d.lib.getProgramInfo, program, binaries, unsafe.Sizeof(at), uintptr(unsafe.Pointer(&at)), 0); int32(r) != 0 {
		return nil
	}
	return b
}

// fromBinary builds a program from such a binary, and its kernel.
func (d *Device) fromBinary(b []byte, name string) (program, kernel uintptr, err error) {
	var code, binaryStatus int32
	size, at := uintptr(len(b)), &b[0]
	program, _, _ = purego.SyscallN(d.lib.createProgramWithBinary, d.context, 1, uintptr(unsafe.Pointer(&d.device)), uintptr(unsafe.Pointer(&size)),
		uintptr(unsafe.Pointer(&at)), uintptr(unsafe.Pointer(&binaryStatus)), uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return 0, 0, &callError{call: "clCreateProgramWithBinary", code: status(code)}
	}
	if err := d.buildProgram(program); err != nil {
		purego.SyscallN(d.lib.releaseProgram, program)
		return 0, 0, err
	}
	kernel, err = d.entryPoint(program, name)
	return program, kernel, err
}
