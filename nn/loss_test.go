package nn_test

import (
	"math"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/conform/fixture"
	"github.com/crease-ml/crease/nn"
	_ "github.com/crease-ml/crease/opencl"
	"github.com/crease-ml/crease/shape"
)

// lossCase is one that testdata/torch/losses.py has written: of scores, targets and weights.
type lossCase struct{ fixture.Case }

// compute is the loss of a case.
func (c lossCase) compute(x, target *crease.Tensor, more []*crease.Tensor) *crease.Tensor {
	var opts []nn.LossOption
	switch c.Args["reduction"] {
	case "sum":
		opts = append(opts, nn.SumUp())
	case "none":
		opts = append(opts, nn.PerElement())
	case "batchmean":
		opts = append(opts, nn.BatchMean())
	}
	switch c.Name {
	case "mse":
		return nn.MSE(x, target, opts...)
	case "l1":
		return nn.L1(x, target, opts...)
	case "smooth_l1":
		return nn.SmoothL1(x, target, 0.7, opts...)
	case "huber":
		return nn.Huber(x, target, 1.3, opts...)
	case "bce":
		return nn.BCEWithLogits(x, target, opts...)
	case "bce weights":
		return nn.BCEWithLogits(x, target, append(opts, nn.Weighted(more[0]), nn.PositiveWeight(more[1]))...)
	case "nll":
		return nn.NLL(x, target, opts...)
	case "nll weights":
		return nn.NLL(x, target, append(opts, nn.Weighted(more[0]), nn.Ignoring(4))...)
	case "nll pixels":
		return nn.NLL(x, target, append(opts, nn.Ignoring(-100))...)
	case "kl":
		return nn.KLDiv(x, target, opts...)
	case "kl log":
		return nn.KLDiv(x, target, append(opts, nn.LogTarget())...)
	}
	return nil
}

// Losses and their gradients are PyTorch's, eager and compiled.
func TestLossesAgainstTorch(t *testing.T) {
	cases := fixture.Load(t, "testdata/torch/losses.json")
	if len(cases) != 35 {
		t.Errorf("there are %d cases", len(cases))
	}
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		t.Run(name, func(t *testing.T) {
			dev, err := crease.Wrap(conform.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				if name == "opencl" && c.Name != "bce weights" && c.Name != "nll weights" {
					continue // made of the same rows, which a driver takes long to compile
				}
				lossCase{c}.check(t, crease.On(dev))
			}
		})
	}
}

func (c lossCase) check(t *testing.T, on crease.Option) {
	var in []*crease.Tensor
	for _, a := range c.In {
		in = append(in, crease.FromHost(a.Host(t), on))
	}
	x, target, more := in[0], in[1], in[2:]
	out, grad := c.Out[0], c.Grad[0]
	seeds := make([]float32, len(out.Values))
	for i := range seeds {
		seeds[i] = 1 + float32(i%5)/4
	}
	seed := crease.From(seeds, out.Shape, on)
	run := func(in ...*crease.Tensor) []*crease.Tensor {
		leaf := in[0].Detach().RequireGrad()
		y := c.compute(leaf, target, more)
		return append(crease.Grad([]*crease.Tensor{y}, []*crease.Tensor{leaf}, crease.Seeds(seed)), y)
	}
	for mode, got := range map[string][]*crease.Tensor{"eager": run(x), "compiled": crease.Compile(run).Call(x)} {
		if !shape.Equal(got[1].Shape(), out.Shape) {
			t.Errorf("%s, %s, %s: shape %v, want %v", c.Name, c.Args["reduction"], mode, got[1].Shape(), out.Shape)
		}
		for what, l := range map[string][2][]float64{"loss": {got[1].Floats(), out.Floats(t)}, "gradient": {got[0].Floats(), grad.Floats(t)}} {
			for i, want := range l[1] {
				if got := l[0][i]; !(math.Abs(got-want) <= 2e-5*math.Max(1, math.Abs(want))) {
					t.Errorf("%s, %s, %s: %s %v at %d, want %v", c.Name, c.Args["reduction"], mode, what, got, i, want)
				}
			}
		}
	}
}

func TestLossMisuse(t *testing.T) {
	x, y := crease.Zeros([]int{3, 2}), crease.Zeros([]int{3})
	for says, f := range map[string]func(){
		"one shape":               func() { nn.MSE(x, y) },
		"has no option Weighted":  func() { nn.L1(x, x, nn.Weighted(y)) },
		"want more than 0":        func() { nn.Huber(x, x, 0) },
		"want 0 or more":          func() { nn.SmoothL1(x, x, math.NaN()) },
		"log probabilities [N, C": func() { nn.NLL(x, x) },
		"nil":                     func() { nn.BCEWithLogits(x, nil) },
	} {
		if err := crease.Try(f); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error that says %q: %v", says, err)
		}
	}
}
