package exec

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Debug levels.
const debugKernels = 2 // one line per kernel

var launches atomic.Int64

// traced launches a kernel; at debug level 2 it waits for it and prints a line:
// device, number, kernel, shapes, time, GFLOP/s and share of peak, GB/s.
func (e *Engine) traced(op *ops.Op, k *hal.Kernel, c *hal.Call) error {
	if settings.debug.Load() < debugKernels {
		return e.stream.Launch(k, c)
	}
	if err := e.stream.Sync(); err != nil {
		return err
	}
	start := time.Now()
	err := e.stream.Launch(k, c)
	if err == nil {
		err = e.stream.Sync()
	}
	took := time.Since(start)
	if err != nil {
		return err
	}
	cost := op.Cost(c.Attrs, specsOf(c.In), specsOf(c.Out))
	line := fmt.Sprintf("%-10s %6d %-28s %-30s %10s", e.dev.Info().Name, launches.Add(1), k.Name, shapes(c), took.Round(100*time.Nanosecond))
	if cost.Flops > 0 {
		line += fmt.Sprintf(" %8.2f GFLOP/s", cost.Flops/float64(took.Nanoseconds()))
		if p := peak(e.dev, c.DType()); p > 0 {
			line += fmt.Sprintf(" %3.0f%% peak", 100*cost.Flops/took.Seconds()/p)
		}
	}
	fmt.Fprintf(os.Stderr, "%s %7.2f GB/s\n", line, cost.Bytes/float64(took.Nanoseconds()))
	return nil
}

func specsOf(views []hal.View) []ops.Spec {
	out := make([]ops.Spec, len(views))
	for i, v := range views {
		out[i] = ops.Spec{DType: v.DType, Shape: v.Shape}
	}
	return out
}

func shapes(c *hal.Call) string {
	s := ""
	for _, v := range c.In {
		s += shape.String(v.Shape)
	}
	for _, v := range c.Out {
		s += "→" + shape.String(v.Shape)
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
