package exec

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Step is a rung of the dispatch ladder.
type Step uint8

// Steps, best first.
const (
	Kernel    Step = iota // a kernel took the views as they are
	Densified             // a kernel took them after a device copy
	Lowered               // the op ran as simpler ops
	Reference             // the op ran on the host
	steps
)

func (s Step) String() string {
	return [...]string{"kernel", "copy+kernel", "lowering", "reference"}[s]
}

// dispatch runs an op whose specs have been inferred.
func (e *Engine) dispatch(op *ops.Op, attrs any, in []*Array, specs []ops.Spec) ([]*Array, error) {
	if op.Kind == ops.View {
		return e.view(op, attrs, in[0], specs[0])
	}
	for _, try := range []func(*ops.Op, any, []*Array, []ops.Spec) ([]*Array, error){
		e.kernel, e.densified, e.lowered, e.reference,
	} {
		out, err := try(op, attrs, in, specs)
		if !errors.Is(err, hal.ErrUnsupported) {
			return out, err
		}
	}
	return nil, e.deviceError(op.Name, "", hal.ErrUnsupported)
}

// view makes a window, copying first where the strides do not allow one.
func (e *Engine) view(op *ops.Op, attrs any, a *Array, s ops.Spec) ([]*Array, error) {
	if v, ok := op.View(attrs, a.View()); ok {
		return []*Array{a.window(ops.Spec{DType: v.DType, Shape: v.Shape}, v.Strides, v.Offset)}, nil
	}
	dense, err := e.dispatch(ops.Copy, nil, []*Array{a}, []ops.Spec{a.spec})
	if err != nil {
		return nil, err
	}
	defer dense[0].Release()
	v, ok := op.View(attrs, dense[0].View())
	if !ok {
		return nil, &ops.ShapeError{Op: op.Name, In: []ops.Spec{a.spec}, Rule: fmt.Sprintf("no view of shape %s exists", shape.String(s.Shape))}
	}
	return []*Array{dense[0].window(ops.Spec{DType: v.DType, Shape: v.Shape}, v.Strides, v.Offset)}, nil
}

// call builds the views of a call; outputs have no buffers yet. Elementwise
// inputs are broadcast to the output's shape.
func call(op *ops.Op, attrs any, in []*Array, specs []ops.Spec) (*hal.Call, error) {
	c := &hal.Call{Op: op.Name, Attrs: attrs, In: make([]hal.View, len(in)), Out: make([]hal.View, len(specs))}
	for i, a := range in {
		v := a.View()
		if op.Expr != nil && !shape.Equal(v.Shape, specs[0].Shape) {
			strides, err := shape.BroadcastStrides(v.Shape, v.Strides, specs[0].Shape)
			if err != nil {
				return nil, err
			}
			v.Shape, v.Strides = specs[0].Shape, strides
		}
		c.In[i] = v
	}
	for i, s := range specs {
		c.Out[i] = hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)}
	}
	return c, nil
}

// kernel tries the device's kernels on the views as they are.
func (e *Engine) kernel(op *ops.Op, attrs any, in []*Array, specs []ops.Spec) ([]*Array, error) {
	c, err := call(op, attrs, in, specs)
	if err != nil {
		return nil, err
	}
	k := e.dev.Kernels().Find(c)
	if k == nil {
		return nil, hal.ErrUnsupported
	}
	out, err := e.run(op, k, c, specs)
	runtime.KeepAlive(in) // the call holds buffers, not the blocks that own them
	if err == nil {
		e.stats.count(op, Kernel)
	}
	return out, err
}

