package autograd

import (
	"fmt"

	"github.com/crease-ml/crease/ops"
)

// Options of a backward pass.
type Options struct {
	// CreateGraph records the pass itself, for gradients of gradients. It
	// implies Retain.
	CreateGraph bool
	// Retain keeps the saved values for another pass over the same record.
	Retain bool
}

// Grad returns the gradients of the sum of seeds·outs with respect to the variables of
// wrt. A nil seed stands for ones and is allowed for one-element outputs only.
// Errors are *ops.GradError: an output that depends on no variable, a variable
// that no output depends on, an op without a gradient on the way, a saved value
// that was changed in place, a record already released, or one that another
// goroutine is walking. The caller owns the results, which share no memory with
// each other or with anything else.
func Grad(b ops.Builder, outs []*Var, seeds []ops.Value, wrt []*Var, o Options) ([]*Var, error) {
	w := begin(b, o)
	defer w.end()
	for i, v := range wrt {
		if !v.requires {
			return nil, &ops.GradError{Reason: fmt.Sprintf("variable %d (%s) does not require a gradient: call RequireGrad on it before computing with it", i, v.Spec())}
		}
	}
	if err := w.reach(outs); err != nil {
		return nil, err
	}
	w.aim(wrt)
	if err := w.run(outs, seeds); err != nil {
		return nil, err
	}
	res := make([]*Var, len(wrt))
	for i, v := range wrt {
		s := v.source()
		at := w.index(s)
		if at < 0 || w.grads[at].val == nil {
			w.discard(res[:i])
			return nil, &ops.GradError{Reason: fmt.Sprintf("variable %d (%s) was not used to compute the output: leave it out, or compute with it outside of NoGrad and without Detach", i, v.Spec())}
		}
		again := false
		for _, u := range wrt[i+1:] {
			again = again || u.source() == s
		}
		res[i] = w.take(at, again)
	}
	return res, nil
}

// Backward computes the gradient of one output with respect to every leaf that it depends on
// and adds it to what the leaf has accumulated. Several goroutines may do so at once, for
// outputs that have only leaves in common.
func Backward(b ops.Builder, out *Var, seed ops.Value, o Options) error {
	w := begin(b, o)
	defer w.end()
	outs, seeds := [1]*Var{out}, [1]ops.Value{seed}
	if err := w.reach(outs[:]); err != nil {
		return err
	}
	for i := range w.leaves {
		w.leaves[i].target = true
	}
	for _, n := range w.nodes {
		n.useful = true // it was recorded because a leaf is behind it
	}
	if err := w.run(outs[:], seeds[:]); err != nil {
		return err
	}
	for i := range w.leaves {
		if w.grads[i].val != nil {
			w.leaves[i].v.accumulate(w, i)
		}
	}
	return nil
}

// accumulate adds a gradient of the pass, the one with number at, to what a leaf has accumulated.
func (v *Var) accumulate(w *walk, at int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.grad == nil {
		v.grad = w.take(at, false)
		return
	}
	g := &w.grads[at]
	w.at(g.val)
	if b, ok := w.b.(ops.Writer); ok && !w.o.CreateGraph && !v.grad.requires {
		b.ApplyInto(ops.Add, nil, []ops.Value{v.grad.val, raw(g.val)}, []ops.Value{v.grad.val})
		w.free(g.val)
		g.val = nil
		return
	}
	d := asVar(g.val)
	sum := Apply(w.b, w.o.CreateGraph, ops.Add, nil, v.grad, d)[0]
	release(v.grad.val)
	release(d.val)
	g.val = nil
	v.grad = sum
}

func asVar(v ops.Value) *Var {
	if x, ok := v.(*Var); ok {
		return x
	}
	return Constant(v)
}

// raw returns the builder's value behind a gradient.
func raw(v ops.Value) ops.Value {
	if x, ok := v.(*Var); ok {
		return x.val
	}
	return v
}
