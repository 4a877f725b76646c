package train_test

import (
	"context"
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
	"github.com/crease-ml/crease/train"
)

// A loop trains, reports and saves; what it takes is functions.
func Example() {
	model := nn.NewLinear(1, 1)
	l := &train.Loop{
		Model: model, Optimizer: optim.NewAdam(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 0.05}), Steps: 300,
		Batches: train.Each(func(step int) []*crease.Tensor {
			x := crease.Linspace(-1, 1, 16).Unsqueeze(1)
			return []*crease.Tensor{x, x.MulScalar(3)}
		}),
		Loss: func(in ...*crease.Tensor) *crease.Tensor { return model.Forward(in[0]).Mse(in[1]) },
	}
	if err := l.Run(context.Background()); err != nil {
		panic(err)
	}
	fmt.Printf("%.1f\n", model.Weight.Item())
	// Output: 3.0
}
