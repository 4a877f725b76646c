package cpu

import (
	"runtime"
	"slices"

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

// families is what adds kernels to a new device.
var families []func(*device)

// declare adds a kernel file's kernels to every device; init functions call it.
func declare(f func(*device)) { families = append(families, f) }

// run is the body of a kernel.
type run func(*hal.Call) error

// add registers one kernel for dense views. accepts may be nil.
func (d *device) add(op string, t dtype.Type, accepts func(*hal.Call) bool, f run) {
	d.register(op, t, hal.Dense, d.priority(t), accepts, f)
}

// addStrided registers one kernel for views of any strides.
func (d *device) addStrided(op string, t dtype.Type, accepts func(*hal.Call) bool, f run) {
	d.register(op, t, hal.Strided, hal.Generic, accepts, f)
}

// priority: what is built on assembly for this level is native.
func (d *device) priority(t dtype.Type) int {
	if d.level != cpufeat.Generic && t == dtype.F32 {
		return hal.Native
	}
	return hal.Generic
}

func (d *device) register(op string, t dtype.Type, l hal.Layout, priority int, accepts func(*hal.Call) bool, f run) {
	name := op
	if t != dtype.Invalid {
		name += "_" + t.String()
	}
	if l == hal.Strided {
		name += "_strided"
	}
	name += "_" + d.level.String()
	d.Kernels().Add(&hal.Kernel{
		Key: hal.Key{Op: op, DType: t, Layout: l}, Name: name, Priority: priority, Accepts: accepts,
		Run: func(_ hal.Stream, c *hal.Call) error { return f(c) },
	})
}

// addFloats registers a dense kernel for f32 and, by way of f32, for the 16-bit
// floats: their operands are widened, the f32 kernel runs, and results are
// rounded once.
func (d *device) addFloats(op string, accepts func(*hal.Call) bool, f run) {
	d.add(op, dtype.F32, accepts, f)
	for _, t := range halves {
		d.add(op, t, accepts, d.lifted(f))
	}
}

var halves = []dtype.Type{dtype.F16, dtype.BF16}

// lifted runs an f32 kernel on 16-bit operands.
func (d *device) lifted(f run) run {
	return func(c *hal.Call) error {
		wide := *c
		wide.In, wide.Out = slices.Clone(c.In), slices.Clone(c.Out)
		var used []hal.Buffer
		defer func() {
			for _, b := range used {
				b.Free()
			}
		}()
		for _, views := range [][]hal.View{wide.In, wide.Out} {
			for i := range views {
				v := &views[i]
				if !slices.Contains(halves, v.DType) {
					continue
				}
				buf, err := d.Alloc(v.Elements() * 4)
				if err != nil {
					return err
				}
				used = append(used, buf)
				v.Buf, v.DType, v.Offset = buf, dtype.F32, 0
			}
		}
		for i, v := range wide.In {
			if v.DType != c.In[i].DType {
				d.convert(v, c.In[i])
			}
		}
		if err := f(&wide); err != nil {
			return err
		}
		for i, v := range wide.Out {
			if v.DType != c.Out[i].DType {
				d.convert(c.Out[i], v)
			}
		}
		return nil
	}
}

// convert casts between dense views of one shape.
func (d *device) convert(dst, src hal.View) {
	out, in := memory(dst), memory(src)
	do, si := dst.DType.Size(), src.DType.Size()
	d.chunks(dst.Elements(), grain, func(lo, hi int) {
		dtype.Convert(out[lo*do:hi*do], dst.DType, in[lo*si:hi*si], src.DType)
	})
}

// grain is the number of elements in a chunk of cheap elementwise work: enough
// to be worth handing to another thread, few enough to share out evenly.
const grain = 1 << 14

// chunks cuts 0..n into pieces of at most size elements and runs f on each,
// spread over the threads. Where the cuts are depends on n and size alone.
func (d *device) chunks(n, size int, f func(lo, hi int)) {
	if n <= size {
		if n > 0 {
			f(0, n)
		}
		return
	}
	d.workers.For((n+size-1)/size, func(i int) { f(i*size, min((i+1)*size, n)) })
}

// rows runs f on ranges of rows of the given width, so that a chunk has about
// grain elements.
func (d *device) rows(n, width int, f func(lo, hi int)) {
	d.chunks(n, max(1, grain/max(width, 1)), f)
}
