package optim

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// Accumulator makes one step of an optimiser from the gradients of several batches, for
// batches that do not fit into memory at once. Backward adds to the gradients that are
// there; the accumulator counts, and divides by the number of batches before the step, so
// that the step is that of the mean of the losses.
//
//	acc := optim.NewAccumulator(opt, params, 4)
//	for _, b := range batches {
//		loss(model, b).Backward()
//		acc.Step()
//	}
//
// It counts in Go, so it is not for use inside crease.Compile: there, write the loop over
// the small batches into the function, and call Backward in it several times.
type Accumulator struct {
	opt    Optimizer
	params []*crease.Tensor
	every  int
	have   int
}

// NewAccumulator steps the optimiser at every given number of batches.
func NewAccumulator(opt Optimizer, params []*crease.Tensor, every int) *Accumulator {
	if every < 1 {
		panic(&ops.AttrError{Op: "accumulator", Reason: fmt.Sprintf("a step of %d batches, want at least 1", every)})
	}
	return &Accumulator{opt: opt, params: params, every: every}
}

// Step counts a batch, whose Backward has run. At the last one of a step it changes the
// parameters, drops the gradients and reports true.
func (a *Accumulator) Step() bool {
	if a.have++; a.have < a.every {
		return false
	}
	a.Flush()
	return true
}

// Flush makes a step of the batches counted since the last one, if there are any: at the
// end of an epoch that their number does not divide.
func (a *Accumulator) Flush() {
	if a.have == 0 {
		return
	}
	if a.have > 1 {
		crease.Tidy(func() []*crease.Tensor {
			for _, g := range gradients("accumulator", a.params) {
				g.Assign(g.MulScalar(1 / float64(a.have)))
			}
			return nil
		})
	}
	a.have = 0
	a.opt.Step()
	a.opt.ZeroGrad()
}

// EMA keeps exponential moving averages of parameters, which often do better in
// evaluation than the parameters themselves: avg' = decay·avg + (1-decay)·p. The averages
// begin as copies of the parameters.
type EMA struct {
	params, averages []*crease.Tensor
	decay            float64
}

// NewEMA averages the given parameters; decay is at least 0 and less than 1, usually 0.99 to
// 0.9999.
func NewEMA(params []*crease.Tensor, decay float64) *EMA {
	if !(decay >= 0 && decay < 1) {
		panic(&ops.AttrError{Op: "ema", Reason: fmt.Sprintf("the decay is %v, want a number from 0 up to and without 1", decay)})
	}
	e := &EMA{params: params, decay: decay}
	for _, p := range params {
		e.averages = append(e.averages, p.Detach().Copy().Keep())
	}
	return e
}

// Update moves the averages towards the parameters; call it after the optimiser's Step.
// Inside crease.Compile it is part of the graph.
func (e *EMA) Update() {
	crease.Tidy(func() []*crease.Tensor {
		crease.NoGrad(func() {
			for i, p := range e.params {
				e.averages[i].Assign(mixed(e.averages[i], p.Detach(), e.decay))
			}
		})
		return nil
	})
}

// With runs f with the averages in the place of the parameters, and puts the parameters
// back, also when f panics.
func (e *EMA) With(f func()) {
	e.swap()
	defer e.swap()
	f()
}

func (e *EMA) swap() {
	crease.Tidy(func() []*crease.Tensor {
		for i, p := range e.params {
			held := p.Detach().Copy()
			p.Assign(e.averages[i])
			e.averages[i].Assign(held)
		}
		return nil
	})
}

// Averages are the averages, in the order of the parameters; they change with Update.
func (e *EMA) Averages() []*crease.Tensor { return e.averages }

// State is the averages, for a checkpoint.
func (e *EMA) State() []State { return numbered("average", e.averages) }
