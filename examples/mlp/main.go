// Command mlp teaches a small network to tell two interleaved spirals apart: layers,
// batches, a learning rate that follows a schedule, and an evaluation.
package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

// spirals are points of two arms that wind around the origin.
func spirals(n int, r *rand.Rand) *data.Arrays {
	a := &data.Arrays{Shape: []int{2}, Classes: []string{"one", "other"}}
	for i := range n {
		arm, along := i%2, 0.2+r.Float64()
		angle := 7*along + math.Pi*float64(arm)
		a.X = append(a.X, float32(along*math.Cos(angle)+0.02*r.NormFloat64()), float32(along*math.Sin(angle)+0.02*r.NormFloat64()))
		a.Y = append(a.Y, int64(arm))
	}
	return a
}

// tensors copies samples to the device.
func tensors(x []float32, y []int64) (points, classes *crease.Tensor) {
	return crease.From(x, []int{len(y), 2}), crease.From(y, nil)
}

// accuracy is the share of points that the model puts on the right arm.
func accuracy(model nn.Module, a *data.Arrays) (share float64) {
	crease.NoGrad(func() {
		crease.Tidy(func() []*crease.Tensor {
			x, y := tensors(a.X, a.Y)
			right := model.Forward(x).Argmax(1).Eq(y)
			share = right.Sum().Item() / float64(a.Len())
			return nil
		})
	})
	return share
}

func main() {
	r := rand.New(rand.NewPCG(1, 2))
	train, test := spirals(2000, r), spirals(500, r)
	g := crease.By(crease.NewGenerator(7))
	model := nn.NewSequential(
		nn.NewLinear(2, 64, g), nn.Relu(),
		nn.NewLinear(64, 64, g), nn.Relu(),
		nn.NewLinear(64, 2, g),
	)
	fmt.Printf("%d parameters, accuracy before training %.0f %%\n", nn.Count(model), 100*accuracy(model, test))

	// Batch k is a function of the seed and k alone.
	loader, err := data.NewLoader(train, data.LoaderConfig{Batch: 64, Seed: 3, Shuffle: true})
	if err != nil {
		panic(err)
	}
	const steps = 400
	params := nn.Tensors(nn.Parameters(model))
	opt, rate := optim.NewAdamW(params, optim.AdamConfig{LR: 1e-2}), optim.OneCycle(1e-2, steps, 0.3)
	for step := range steps {
		crease.Tidy(func() []*crease.Tensor {
			b := loader.At(step)
			x, y := tensors(b.X, b.Y)
			loss := model.Forward(x).CrossEntropy(y)
			loss.Backward()
			optim.ClipGradNorm(params, 1, 2)
			opt.SetLR(rate(step))
			opt.Step()
			opt.ZeroGrad()
			return nil
		})
	}
	fmt.Printf("accuracy after %d steps %.0f %%\n", steps, 100*accuracy(model, test))
}
