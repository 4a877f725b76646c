package exec

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// launches numbers the kernels that run, over all devices.
var launches atomic.Int64

// planned prints how a new plan is served, and what the cache has done so far: a program
// that goes on planning has shapes that never repeat.
func (e *Engine) planned(p *Plan) {
	if !debug.On(debug.Devices) {
		return
	}
	what := p.step.String()
	switch {
	case p.view:
		what = "view"
	case p.launch != nil && p.step == Kernel:
		what = p.launch.Kernel.Name
	case p.launch != nil:
		what += " " + p.launch.Kernel.Name
	}
	c := &e.plans
	debug.Printf("%-10s plan %s %s by %s (%d planned, %d found, %d dropped)", e.name, p.op.Name, shapes(p.in, p.out), what, c.misses, c.hits, c.evictions)
}

// traced launches a kernel; at debug level 2 it waits for it and prints a line:
// device, number, kernel, shapes, time, GFLOP/s and share of peak, GB/s. e.mu is held.
func (e *Engine) traced(p *Plan, at []hal.Operand, work hal.Buffer) error {
	if !debug.On(debug.Kernels) {
		return e.stream.Launch(p.launch, at, work)
	}
	return trace(e.dev, e.stream, p.launch, p.op, p.attrs, p.in, p.out, func() error { return e.stream.Launch(p.launch, at, work) })
}

// trace times what launches a kernel, from an idle stream to an idle stream.
func trace(dev hal.Device, s hal.Stream, l *hal.Launch, op *ops.Op, attrs any, in, out []*Layout, launch func() error) error {
	if err := s.Sync(); err != nil {
		return err
	}
	start := time.Now()
	err := launch()
	if err == nil {
		err = s.Sync()
	}
	took := time.Since(start)
	if err != nil {
		return err
	}
	cost := op.Cost(attrs, ops.SpecsOf(in), ops.SpecsOf(out))
	line := fmt.Sprintf("%-10s %6d %-28s %-30s %10s", dev.Info().Name, launches.Add(1), l.Kernel.Name, shapes(in, out), took.Round(100*time.Nanosecond))
	if cost.Flops > 0 {
		line += fmt.Sprintf(" %8.2f GFLOP/s", cost.Flops/float64(took.Nanoseconds()))
		if p := peak(dev, out[0].spec.DType); p > 0 {
			line += fmt.Sprintf(" %3.0f%% peak", 100*cost.Flops/took.Seconds()/p)
		}
	}
	debug.Printf("%s %7.2f GB/s", line, cost.Bytes/float64(took.Nanoseconds()))
	return nil
}

func shapes(in, out []*Layout) string {
	s := ""
	for _, l := range in {
		s += shape.String(l.spec.Shape)
	}
	for _, l := range out {
		s += "→" + shape.String(l.spec.Shape)
	}
	return s
}

// peak is the device's measured arithmetic limit in flop/s, 0 when unknown.
func peak(dev hal.Device, t dtype.Type) float64 {
	if p, ok := dev.(hal.Peaker); ok {
		return p.PeakFlops(t)
	}
	return 0
}
