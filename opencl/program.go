//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/kernels"
)

// built is a compiled program.
type built struct{ program, kernel uintptr }

// options keep arithmetic as IEEE 754 has it: nothing is relaxed.
func (d *Device) options() string {
	o := "-cl-std=CL1.2 -w" // a compiler may write its warnings to our stderr
	if d.number(deviceSingleConfig)&correctlyRoundedDivide != 0 {
		o += " -cl-fp32-correctly-rounded-divide-sqrt"
	}
	return o
}

// build compiles a program on first use, from the cache on disk if it is there.
// The caller holds the device's lock.
func (d *Device) build(p *kernels.Program) (*built, error) {
	if b, ok := d.built[p]; ok {
		return b, nil
	}
	options := d.options()
	key := d.cacheKey(p.Source, options)
	program, err := d.fromCache(key, options)
	if err != nil {
		if program, err = d.compile(p, options); err != nil {
			return nil, d.failure(err)
		}
		d.toCache(key, program)
	}
	var code int32
	name := append([]byte(p.Name), 0)
	kernel, _, _ := purego.SyscallN(d.lib.createKernel, program, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		purego.SyscallN(d.lib.releaseProgram, program)
		return nil, d.failure(&callError{"clCreateKernel " + p.Name, status(code)})
	}
	b := &built{program, kernel}
	d.built[p] = b
	return b, nil
}

func (d *Device) compile(p *kernels.Program, options string) (uintptr, error) {
	var code int32
	source := append([]byte(p.Source), 0)
	text := &source[0]
	program, _, _ := purego.SyscallN(d.lib.createProgramWithSource, d.context, 1, uintptr(unsafe.Pointer(&text)), 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return 0, &callError{"clCreateProgramWithSource", status(code)}
	}
	if err := d.buildProgram(program, options); err != nil {
		log := d.buildLog(program)
		purego.SyscallN(d.lib.releaseProgram, program)
		return 0, fmt.Errorf("program %s does not compile: %w\n%s", p.Name, err, log)
	}
	return program, nil
}

func (d *Device) buildProgram(program uintptr, options string) error {
	o := append([]byte(options), 0)
	r, _, _ := purego.SyscallN(d.lib.buildProgram, program, 1, uintptr(unsafe.Pointer(&d.device)), uintptr(unsafe.Pointer(&o[0])), 0, 0)
	return check("clBuildProgram", r)
}

// buildLog is what the compiler said.
func (d *Device) buildLog(program uintptr) string {
	const buildLog = 0x1183
	var n uintptr
	if r, _, _ := purego.SyscallN(d.lib.getProgramBuildInfo, program, d.device, buildLog, 0, 0, uintptr(unsafe.Pointer(&n))); int32(r) != 0 || n == 0 {
		return ""
	}
	b := make([]byte, n)
	purego.SyscallN(d.lib.getProgramBuildInfo, program, d.device, buildLog, n, uintptr(unsafe.Pointer(&b[0])), 0)
	return strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
}
