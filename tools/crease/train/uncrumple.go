package train

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/nn"
)

// Uncrumple is the picture of deep learning made runnable: five coloured sheets
// of paper, stacked and crumpled into a ball, are told apart by a chain of small
// transformations of space. Every layer maps points of 3-space to points of
// 3-space, so its output can be looked at.
var Uncrumple = &Task{
	Name:  "uncrumple",
	Doc:   "a ball of five crumpled sheets comes apart",
	Model: []string{"chain"},
	Defaults: func(string) Settings {
		return Settings{Steps: 3500, Batch: 1024, LR: 0.02, WeightDecay: decay(1e-4)}
	},
	kind:   uncrumple,
	Layers: func(m nn.Module, x *crease.Tensor) []*crease.Tensor { return m.(*chain).layers(x) },
}

var uncrumple = classifier{
	load: func(_ string, seed uint64) (train, test *data.Arrays, err error) {
		c := data.DefaultSheets()
		c.Seed = seed
		_, train, test, err = data.NewSheets(c)
		return train, test, err
	},
	build: func(_ string, dev *crease.Device, g *crease.Generator) (nn.Module, error) {
		return newChain(dev, g), nil
	},
}

const (
	chainLayers = 8
	chainWidth  = 64
	chainSlope  = 3 // of the initial A: folds of the ball are steeper than a fresh Linear
	space       = 3
	sheets      = 5
)

// chain is transformations x + B·tanh(A·x + a) + b of 3-space, which begin as the
// identity because B and b begin as zero, and one linear layer.
type chain struct {
	folds []nn.Module
	head  *nn.Linear
}

func newChain(dev *crease.Device, g *crease.Generator) *chain {
	c := &chain{}
	at := []crease.Option{crease.On(dev), crease.By(g)}
	for range chainLayers {
		in, out := nn.NewLinear(space, chainWidth, at...), nn.NewLinear(chainWidth, space, at...)
		for _, t := range []*crease.Tensor{in.Weight, in.Bias} {
			t.Assign(t.MulScalar(chainSlope))
		}
		for _, t := range []*crease.Tensor{out.Weight, out.Bias} {
			t.Assign(crease.ZerosLike(t))
		}
		c.folds = append(c.folds, nn.NewResidual(in.WithAct("tanh"), out))
	}
	c.head = nn.NewLinear(space, sheets, at...)
	return c
}

// Forward maps points [N, 3] to scores [N, 5].
func (c *chain) Forward(x *crease.Tensor) *crease.Tensor {
	for _, f := range c.folds {
		x = f.Forward(x)
	}
	return c.head.Forward(x)
}

// Visit names the layers.
func (c *chain) Visit(v *nn.Visitor) {
	nn.NewSequential(c.folds...).Visit(v)
	v.Child("head", c.head)
}

func (c *chain) layers(x *crease.Tensor) []*crease.Tensor {
	out := []*crease.Tensor{x}
	for _, f := range c.folds {
		x = f.Forward(x)
		out = append(out, x)
	}
	return out
}
