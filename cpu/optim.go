package cpu

import (
	"math"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.SgdStep.Name, d.sgdStep)
		d.addFloats(ops.AdamStep.Name, d.adamStep)
	})
}

// The steps copy a chunk of parameters and state to the outputs and update it
// there, while it is in cache. In place, where state is written over itself, nothing is
// copied.

func (d *device) sgdStep(c *call) task {
	a := c.attrs.(ops.SgdAttrs)
	in, out := c.in, c.out
	var h vec.SGDCoef
	body := func(lo, hi int) {
		np, nbuf := data[float32](&out[0])[lo:hi], data[float32](&out[1])[lo:hi]
		copy(np, data[float32](&in[0])[lo:hi])
		copy(nbuf, data[float32](&in[2])[lo:hi])
		if a.Momentum == 0 {
			nbuf = nil
		}
		d.vec.SGDStep(np, nbuf, data[float32](&in[1])[lo:hi], &h)
	}
	return task{
		inPlace: over(pair{0, 0}, pair{1, 2}),
		run: func([]byte) error {
			a := a.At(float64(data[float32](&in[4])[0]))
			h = vec.SGD{
				LR: float64(data[float32](&in[3])[0]), L2: a.WeightDecay,
				Momentum: a.Momentum, Dampening: a.Dampening, Nesterov: a.Nesterov,
			}.Coef()
			d.chunks(out[0].n, grain, body)
			return nil
		},
	}
}

func (d *device) adamStep(c *call) task {
	a := c.attrs.(ops.AdamAttrs)
	in, out := c.in, c.out
	h := vec.Adam{Beta1: a.Beta1, Beta2: a.Beta2, Eps: a.Eps}
	if a.Decoupled {
		h.Decay = a.WeightDecay
	} else {
		h.L2 = a.WeightDecay
	}
	var coef vec.AdamCoef
	body := func(lo, hi int) {
		np, nm, nv := data[float32](&out[0])[lo:hi], data[float32](&out[1])[lo:hi], data[float32](&out[2])[lo:hi]
		copy(np, data[float32](&in[0])[lo:hi])
		copy(nm, data[float32](&in[2])[lo:hi])
		copy(nv, data[float32](&in[3])[lo:hi])
		d.vec.AdamStep(np, nm, nv, data[float32](&in[1])[lo:hi], &coef)
	}
	return task{
		inPlace: over(pair{0, 0}, pair{1, 2}, pair{2, 3}),
		run: func([]byte) error {
			t := float64(data[float32](&in[5])[0])
			h.LR = float64(data[float32](&in[4])[0])
			h.C1, h.C2 = 1-math.Pow(a.Beta1, t), 1-math.Pow(a.Beta2, t)
			coef = h.Coef()
			d.chunks(out[0].n, grain, body)
			return nil
		},
	}
}
