//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// Run queues a program (kernels.Launcher).
func (s *stream) Run(p *kernels.Program, groups [3]int, buffers []hal.Buffer, values []byte) error {
	err := s.run(p, groups, buffers, values)
	if err == nil || s.kernel != "" {
		return s.failure("run", err)
	}
	s.kernel = p.Name
	defer func() { s.kernel = "" }()
	return s.failure("run", err)
}

func (s *stream) run(p *kernels.Program, groups [3]int, buffers []hal.Buffer, values []byte) error {
	d := s.dev
	if err := p.CheckArguments(buffers, values); err != nil {
		return err
	}
	var size ndrange
	if err := size.set(p, groups); err != nil {
		return err
	}
	mems := make([]uintptr, len(buffers))
	fault := -1
	for i, b := range buffers {
		if b == nil {
			fault = i
			continue
		}
		var err error
		if mems[i], err = d.window(b, 0, 0); err != nil {
			return fmt.Errorf("buffer %d: %w", i, err)
		}
	}
	if err := d.use(); err != nil {
		return err
	}
	defer d.leave()
	if size.empty() {
		return nil
	}
	if fault >= 0 {
		var err error
		if mems[fault], err = d.faults.Memory(); err != nil {
			return err
		}
	}
	c, err := d.compiled(p)
	if err != nil {
		return err
	}
	// Arguments belong to the kernel object, not to the launch.
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.arguments(d.lib, mems, values); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	err = d.enqueue("clEnqueueNDRangeKernel", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueNDRangeKernel, q, c.kernel, 3, 0, uintptr(unsafe.Pointer(&size.global[0])), uintptr(unsafe.Pointer(&size.local[0])), 0, 0, 0)
		return r
	})
	if err != nil {
		return fmt.Errorf("%s, %v groups of %v: %w", p.Name, groups, p.Group, err)
	}
	if fault >= 0 {
		d.faults.Arm()
	}
	return nil
}

// arguments sets the buffers and, after them, the structure of values.
func (c *compiled) arguments(lib *library, mems []uintptr, values []byte) error {
	for i := range mems {
		r, _, _ := purego.SyscallN(lib.setKernelArg, c.kernel, uintptr(i), unsafe.Sizeof(mems[i]), uintptr(unsafe.Pointer(&mems[i])))
		if int32(r) != 0 {
			return &callError{call: fmt.Sprintf("clSetKernelArg %d (a buffer)", i), code: status(int32(r))}
		}
	}
	if len(values) == 0 {
		return nil
	}
	r, _, _ := purego.SyscallN(lib.setKernelArg, c.kernel, uintptr(len(mems)), uintptr(len(values)), uintptr(unsafe.Pointer(&values[0])))
	if int32(r) != 0 {
		return &callError{call: fmt.Sprintf("clSetKernelArg %d (%d bytes of values)", len(mems), len(values)), code: status(int32(r))}
	}
	return nil
}

// ndrange holds the number of work items along each axis, in a group and in the whole launch.
type ndrange struct{ local, global [3]uintptr }

func (n *ndrange) set(p *kernels.Program, groups [3]int) error {
	for i, g := range groups {
		if g < 0 || p.Group[i] < 1 || g > math.MaxInt/p.Group[i] {
			return fmt.Errorf("%s: %v groups of %v work items", p.Name, groups, p.Group)
		}
		n.local[i], n.global[i] = uintptr(p.Group[i]), uintptr(g*p.Group[i])
	}
	return nil
}

func (n *ndrange) empty() bool { return n.global[0] == 0 || n.global[1] == 0 || n.global[2] == 0 }
