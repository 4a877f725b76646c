package cuda

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
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

// parameters holds the arguments of a launch and the pointers to them that the driver reads.
// The driver copies them before the call returns, so the next launch uses them again.
type parameters struct {
	mems   []driver.Ptr
	values []byte
	list   []unsafe.Pointer
}

var spare = sync.Pool{New: func() any { return &parameters{} }}

// maxGrid is the largest number of blocks along each axis.
var maxGrid = [3]int{math.MaxInt32, 65535, 65535}

func (s *stream) run(p *kernels.Program, groups [3]int, buffers []hal.Buffer, values []byte) error {
	d := s.dev
	if err := p.CheckArguments(buffers, values); err != nil {
		return err
	}
	var grid, block [3]uint32
	empty := false
	for i, g := range groups {
		if g < 0 || p.Group[i] < 1 {
			return fmt.Errorf("%s: %v groups of %v work items", p.Name, groups, p.Group)
		}
		if g > maxGrid[i] {
			return hal.ErrUnsupported
		}
		empty = empty || g == 0
		grid[i], block[i] = uint32(g), uint32(p.Group[i])
	}
	q := spare.Get().(*parameters)
	defer spare.Put(q)
	q.mems, q.list, q.values = q.mems[:0], q.list[:0], append(q.values[:0], values...)
	fault := -1
	for i, b := range buffers {
		if b == nil {
			fault, q.mems = i, append(q.mems, 0)
			continue
		}
		mem, err := d.window(b, 0, 0)
		if err != nil {
			return fmt.Errorf("buffer %d: %w", i, err)
		}
		q.mems = append(q.mems, mem)
	}
	for i := range q.mems {
		q.list = append(q.list, unsafe.Pointer(&q.mems[i]))
	}
	if len(values) > 0 {
		q.list = append(q.list, unsafe.Pointer(&q.values[0]))
	}
	if err := d.use(); err != nil {
		return err
	}
	defer d.leave()
	if empty {
		return nil
	}
	if fault >= 0 {
		var err error
		if q.mems[fault], err = d.faults.Memory(); err != nil {
			return err
		}
	}
	c, err := d.compiled(p)
	if err != nil {
		return err
	}
	r := d.drv.Launch(c.function, grid, block, 0, d.queue, q.list)
	if r == driver.OutOfMemory { // the pool gives back what it keeps
		if err := d.finish(); err != nil {
			return err
		}
		d.pool.Flush()
		r = d.drv.Launch(c.function, grid, block, 0, d.queue, q.list)
	}
	if r != driver.Success {
		return fmt.Errorf("%s, %v groups of %v: %w", p.Name, groups, p.Group, d.check("cuLaunchKernel", r))
	}
	if fault >= 0 {
		d.faults.Arm()
	}
	return nil
}
