package exec

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Eval runs an op on arrays of this engine's device and appends the results to out,
// which the caller owns. Errors are those of the row's rule, *ops.UsageError for inputs
// that cannot be used, *FallbackError and *hal.DeviceError; after one, nothing is kept.
func (e *Engine) Eval(op *ops.Op, attrs any, in, out []*Array) ([]*Array, error) {
	if err := e.ready(op, in); err != nil {
		return nil, err
	}
	p, err := e.planFor(op, attrs, in, nil)
	if err != nil {
		return nil, err
	}
	// The usual case is handled here and not in run. Since run calls itself, the compiler
	// would move out from the caller's stack to the heap.
	switch {
	case p.view && p.first == nil:
		return append(out, in[0].block.On(p.out[0], in[0].offset+p.shift)), nil
	case p.step == Kernel && !p.view:
		n := len(out)
		if out, err = e.launch(p, in, out); !errors.Is(err, hal.ErrUnsupported) {
			if err == nil {
				p.count[Kernel].Add(1)
			}
			return out, err
		}
		if p, err = e.refused(p); err != nil {
			return nil, err
		}
		out = out[:n]
	}
	res, err := e.run(p, in, nil)
	return append(out, res...), err
}

// planFor returns the plan for arrays as operands. If into is not empty, the plan writes
// results with the layouts of those arrays.
func (e *Engine) planFor(op *ops.Op, attrs any, in, into []*Array) (*Plan, error) {
	var room [12]*Layout
	all := room[:0]
	for _, a := range in {
		all = append(all, a.layout)
	}
	for _, a := range into {
		all = append(all, a.layout)
	}
	e.planning.Lock()
	defer e.planning.Unlock()
	return e.plan(op, attrs, all[:len(in)], all[len(in):])
}

// ready checks that the inputs are live arrays of the engine's device.
func (e *Engine) ready(op *ops.Op, in []*Array) error {
	for i, a := range in {
		switch {
		case a == nil:
			return &ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d is nil", i)}
		case a.Released():
			return &ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d has been freed: Keep it, or return it from the Tidy it was made in", i)}
		case a.block.engine.Load() != e:
			if a.Device() != e.dev {
				return &ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d is on device %s and others on %s: move one with To", i, a.Device().Info().Name, e.name)}
			}
			if err := e.join(a.block); err != nil {
				return err
			}
		}
	}
	return nil
}

func notAnArray(op *ops.Op, i int, v ops.Value, e *Engine) error {
	return &ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d is a %T, not an array of device %s", i, v, e.name)}
}

// join orders the engine's work behind that of the engine that used a block last. That
// engine had itself waited for the users before it, so a block need only know its last
// user.
func (e *Engine) join(b *Block) error {
	last := b.engine.Swap(e)
	if last == nil || last == e {
		return nil
	}
	ev, err := last.record()
	if err == nil {
		err = e.await(ev)
	}
	if err != nil {
		return e.failure("wait for another stream", "", err)
	}
	return nil
}

// run carries out a plan. The operands have passed ready.
func (e *Engine) run(p *Plan, in, out []*Array) ([]*Array, error) {
	n := len(out)
	for {
		var err error
		switch {
		case p.view:
			return e.window(p, in[0], out)
		case p.step == Kernel:
			out, err = e.launch(p, in, out)
		case p.step == Densified:
			out, err = e.densified(p, in, out)
		default:
			if err := e.refuse(p.op, p.step); err != nil {
				return nil, err
			}
			p.count[p.step].Add(1)
			if p.step == Lowered {
				return e.lowered(p, in, out)
			}
			return e.reference(p, in, out)
		}
		if err == nil {
			p.count[p.step].Add(1)
			return out, nil
		}
		if !errors.Is(err, hal.ErrUnsupported) {
			return nil, err
		}
		if p, err = e.refused(p); err != nil {
			return nil, err
		}
		out = out[:n]
	}
}

// launch allocates the results and runs the kernel.
func (e *Engine) launch(p *Plan, in, out []*Array) ([]*Array, error) {
	n := len(out)
	for _, l := range p.out {
		a, err := e.alloc(l)
		if err != nil {
			release(out[n:])
			return out[:n], err
		}
		out = append(out, a)
	}
	if err := e.queue(p, in, out[n:]); err != nil {
		release(out[n:])
		return out[:n], err
	}
	return out, nil
}

func release(list []*Array) {
	for _, a := range list {
		a.Release()
	}
}

