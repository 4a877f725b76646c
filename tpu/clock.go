package tpu

import (
	"cmp"
	"slices"
	"sync"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/sim"
)

// Counter (optional) is a device that counts what its hardware does.
type Counter interface {
	// Count is what happened since the device was opened or reset.
	Count() Count
	// ResetCount begins anew.
	ResetCount()
	hal.Pauser
}

// Count is what a device has done.
type Count struct {
	// Core is what its programs counted. Cycles is the sum of their cycles.
	Core sim.Counters

	// Traffic with the host: data, results and operands of ops that ran there.
	HostBytesIn, HostBytesOut int64
	HostTransfers, HostCycles int64
	CopiedBytes, CopyCycles   int64 // within off-chip memory, outside of programs
	Launches                  int64
	Kernels                   []KernelCount // the most cycles first
}

// Cycles is all the time that passed.
func (c *Count) Cycles() int64 { return c.Core.Cycles + c.HostCycles + c.CopyCycles }

// KernelCount is what the calls of a kernel with operands of one shape took.
type KernelCount struct {
	Op    string
	Shape string // of operands and results
	Calls int64
	Core  sim.Counters // of all calls
}

// clock counts. Its methods may be called by several goroutines.
type clock struct {
	cfg    *arch.Config
	mu     sync.Mutex
	cycles int64 // never reset: events are points of it
	paused int
	c      Count
	rows   map[entry]*KernelCount
}

// entry is what calls are counted by.
type entry struct{ op, shape string }

func (k *clock) now() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cycles
}

// ran counts a program.
func (k *clock) ran(e entry, c *sim.Counters) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cycles += c.Cycles
	if k.paused > 0 {
		return
	}
	k.c.Core.Add(c)
	k.c.Launches++
	row := k.rows[e]
	if row == nil {
		if k.rows == nil {
			k.rows = map[entry]*KernelCount{}
		}
		row = &KernelCount{Op: e.op, Shape: e.shape}
		k.rows[e] = row
	}
	row.Calls++
	row.Core.Add(c)
}

// host counts a transfer over the host link.
func (k *clock) host(n int, out bool) {
	if n == 0 {
		return
	}
	cycles := k.cfg.Latency(&k.cfg.Host, out) + k.cfg.HostRate().Cycles(uint64(n))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cycles += cycles
	if k.paused > 0 {
		return
	}
	k.c.HostTransfers++
	k.c.HostCycles += cycles
	if out {
		k.c.HostBytesOut += int64(n)
	} else {
		k.c.HostBytesIn += int64(n)
	}
}

// copied counts a copy within off-chip memory.
func (k *clock) copied(n int) {
	if n == 0 {
		return
	}
	cycles := k.cfg.Latency(&k.cfg.HBM, false) + k.cfg.HBMRate().Cycles(2*uint64(n))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cycles += cycles
	if k.paused == 0 {
		k.c.CopiedBytes += int64(n)
		k.c.CopyCycles += cycles
	}
}

// Count is what the device has done (Counter).
func (d *Device) Count() Count {
	k := &d.clock
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.c
	for _, row := range k.rows {
		out.Kernels = append(out.Kernels, *row)
	}
	slices.SortFunc(out.Kernels, func(a, b KernelCount) int {
		return cmp.Or(cmp.Compare(b.Core.Cycles, a.Core.Cycles), cmp.Compare(a.Op, b.Op), cmp.Compare(a.Shape, b.Shape))
	})
	return out
}

// ResetCount begins anew (Counter).
func (d *Device) ResetCount() {
	k := &d.clock
	k.mu.Lock()
	defer k.mu.Unlock()
	k.c, k.rows = Count{}, nil
}

// PauseCount stops counting (Counter). Time goes on.
func (d *Device) PauseCount() (resume func()) {
	k := &d.clock
	k.mu.Lock()
	defer k.mu.Unlock()
	k.paused++
	return sync.OnceFunc(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.paused--
	})
}
