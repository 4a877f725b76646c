package crease

import (
	"fmt"
	"sync/atomic"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// Checkpoint is a part of a model that keeps nothing of what happens in it for Backward
// but its inputs, and runs again there (Chen et al. 2016): memory for time. In a compiled
// function it is the function F itself, for the compiler would find that the second run
// computes what the first did.
type Checkpoint struct {
	// F is run once forward and once more in the backward pass. It must do the same both
	// times.
	F func(in ...*Tensor) []*Tensor
	// Params are the tensors besides the inputs that gradients flow to.
	Params []*Tensor
	// Draws are the generators that F draws from: the second run gets the same numbers.
	Draws []*Generator

	saved atomic.Int64
}

// Saved is how many bytes more the device would have held from forward to backward
// without the checkpoint: what the second run kept for its gradients, in the last pass.
func (c *Checkpoint) Saved() int { return int(c.saved.Load()) }

// Call runs F. It takes at most 16 inputs and generators, and gradients once, not those
// of gradients. A parameter that was changed in place by the time of Backward is an error
// there, and so is one that F does not use.
func (c *Checkpoint) Call(in ...*Tensor) []*Tensor {
	wantTensors("checkpoint", in)
	wantTensors("checkpoint", c.Params)
	l := state()
	if l.tracing() != nil || !l.recording() || !needGrad(in) && !needGrad(c.Params) {
		return c.F(in...)
	}
	if n := len(in) + len(c.Draws); n > 16 {
		panic(&ops.AttrError{Op: "checkpoint", Reason: fmt.Sprintf("%d inputs and generators, at most 16 can be kept", n)})
	}
	var vars []*autograd.Var
	for _, t := range in {
		vars = append(vars, t.v)
	}
	saves := ops.Saved(0)
	for i := range len(in) + len(c.Draws) {
		saves |= ops.In(i)
	}
	var states []*Tensor
	var out []*Tensor
	NoGrad(func() {
		for _, g := range c.Draws {
			states = append(states, g.state.Copy())
			vars = append(vars, states[len(states)-1].v)
		}
		out = Tidy(func() []*Tensor {
			made := c.F(in...)
			for i, t := range made {
				if given(t, in) || given(t, c.Params) || given(t, made[:i]) {
					made[i] = t.Copy()
				}
			}
			return made
		})
	})
	versions := make([]uint32, len(c.Params))
	for i, p := range c.Params {
		vars = append(vars, p.v)
		versions[i] = p.array("checkpoint").Version()
	}
	if len(out) == 0 {
		return nil
	}
	dev := out[0].dev
	outs := make([]*autograd.Var, len(out))
	for i, t := range out {
		outs[i] = t.v
	}
	ruled("checkpoint", saves, vars, outs, func(g *ops.GradCall) []ops.Value { return c.again(g, dev, len(in), versions) })
	for _, t := range states {
		t.Free() // the tape has its own handle
	}
	return out
}

func given(t *Tensor, list []*Tensor) bool {
	for _, x := range list {
		if t == x || t.v == x.v {
			return true
		}
	}
	return false
}

// again runs F a second time and gives the gradients of inputs and parameters.
func (c *Checkpoint) again(g *ops.GradCall, dev *Device, inputs int, versions []uint32) []ops.Value {
	for _, d := range g.D {
		switch d.(type) {
		case nil, *exec.Array:
		default:
			panic(&ops.GradError{Op: "checkpoint", Reason: "its gradient is not recorded: take gradients of gradients without it, and call Backward where Call was called, not in a compiled function"})
		}
	}
	for i, p := range c.Params {
		if p.array("checkpoint").Version() != versions[i] {
			panic(&ops.GradError{Reason: fmt.Sprintf("parameter %d of a checkpoint (%s) was changed in place before Backward, which runs the checkpoint again: step after Backward", i, p.Spec())})
		}
	}
	l, done := recordAgain()
	defer done()
	res := make([]ops.Value, len(g.In))
	Tidy(func() []*Tensor {
		wrapped := func(v ops.Value) *Tensor { return wrap(v.(*exec.Array).Share(), dev, l) }
		var leaves, wrt []*Tensor
		var at []int
		for i := range inputs {
			t := wrapped(g.In[i])
			leaves = append(leaves, t)
			if g.Needs[i] {
				wrt, at = append(wrt, t.RequireGrad()), append(at, i)
			}
		}
		for i, p := range c.Params {
			if k := inputs + len(c.Draws) + i; g.Needs[k] {
				wrt, at = append(wrt, p), append(at, k)
			}
		}
		before := dev.Memory().InUse
		outs := c.replay(leaves, func(i int) *Tensor { return wrapped(g.In[inputs+i]) })
		c.saved.Store(int64(dev.Memory().InUse - before))
		var from, seeds []*Tensor
		for i, t := range outs {
			if !t.RequiresGrad() {
				continue
			}
			from = append(from, t)
			if g.D[i] == nil {
				seeds = append(seeds, ZerosLike(t))
			} else {
				seeds = append(seeds, wrapped(g.D[i]))
			}
		}
		for i, t := range Grad(from, wrt, Seeds(seeds...)) {
			res[at[i]] = t.Keep().v.Value()
		}
		return nil
	})
	return res
}

// replay runs F with the numbers that the first run drew, and puts the generators back to
// where they are.
func (c *Checkpoint) replay(in []*Tensor, state func(i int) *Tensor) []*Tensor {
	for i, g := range c.Draws {
		now := g.state.Copy()
		g.state.Assign(state(i))
		defer func() { g.state.Assign(now) }()
	}
	return c.F(in...)
}
