package cpu

import (
	"runtime"

	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/internal/parallel"
)

// device is the processor at one instruction-set level.
type device struct {
	*hostdev.Device
	level   cpufeat.Level
	workers *parallel.Pool
	gemm    *gemm.Context
	vec     *vec.Funcs
	peaks   peaks

	fusions fusions
}

func newDevice(name string, level cpufeat.Level, threads int) *device {
	workers := parallel.New(threads)
	d := &device{
		Device:  hostdev.New(info(name, level, threads)),
		level:   level,
		workers: workers,
		gemm:    gemm.NewContext(workers, level),
		vec:     vec.For(level),
	}
	d.Outer = d
	d.Stop = func() error {
		workers.Close()
		return nil
	}
	for _, f := range families {
		f(d)
	}
	return d
}

func info(name string, level cpufeat.Level, threads int) hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, t := range dtype.All() {
		types[t] = hal.Arithmetic
	}
	types[dtype.F8E4M3], types[dtype.F8E5M2] = hal.Storage, hal.Storage
	types[dtype.F32], types[dtype.F64] = hal.Accelerated, hal.Accelerated
	model := cpufeat.Model()
	if model == "" {
		model = runtime.GOARCH
	}
	return hal.Info{
		Name: name, Kind: kind, Arch: level.String(), Description: model, Threads: threads,
		Memory: hostmem.Total(), Alignment: hostmem.Alignment, DTypes: types,
	}
}

// grain is the number of elements in a chunk of cheap elementwise work: enough
// to be worth handing to another thread, few enough to share out evenly.
const grain = 1 << 14

// chunks cuts 0..n into pieces of at most size elements and runs f on each,
// spread over the threads. Where the cuts are depends on n and size alone.
func (d *device) chunks(n, size int, f func(lo, hi int)) { d.workers.Ranges(n, size, f) }

// rows runs f on ranges of rows of the given width, so that a chunk has about
// grain elements.
func (d *device) rows(n, width int, f func(lo, hi int)) {
	d.chunks(n, max(1, grain/max(width, 1)), f)
}
