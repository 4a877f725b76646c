package optim

import (
	"github.com/crease-ml/crease"
)

// composed is an optimiser whose step is made of ordinary ops, which a compiled
// step fuses. Adam and SGD have rows of their own.
type composed struct {
	base
	names   []string
	state   [][]*crease.Tensor // by name and parameter
	counted bool               // whether the rule depends on the number of the step
	// rule computes a parameter and its state after a step from those before, all
	// of the type of the state. It is called without gradients.
	rule func(c stepContext, p, g *crease.Tensor, state []*crease.Tensor) (next *crease.Tensor, after []*crease.Tensor)
}

// stepContext is what a rule knows besides a parameter.
type stepContext struct {
	lr *crease.Tensor // scalar of the parameter's type
	t  *crease.Tensor // number of this step from 1, likewise; nil where not counted
}

// newComposed makes zeros for every state; counted makes the steps a part of it.
func newComposed(b base, counted bool, names ...string) *composed {
	o := &composed{base: b, names: names, counted: counted}
	for range names {
		o.state = append(o.state, o.moments())
	}
	return o
}

// Step makes one step.
func (o *composed) Step() {
	crease.NoGrad(func() {
		if o.counted {
			o.count()
		}
		for i, p := range o.params {
			g := o.gradient(i)
			if g == nil {
				continue
			}
			crease.Tidy(func() []*crease.Tensor {
				wide := p.DType().Wide()
				c := stepContext{lr: o.lr.Cast(wide)}
				if o.counted {
					c.t = o.t.Cast(wide)
				}
				var before []*crease.Tensor
				for _, s := range o.state {
					before = append(before, s[i])
				}
				next, after := o.rule(c, p.Detach().Cast(wide), g.Cast(wide), before)
				p.Assign(next.Cast(p.DType()))
				for k, t := range after {
					before[k].Assign(t)
				}
				return nil
			})
		}
	})
}

// State is the learning rate, what is kept of every parameter, and the step count
// where there is one.
func (o *composed) State() []State {
	var list []State
	for k, name := range o.names {
		list = append(list, numbered(name, o.state[k])...)
	}
	list = append(list, State{"lr", o.lr})
	if o.counted {
		list = append(list, State{"step", o.t})
	}
	return list
}

// decayed is g + decay·p.
func decayed(g, p *crease.Tensor, decay float64) *crease.Tensor {
	if decay == 0 {
		return g
	}
	return g.Add(p.MulScalar(decay))
}

// shrunk is p·(1 - lr·decay).
func shrunk(p, lr *crease.Tensor, decay float64) *crease.Tensor {
	if decay == 0 {
		return p
	}
	return p.Sub(p.Mul(lr.MulScalar(decay)))
}

// mixed is share·a + (1-share)·b.
func mixed(a, b *crease.Tensor, share float64) *crease.Tensor {
	return a.MulScalar(share).Add(b.MulScalar(1 - share))
}
