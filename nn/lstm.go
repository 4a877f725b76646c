package nn

import "github.com/crease-ml/crease"

// NewLSTM is long short-term memory (Hochreiter, Schmidhuber 1997; forget gates by
// Gers et al. 2000): c' = f·c + i·g and h' = o·tanh(c') with gates i, f and o by
// the sigmoid and g by tanh. Weights and biases are uniform within 1/√hidden,
// PyTorch's default.
func NewLSTM(in, hidden int, c RecurrentConfig, opts ...crease.Option) *Recurrent {
	return newRecurrent(in, hidden, recurrence{"lstm", 4, 2, lstmStep}, c, opts)
}

func lstmStep(c *cell, in *crease.Tensor, before []*crease.Tensor) []*crease.Tensor {
	gates := in.Add(c.back(before[0]))
	i, f := c.gate(gates, 0).Sigmoid(), c.gate(gates, 1).Sigmoid()
	g, o := c.gate(gates, 2).Tanh(), c.gate(gates, 3).Sigmoid()
	memory := f.Mul(before[1]).Add(i.Mul(g))
	return []*crease.Tensor{o.Mul(memory.Tanh()), memory}
}
