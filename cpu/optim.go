package cpu

import (
	"math"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.SgdStep.Name, nil, d.sgdStep)
		d.addFloats(ops.AdamStep.Name, nil, d.adamStep)
	})
}

// The steps copy a chunk of parameters and state to the outputs and update it
// there, while it is in cache.

func (d *device) sgdStep(c *hal.Call) error {
	a := c.Attrs.(ops.SgdAttrs)
	h := vec.SGD{LR: float64(data[float32](c.In[3])[0]), L2: a.WeightDecay, Momentum: a.Momentum, Dampening: a.Dampening, Nesterov: a.Nesterov}
	p, g, buf := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2])
	np, nbuf := data[float32](c.Out[0]), data[float32](c.Out[1])
	d.chunks(len(p), grain, func(lo, hi int) {
		copy(np[lo:hi], p[lo:hi])
		copy(nbuf[lo:hi], buf[lo:hi])
		state := nbuf[lo:hi]
		if a.Momentum == 0 {
			state = nil
		}
		d.vec.SGDStep(np[lo:hi], state, g[lo:hi], h)
	})
	return nil
}

func (d *device) adamStep(c *hal.Call) error {
	a := c.Attrs.(ops.AdamAttrs)
	lr, t := float64(data[float32](c.In[4])[0]), float64(data[float32](c.In[5])[0])
	h := vec.Adam{LR: lr, Beta1: a.Beta1, Beta2: a.Beta2, Eps: a.Eps, C1: 1 - math.Pow(a.Beta1, t), C2: 1 - math.Pow(a.Beta2, t)}
	if a.Decoupled {
		h.Decay = a.WeightDecay
	} else {
		h.L2 = a.WeightDecay
	}
	p, g, m, v := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.In[2]), data[float32](c.In[3])
	np, nm, nv := data[float32](c.Out[0]), data[float32](c.Out[1]), data[float32](c.Out[2])
	d.chunks(len(p), grain, func(lo, hi int) {
		copy(np[lo:hi], p[lo:hi])
		copy(nm[lo:hi], m[lo:hi])
		copy(nv[lo:hi], v[lo:hi])
		d.vec.AdamStep(np[lo:hi], nm[lo:hi], nv[lo:hi], g[lo:hi], h)
	})
	return nil
}
