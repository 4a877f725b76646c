package tpu

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/internal/parallel"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// Device is an emulated core. Its off-chip memory is the host's.
type Device struct {
	*hostdev.Device
	cfg    *arch.Config
	values bool
	clock  clock
	fused  fusions

	mu      sync.Mutex // held by the launch that has the core
	machine *sim.Machine
	observe func(Observed)
}

// Observed is a program that the device has run.
type Observed struct {
	Op, Shape string // of the call
	Program   *isa.Program
	Limits    isa.Limits
	Cycles    int64
}

// Observe makes the device call f for every program it runs; nil ends that. f must not
// use the device.
func (d *Device) Observe(f func(Observed)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.observe = f
}

// Trains reports whether the device computes in floating point, and not in integers alone.
func (d *Device) Trains() bool { return trains(d.cfg) }

var (
	_ hal.Device = (*Device)(nil)
	_ hal.Timer  = (*Device)(nil)
	_ hal.Clock  = (*Device)(nil)
	_ hal.Mapper = (*Device)(nil)
	_ hal.Peaker = (*Device)(nil)
	_ Counter    = (*Device)(nil)
)

func newDevice(name string, cfg *arch.Config, values bool) (*Device, error) {
	d := &Device{Device: hostdev.New(info(name, cfg)), cfg: cfg, values: values}
	d.Outer = d
	d.clock.cfg = cfg
	// The machine's buffer and accumulators are made when first used: pages that are
	// never touched cost nothing.
	workers := parallel.New(runtime.GOMAXPROCS(0))
	d.Stop = func() error {
		workers.Close()
		return nil
	}
	m, err := sim.New(cfg, sim.Options{TimingOnly: !values, Pool: workers})
	if err != nil {
		workers.Close()
		return nil, err
	}
	d.machine = m
	if trains(cfg) {
		for _, list := range [][]kernel{kernels, expressions()} {
			for _, k := range list {
				d.register(k)
			}
		}
	}
	return d, nil
}

// trains reports whether the chip computes in floating point: bf16 arrays and a vector
// unit that reaches off-chip memory.
func trains(c *arch.Config) bool {
	return c.Vector && c.BufferFromHBM && c.Operand == dtype.BF16
}

// info describes a device. Products of float32 round their operands to bf16, as the
// chips do by default.
func info(name string, c *arch.Config) hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, t := range dtype.All() {
		types[t] = hal.Storage
	}
	i := hal.Info{
		Name: name, Kind: kind, Arch: c.Name, Threads: runtime.GOMAXPROCS(0), Memory: hostmem.Total(), Alignment: hostmem.Alignment, DTypes: types,
		Description: fmt.Sprintf("emulated %d×%d×%d %v array, %v, %d MHz", c.Arrays, c.Rows, c.Cols, c.Operand, c.Dataflow, c.Hertz/1e6),
	}
	if trains(c) {
		types[dtype.F32], types[dtype.BF16], types[dtype.Bool] = hal.Accelerated, hal.Accelerated, hal.Arithmetic
		i.Products = map[dtype.Type]hal.Precision{dtype.F32: {Multiply: 8, Accumulate: 24}, dtype.BF16: {Multiply: 8, Accumulate: 24}}
	}
	return i
}

// Config describes the core.
func (d *Device) Config() *arch.Config { return d.cfg }

// Values reports whether the device computes values, and not time alone.
func (d *Device) Values() bool { return d.values }

// PeakFlops is the peak of the emulated core, which is not that of the host.
func (d *Device) PeakFlops(t dtype.Type) float64 {
	if d.Info().Supports(t) < hal.Accelerated {
		return 0
	}
	return 2 * float64(d.cfg.MACs()) * float64(d.cfg.Hertz)
}

// NoValuesError is a download from a device that counts time alone.
type NoValuesError struct{ Device string }

func (e *NoValuesError) Error() string {
	return fmt.Sprintf("device %s computes no values (values=off), so there is nothing to download: leave values=off out", e.Device)
}