// densified copies strided inputs when a kernel takes the dense call.
func (e *Engine) densified(op *ops.Op, attrs any, in []*Array, specs []ops.Spec) ([]*Array, error) {
	c, err := call(op, attrs, in, specs)
	if err != nil {
		return nil, err
	}
	if c.Dense() || op == ops.Copy {
		return nil, hal.ErrUnsupported
	}
	for i := range c.In {
		c.In[i].Strides, c.In[i].Offset = shape.Strides(c.In[i].Shape), 0
	}
	k := e.dev.Kernels().Find(c)
	if k == nil {
		return nil, hal.ErrUnsupported
	}
	for i, a := range in {
		w := a.window(ops.Spec{DType: a.spec.DType, Shape: c.In[i].Shape}, a.strides, a.offset)
		if op.Expr != nil {
			if w.strides, err = shape.BroadcastStrides(a.spec.Shape, a.strides, specs[0].Shape); err != nil {
				return nil, err
			}
		}
		if !shape.IsDense(w.spec.Shape, w.strides) {
			dense, err := e.dispatch(ops.Copy, nil, []*Array{w}, []ops.Spec{w.spec})
			w.Release()
			if err != nil {
				return nil, err
			}
			w = dense[0]
		}
		defer w.Release()
		c.In[i] = w.View()
	}
	out, err := e.run(op, k, c, specs)
	if err == nil {
		e.stats.count(op, Densified)
	}
	return out, err
}

// run allocates the outputs and launches.
func (e *Engine) run(op *ops.Op, k *hal.Kernel, c *hal.Call, specs []ops.Spec) ([]*Array, error) {
	out := make([]*Array, len(specs))
	for i, s := range specs {
		a, err := e.alloc(s)
		if err != nil {
			release(out[:i])
			return nil, err
		}
		out[i] = a
		c.Out[i] = a.View()
	}
	if err := e.launch(op, k, c); err != nil {
		release(out)
		return nil, err
	}
	return out, nil
}

func release(list []*Array) {
	for _, a := range list {
		a.Release()
	}
}

// launch runs a kernel with its scratch.
func (e *Engine) launch(op *ops.Op, k *hal.Kernel, c *hal.Call) error {
	if k.Work != nil {
		if n := k.Work(c); n > 0 {
			buf, err := e.dev.Alloc(n)
			if err != nil {
				return e.deviceError(op.Name, k.Name, err)
			}
			defer buf.Free()
			c.Work = buf
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.traced(op, k, c); err != nil {
		if errors.Is(err, hal.ErrUnsupported) {
			return err
		}
		return e.deviceError(op.Name, k.Name, err)
	}
	return nil
}

// lowered runs the op as simpler ones.
func (e *Engine) lowered(op *ops.Op, attrs any, in []*Array, _ []ops.Spec) ([]*Array, error) {
	if op.Lower == nil {
		return nil, hal.ErrUnsupported
	}
	if err := e.refuse(op, Lowered); err != nil {
		return nil, err
	}
	e.stats.count(op, Lowered)
	args := values(in)
	res := ops.Scoped(e, func(b ops.Builder) []ops.Value { return op.Lower(b, attrs, args) })
	out := make([]*Array, len(res))
	for i, v := range res {
		a := v.(*Array)
		if slices.Contains(in, a) || slices.Contains(out[:i], a) {
			a = a.Share().(*Array) // the caller owns what it gets
		}
		out[i] = a
	}
	return out, nil
}

// reference runs the op on the host.
func (e *Engine) reference(op *ops.Op, attrs any, in []*Array, specs []ops.Spec) ([]*Array, error) {
	if err := e.refuse(op, Reference); err != nil {
		return nil, err
	}
	host := make([]ops.Host, len(in))
	for i, a := range in {
		h, err := a.Host()
		if err != nil {
			return nil, err
		}
		host[i] = h
	}
	res := make([]ops.Host, len(specs))
	for i, s := range specs {
		res[i] = ops.NewHost(s)
	}
	op.Ref(attrs, host, res)
	out := make([]*Array, len(specs))
	for i, h := range res {
		a, err := e.Upload(h)
		if err != nil {
			release(out[:i])
			return nil, err
		}
		out[i] = a
	}
	e.stats.count(op, Reference)
	return out, nil
}
