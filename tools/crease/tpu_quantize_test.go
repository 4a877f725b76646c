package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/tools/crease/train"
)

// The layers that are quantised compute what the model they are read from does, for every
// model that the command takes.
func TestIntegerNetwork(t *testing.T) {
	for _, name := range []string{"mlp", "cnn"} {
		t.Run(name, func(t *testing.T) {
			dev, err := crease.Open("cpu")
			if err != nil {
				t.Fatal(err)
			}
			model, err := train.Fashion.Build(name, dev, crease.NewGenerator(rand.Uint64(), crease.On(dev)))
			if err != nil {
				t.Fatal(err)
			}
			nn.Eval(model)
			samples := &data.Arrays{X: make([]float32, 2*28*28), Shape: []int{1, 28, 28}, Y: make([]int64, 2)}
			for i := range samples.X {
				samples.X[i] = float32(rand.NormFloat64())
			}
			net, err := integerNetwork(model, samples.Shape)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range forward(model, dev, samples, 2) {
				for k, v := range net.Forward(sample(samples, i), nil) {
					if math.Abs(float64(v-want[k])) > 1e-3*(1+math.Abs(float64(want[k]))) {
						t.Errorf("sample %d, class %d: %g, want %g", i, k, v, want[k])
					}
				}
			}
		})
	}
}
