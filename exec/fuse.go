package exec

import (
	"iter"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Fuser (optional) is a device that computes elementwise expressions in one pass over
// memory: by interpreting them over strips, or by compiling them.
type Fuser interface {
	// Fuse returns a kernel for a row of ops.Fused whose operands, but for truth values,
	// have an element type, or nil where the device has none: the expression needs more
	// registers than it has, say. It is asked for rows of ops.FusedReduce too, which have
	// no Expr but a Producer; their inputs come as they are, not broadcast. The same
	// question has the same answer. Results have the bits that the parts have when each
	// is computed by itself.
	Fuse(op *ops.Op, t dtype.Type) *hal.Kernel
}

// CanFuse reports whether the engine's device has a kernel for a fused row.
func (e *Engine) CanFuse(op *ops.Op, t dtype.Type) bool {
	f, ok := e.dev.(Fuser)
	return ok && f.Fuse(op, t) != nil
}

// fusedKernel gives the device's kernel for the call of a fused row, if it has one.
func (e *Engine) fusedKernel(op *ops.Op, c *hal.Call) iter.Seq[*hal.Kernel] {
	return func(yield func(*hal.Kernel) bool) {
		f, ok := e.dev.(Fuser)
		if !ok {
			return
		}
		t := dtype.Bool
		for _, v := range c.In {
			if v.DType != dtype.Bool {
				t = v.DType
				break
			}
		}
		if k := f.Fuse(op, t); k != nil && k.Enabled() && k.Takes(c) {
			yield(k)
		}
	}
}
