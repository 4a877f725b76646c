package bench

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// workload holds an op of one size and its operands on a device.
type workload struct {
	e           *exec.Engine
	op          *ops.Op
	attrs       any
	specs, outs []ops.Spec
	host        []ops.Host
	in          []ops.Value
}

func newWorkload(e *exec.Engine, op *ops.Op, size int, t dtype.Type) (*workload, error) {
	attrs, args, err := Inputs(op, size, t)
	if err != nil {
		return nil, err
	}
	w := &workload{e: e, op: op, attrs: attrs}
	if w.specs, w.outs, err = operands(e.Device().Info(), op, attrs, args, t); err != nil {
		return nil, fmt.Errorf("size %d: %w", size, err)
	}
	r := rand.New(rand.NewPCG(1, uint64(size)))
	for _, a := range args {
		h := a.Make(t, r)
		array, err := e.Upload(h)
		if err != nil {
			w.release()
			return nil, err
		}
		w.in, w.host = append(w.in, array), append(w.host, h)
	}
	return w, nil
}

func (w *workload) release() { release(w.in) }

func release(list []ops.Value) {
	for _, v := range list {
		v.(*exec.Array).Release()
	}
}

// apply runs the op once. Failures are panics, as eager ops have them.
func (w *workload) apply() { release(w.e.Apply(w.op, w.attrs, w.in...)) }

// operands returns the specs of what an op takes and gives. It is an error if the host or the
// device cannot hold them, which is found before anything of their size is made.
func operands(dev hal.Info, op *ops.Op, attrs any, args []ops.Arg, t dtype.Type) (in, out []ops.Spec, err error) {
	for _, a := range args {
		if _, err := shape.Elements(a.Shape); err != nil {
			return nil, nil, err // shape rules count on operands that could exist
		}
		in = append(in, ops.Spec{DType: cmp.Or(a.DType, t), Shape: a.Shape})
	}
	if out, err = op.Specs(attrs, in); err != nil {
		return nil, nil, err
	}
	need := 0
	for _, s := range slices.Concat(in, out) {
		n, err := shape.Bytes(s.DType, s.Shape)
		if err != nil {
			return nil, nil, err
		}
		need += n
	}
	have := hostmem.Room() // where a copy of the operands is made
	if dev.Memory > 0 {
		have = min(have, dev.Memory)
	}
	if need > have {
		return nil, nil, fmt.Errorf("%w: operands and results take %d bytes of %d", hal.ErrOutOfMemory, need, have)
	}
	return in, out, nil
}

// served names the kernel that ran, or the step that dispatch took.
func (w *workload) served() string {
	step := exec.Kernel
	for _, s := range w.e.Stats() {
		for k, n := range s.Count {
			if s.Op == w.op.Name && n > 0 {
				step = exec.Step(k)
			}
		}
	}
	if k := w.kernel(); step <= exec.Densified && k != nil {
		return k.Name
	}
	return step.String()
}

// kernel returns the kernel that dispatch chooses, nil if it chooses none.
func (w *workload) kernel() *hal.Kernel {
	c := &hal.Call{Op: w.op.Name, Attrs: w.attrs}
	for _, v := range w.in {
		c.In = append(c.In, v.(*exec.Array).View())
	}
	for _, s := range w.outs {
		c.Out = append(c.Out, hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)})
	}
	return w.e.Device().Kernels().Find(c)
}
