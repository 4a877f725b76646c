package exec

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Step is a rung of the dispatch ladder.
type Step uint8

// Steps, best first.
const (
	Kernel    Step = iota // a kernel takes the views as they are
	Densified             // a kernel takes them after a device copy of the strided ones
	Lowered               // the op runs as simpler ops
	Reference             // the op runs on the host
	steps
)

func (s Step) String() string {
	return [...]string{"kernel", "copy+kernel", "lowering", "reference"}[s]
}

// Plan holds how an op runs on an engine for operands of certain layouts: all that dispatch
// decides and a kernel prepares. A call adds nothing but the memory.
type Plan struct {
	op    *ops.Op
	attrs any // bound
	in    []*Layout
	into  []*Layout // the layouts of results that were asked for, nil for dense ones
	out   []*Layout
	hash  uint64

	step   Step
	launch *hal.Launch // Kernel, Densified
	copies []*Plan     // Densified: the copy of every input, nil where it is taken as it is
	view   bool        // the op is a view: nothing runs
	shift  int         // of a view: what its first element moves by
	first  *Plan       // of a view that the strides do not allow: the copy it is a view of

	tried []*hal.Kernel // those that refused this call when they ran
	below *Plan         // the way to go since the kernel refused
	count *[steps]atomic.Int64
	used  uint32 // the cache's clock at the last use
}

// Step returns the rung of the ladder that the plan takes.
func (p *Plan) Step() Step { return p.step }

// Attrs returns the attributes, as a copy that nobody else can change.
func (p *Plan) Attrs() any { return p.attrs }

// Operands returns the layouts of the operands.
func (p *Plan) Operands() []*Layout { return p.in }

// Results returns the layouts of the results.
func (p *Plan) Results() []*Layout { return p.out }

// Launch returns the prepared kernel, nil on the rungs below Densified and for views.
func (p *Plan) Launch() *hal.Launch { return p.launch }

// Copies returns for every input the plan of the dense copy that the kernel takes in its
// place, nil where it takes the input itself.
func (p *Plan) Copies() []*Plan { return p.copies }

// View reports whether the op is a view, and then by how many elements its first
// element lies after that of its input, or of the dense copy of its input that the
// strides make necessary.
func (p *Plan) View() (shift int, copied, ok bool) { return p.shift, p.first != nil, p.view }

// Plan decides how the op runs on operands of these layouts. Plans are kept: the same
// question has the same answer until kernels are switched on or off. The error is that
// of the row's rule, or a *hal.DeviceError.
func (e *Engine) Plan(op *ops.Op, attrs any, in []*Layout) (*Plan, error) {
	e.planning.Lock()
	defer e.planning.Unlock()
	return e.plan(op, attrs, in, nil)
}

// PlanInto is Plan for results that are written into arrays of the given layouts. It is
// never Densified.
func (e *Engine) PlanInto(op *ops.Op, attrs any, in, into []*Layout) (*Plan, error) {
	dense := true
	for _, l := range into {
		dense = dense && l.dense
	}
	e.planning.Lock()
	defer e.planning.Unlock()
	if dense && op.Kind != ops.View {
		return e.plan(op, attrs, in, nil)
	}
	return e.plan(op, attrs, in, into)
}

// plan is Plan with the layouts of the results given, while e.planning is held. in and
// into may be reused by the caller.
func (e *Engine) plan(op *ops.Op, attrs any, in, into []*Layout) (*Plan, error) {
	hash := planHash(op, attrs, in, into)
	if p := e.plans.find(hash, op, attrs, in, into); p != nil {
		return p, nil
	}
	p := &Plan{op: op, in: slices.Clone(in), into: slices.Clone(into), hash: hash, count: e.stats.of(op)}
	if err := e.fill(p, attrs); err != nil {
		return nil, err
	}
	if p.view {
		v := p.in[0].view()
		if err := e.planView(p, v); err != nil {
			return nil, err
		}
	} else if err := e.climb(p, Kernel); err != nil {
		return nil, err
	}
	e.plans.add(p)
	e.planned(p)
	return p, nil
}

// fill copies the attributes and computes the results' layouts by the row's rule.
func (e *Engine) fill(p *Plan, attrs any) error {
	outs, err := p.op.Specs(attrs, ops.SpecsOf(p.in))
	if err != nil {
		return err
	}
	p.attrs, p.view = p.op.Bind(attrs), p.op.Kind == ops.View
	if len(p.into) > 0 {
		p.out, p.view = p.into, false
		return nil
	}
	for _, s := range outs {
		l, err := NewLayout(s, nil)
		if err != nil {
			return err
		}
		p.out = append(p.out, l)
	}
	return nil
}

