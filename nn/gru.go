package nn

import "github.com/crease-ml/crease"

// NewGRU is the gated recurrent unit (Cho et al. 2014): h' = (1-z)·n + z·h with
// gates r and z by the sigmoid and n = tanh(Wx + r·(Uh)), the reset after the
// product as in PyTorch. Weights and biases are uniform within 1/√hidden.
func NewGRU(in, hidden int, c RecurrentConfig, opts ...crease.Option) *Recurrent {
	return newRecurrent(in, hidden, recurrence{"gru", 3, 1, gruStep}, c, opts)
}

func gruStep(c *cell, in *crease.Tensor, before []*crease.Tensor) []*crease.Tensor {
	back := c.back(before[0])
	r := c.gate(in, 0).Add(c.gate(back, 0)).Sigmoid()
	z := c.gate(in, 1).Add(c.gate(back, 1)).Sigmoid()
	n := c.gate(in, 2).Add(r.Mul(c.gate(back, 2))).Tanh()
	return []*crease.Tensor{n.Add(z.Mul(before[0].Sub(n)))}
}
