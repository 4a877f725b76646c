//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/compiling"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/kernels"
)

// compiled holds a program as a device has compiled it. Whoever runs the program first
// compiles it. If that fails, the error is kept and returned to all who follow.
type compiled struct {
	once            sync.Once
	err             error
	program, kernel uintptr
	mu              sync.Mutex // of the kernel's arguments, until the launch is queued
}

func (c *compiled) release(lib *library) {
	if c.kernel != 0 {
		purego.SyscallN(lib.releaseKernel, c.kernel)
		purego.SyscallN(lib.releaseProgram, c.program)
	}
}

// compilerOptions keep arithmetic as IEEE 754 has it: nothing is relaxed, and
// divisions and roots are rounded correctly where the device can.
func (f found) compilerOptions() string {
	o := "-cl-std=CL1.2 -w" // compilers write their warnings to our standard error
	if f.number(deviceSingleConfig)&correctlyRoundedDivide != 0 {
		o += " -cl-fp32-correctly-rounded-divide-sqrt"
	}
	return o
}

// compiled returns a program in compiled form. It compiles it on first use.
func (d *Device) compiled(p *kernels.Program) (*compiled, error) {
	v, ok := d.programs.Load(p)
	if !ok {
		v, _ = d.programs.LoadOrStore(p, &compiled{})
	}
	c := v.(*compiled)
	c.once.Do(func() {
		d.compiler.Lock()
		defer d.compiler.Unlock()
		c.program, c.kernel, c.err = d.build(p)
	})
	return c, c.err
}

// build makes a program from the cache on disk or, where that has none or a broken
// one, from its source.
func (d *Device) build(p *kernels.Program) (program, kernel uintptr, err error) {
	switch {
	case p.Dialect != kernels.OpenCL:
		return 0, 0, fmt.Errorf("%s is written in %v, and the device reads %v", p.Name, p.Dialect, kernels.OpenCL)
	case p.F64 && !d.doubles():
		return 0, 0, fmt.Errorf("%s computes in double precision, and the device has none (cl_khr_fp64): %w", p.Name, hal.ErrUnsupported)
	}
	entry := d.cacheEntry(p)
	if b := entry.load(); b != nil {
		if program, kernel, err = d.fromBinary(b, p.Name); err == nil {
			d.show(p, "found compiled")
			return program, kernel, nil
		}
	}
	d.show(p, "compiling")
	defer compiling.Begin(p.Name)()
	if program, err = d.fromSource(p); err != nil {
		return 0, 0, err
	}
	if kernel, err = d.entryPoint(program, p.Name); err != nil {
		return 0, 0, err
	}
	entry.store(d.binary(program))
	return program, kernel, nil
}

// show prints the source of a program at debug level 4.
func (d *Device) show(p *kernels.Program, what string) {
	if debug.On(debug.Sources) {
		debug.Program(d.info.Name, what, p.Name, p.Source)
	}
}

// entryPoint returns a program's kernel of that name. If there is none, it releases the program.
func (d *Device) entryPoint(program uintptr, name string) (uintptr, error) {
	var code int32
	text := append([]byte(name), 0)
	kernel, _, _ := purego.SyscallN(d.lib.createKernel, program, uintptr(unsafe.Pointer(&text[0])), uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		purego.SyscallN(d.lib.releaseProgram, program)
		return 0, &callError{call: "clCreateKernel " + name, code: status(code)}
	}
	return kernel, nil
}

func (d *Device) fromSource(p *kernels.Program) (uintptr, error) {
	var code int32
	source := append([]byte(p.Source), 0)
	text := &source[0]
	program, _, _ := purego.SyscallN(d.lib.createProgramWithSource, d.context, 1, uintptr(unsafe.Pointer(&text)), 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return 0, &callError{call: "clCreateProgramWithSource", code: status(code)}
	}
	if err := d.buildProgram(program); err != nil {
		log := d.buildLog(program)
		purego.SyscallN(d.lib.releaseProgram, program)
		return 0, fmt.Errorf("program %s does not compile: %w\nThe compiler says:\n%s\nThe source, with the options %s:\n%s", p.Name, err, log, d.options, kernels.Listing(p.Source))
	}
	return program, nil
}

func (d *Device) buildProgram(program uintptr) error {
	options := append([]byte(d.options), 0)
	r, _, _ := purego.SyscallN(d.lib.buildProgram, program, 1, uintptr(unsafe.Pointer(&d.device)), uintptr(unsafe.Pointer(&options[0])), 0, 0)
	return check("clBuildProgram", r)
}

// maxLog bounds what an error shows of a compiler's log, in bytes.
const maxLog = 8 << 10

// buildLog returns what the compiler said about a program.
func (d *Device) buildLog(program uintptr) string {
	const buildLog = 0x1183 // CL_PROGRAM_BUILD_LOG
	var n uintptr
	if r, _, _ := purego.SyscallN(d.lib.getProgramBuildInfo, program, d.device, buildLog, 0, 0, uintptr(unsafe.Pointer(&n))); int32(r) != 0 || n == 0 {
		return "(nothing)"
	}
	b := make([]byte, n)
	purego.SyscallN(d.lib.getProgramBuildInfo, program, d.device, buildLog, n, uintptr(unsafe.Pointer(&b[0])), 0)
	log := strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
	if len(log) > maxLog {
		log = log[:maxLog] + "\n..."
	}
	return log
}