// planView finds the strides of a view, which is one of a copy of the input where the
// input's own strides do not allow it.
func (e *Engine) planView(p *Plan, from hal.View) error {
	v, ok := p.op.View(p.attrs, from)
	if !ok {
		first, err := e.plan(ops.Copy, nil, p.in, nil)
		if err != nil {
			return err
		}
		p.first, from = first, first.out[0].view()
		if v, ok = p.op.View(p.attrs, from); !ok {
			return &ops.ShapeError{Op: p.op.Name, In: []ops.Spec{p.in[0].spec}, Rule: "no view exists of even a dense array"}
		}
	}
	l, err := NewLayout(ops.Spec{DType: v.DType, Shape: v.Shape}, v.Strides)
	if err != nil {
		return err
	}
	p.out, p.shift = []*Layout{l}, v.Offset-from.Offset
	return nil
}

// climb tries the rungs of the ladder from the given one downwards and takes the first that
// can run the op.
func (e *Engine) climb(p *Plan, from Step) error {
	for step := from; step < steps; step++ {
		var err error
		switch step {
		case Kernel:
			err = e.planKernel(p, p.in)
		case Densified:
			err = e.planDensified(p)
		case Lowered:
			if p.op.Lower == nil {
				continue
			}
		case Reference:
			if p.op.Ref == nil { // a fused op has none: it is its parts
				return e.failure(p.op.Name, "", hal.ErrUnsupported)
			}
		}
		if err == nil {
			p.step = step
			return nil
		}
		if !errors.Is(err, hal.ErrUnsupported) {
			return err
		}
	}
	return e.failure(p.op.Name, "", hal.ErrUnsupported)
}

// planKernel prepares the best kernel for these layouts, apart from those that have refused
// the call.
func (e *Engine) planKernel(p *Plan, in []*Layout) error {
	c, err := p.call(in)
	if err != nil {
		return err
	}
	candidates := e.dev.Kernels().Candidates(c)
	if p.op.IsFused() {
		candidates = e.fusedKernel(p.op, c)
	}
	for k := range candidates {
		if slices.Contains(p.tried, k) {
			continue
		}
		l, err := k.Prepare(c)
		if err == nil {
			p.launch = l
			return nil
		}
		if !errors.Is(err, hal.ErrUnsupported) {
			return e.failure(p.op.Name, k.Name, err)
		}
	}
	return hal.ErrUnsupported
}

// call returns the call that kernels plan for inputs of these layouts. It names no memory.
// Inputs of elementwise ops are broadcast to the result's shape.
func (p *Plan) call(in []*Layout) (*hal.Call, error) {
	c := &hal.Call{Op: p.op.Name, Attrs: p.attrs, In: make([]hal.View, len(in)), Out: make([]hal.View, len(p.out))}
	for i, l := range in {
		if p.op.Expr != nil {
			var err error
			if l, err = l.broadcast(p.out[0].spec.Shape); err != nil {
				return nil, err
			}
		}
		c.In[i] = l.view()
	}
	for i, l := range p.out {
		c.Out[i] = l.view()
	}
	return c, nil
}

// planDensified plans a copy of every strided input, and a kernel for the copies.
func (e *Engine) planDensified(p *Plan) error {
	if p.op == ops.Copy || len(p.into) > 0 {
		return hal.ErrUnsupported
	}
	in, copies, any := make([]*Layout, len(p.in)), make([]*Plan, len(p.in)), false
	for i, l := range p.in {
		if p.op.Expr != nil {
			var err error
			if l, err = l.broadcast(p.out[0].spec.Shape); err != nil {
				return err
			}
		}
		if in[i] = l; l.dense {
			continue
		}
		c, err := e.plan(ops.Copy, nil, []*Layout{l}, nil)
		if err != nil {
			return err
		}
		in[i], copies[i], any = c.out[0], c, true
	}
	if !any {
		return hal.ErrUnsupported
	}
	if err := e.planKernel(p, in); err != nil {
		return err
	}
	p.copies = copies
	return nil
}

// planWith plans an op with the given kernel.
func (e *Engine) planWith(k *hal.Kernel, op *ops.Op, attrs any, in []*Layout) (*Plan, error) {
	p := &Plan{op: op, in: in, count: e.stats.of(op)}
	if err := e.fill(p, attrs); err != nil {
		return nil, err
	}
	c, err := p.call(in)
	if err != nil {
		return nil, err
	}
	if !k.Takes(c) {
		return nil, hal.ErrUnsupported
	}
	p.launch, err = k.Prepare(c)
	return p, err
}

// refused makes the plan that replaces p after its kernel refused the operands' memory. It
// uses another kernel or a lower rung.
func (e *Engine) refused(p *Plan) (*Plan, error) {
	e.planning.Lock()
	defer e.planning.Unlock()
	if p.below == nil {
		next := &Plan{op: p.op, attrs: p.attrs, in: p.in, into: p.into, out: p.out, count: p.count}
		next.tried = append(slices.Clip(p.tried), p.launch.Kernel)
		if err := e.climb(next, p.step); err != nil {
			return nil, err
		}
		p.below = next
	}
	return p.below, nil
}