// queue launches the plan's kernel on the memory of the operands and results.
func (e *Engine) queue(p *Plan, in, out []*Array) error {
	var work hal.Buffer
	if n := p.launch.Work; n > 0 {
		var err error
		if work, err = e.dev.Alloc(n); err != nil {
			return e.failure(p.op.Name, p.launch.Kernel.Name, err)
		}
		defer work.Free()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.at[:0]
	for _, a := range in {
		at = append(at, a.Operand())
	}
	for _, a := range out {
		at = append(at, a.Operand())
	}
	e.at = at
	err := e.traced(p, at, work)
	// The launch refers to the buffers, which does not keep the blocks that own them alive.
	for _, a := range in {
		runtime.KeepAlive(a)
	}
	if err != nil && !errors.Is(err, hal.ErrUnsupported) {
		return e.failure(p.op.Name, p.launch.Kernel.Name, err)
	}
	return err
}

// Launch runs a plan's kernel on memory for which the caller has called Ready: that of the
// operands, then of the results, and scratch of at least the size that the launch asks
// for. After hal.ErrUnsupported nothing has been done.
func (e *Engine) Launch(p *Plan, at []hal.Operand, work hal.Buffer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.traced(p, at, work)
	switch {
	case err == nil:
		p.count[Kernel].Add(1)
	case !errors.Is(err, hal.ErrUnsupported):
		return e.failure(p.op.Name, p.launch.Kernel.Name, err)
	}
	return err
}

// Ready orders the engine's work behind what other engines do with arrays; nil ones are
// passed over. It is for callers of Launch.
func (e *Engine) Ready(lists ...[]*Array) error {
	for _, list := range lists {
		for _, a := range list {
			if a != nil && a.block.engine.Load() != e {
				if err := e.join(a.block); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Scratch allocates device memory for a caller of Launch, who frees it.
func (e *Engine) Scratch(bytes int) (hal.Buffer, error) {
	b, err := e.dev.Alloc(bytes)
	if err != nil {
		return nil, e.failure("", "", err)
	}
	return b, nil
}

// densified copies the strided inputs and runs the kernel on the copies.
func (e *Engine) densified(p *Plan, in, out []*Array) ([]*Array, error) {
	var room [8]*Array
	args := append(room[:0], in...)
	var made []*Array
	defer func() { release(made) }()
	for i, c := range p.copies {
		if c == nil {
			continue
		}
		// The copy's own layout: an elementwise input has been broadcast.
		wide := in[i].block.On(c.in[0], in[i].offset)
		res, err := e.run(c, []*Array{wide}, nil)
		wide.Release()
		if err != nil {
			return out, err
		}
		args[i], made = res[0], append(made, res[0])
	}
	return e.launch(p, args, out)
}

// window appends the handle of a view. It copies the array first where its strides do not
// allow the view.
func (e *Engine) window(p *Plan, a *Array, out []*Array) ([]*Array, error) {
	if p.first == nil {
		return append(out, a.block.On(p.out[0], a.offset+p.shift)), nil
	}
	dense, err := e.run(p.first, []*Array{a}, nil)
	if err != nil {
		return nil, err
	}
	defer dense[0].Release()
	return append(out, dense[0].block.On(p.out[0], p.shift)), nil
}

// lowered runs the simpler ops that the row's lowering consists of.
func (e *Engine) lowered(p *Plan, in, out []*Array) ([]*Array, error) {
	args := values(in)
	var made []ops.Value
	err := caught(func() {
		made = ops.Scoped(e, func(b ops.Builder) []ops.Value { return p.op.Lower(b, p.attrs, args) })
	})
	if err != nil {
		return nil, err
	}
	n := len(out)
	for i, v := range made {
		a := v.(*Array)
		shared := a.block.refs.Load() > 1 || slices.Contains(args, v) || slices.Contains(made[:i], v)
		if a.layout.dense && !shared {
			out = append(out, a)
			continue
		}
		// Like that of a kernel, a result must be dense and have memory of its own.
		out, err = e.copied(a, out)
		if !slices.Contains(args, v) && !slices.Contains(made[:i], v) {
			a.Release()
		}
		if err != nil {
			release(out[n:])
			return nil, err
		}
	}
	return out, nil
}

// copied appends a dense copy of an array to a list.
func (e *Engine) copied(a *Array, out []*Array) ([]*Array, error) {
	p, err := e.planFor(ops.Copy, nil, []*Array{a}, nil)
	if err != nil {
		return out, err
	}
	return e.run(p, []*Array{a}, out)
}

// caught runs f and returns the error that it panics with. It is for builders, which panic
// with their errors, under methods that return theirs. Panics with anything else, and
// errors of the Go runtime, are bugs and go on.
func caught(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(error)
			var bug runtime.Error
			if !ok || errors.As(failed, &bug) {
				panic(r)
			}
			err = failed
		}
	}()
	f()
	return nil
}

// reference runs the op on the host.
func (e *Engine) reference(p *Plan, in, out []*Array) ([]*Array, error) {
	host := make([]ops.Host, len(in))
	for i, a := range in {
		h, err := e.host(a)
		if err != nil {
			return nil, err
		}
		host[i] = h
	}
	res := make([]ops.Host, len(p.out))
	for i, l := range p.out {
		var err error
		if res[i], err = ops.MakeHost(l.spec); err != nil {
			return nil, err
		}
	}
	// A reference panics with an error for what only elements tell: an index out of range.
	if err := caught(func() { p.op.Ref(p.attrs, host, res) }); err != nil {
		return nil, err
	}
	n := len(out)
	for _, h := range res {
		a, err := e.Upload(h)
		if err != nil {
			release(out[n:])
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
