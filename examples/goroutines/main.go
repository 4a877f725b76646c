// Command goroutines trains the same model with several learning rates at once, each in a
// goroutine of its own, and then serves the best one to many goroutines.
package main

import (
	"fmt"
	"sync"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

// train fits a network to the sine and returns it with its last loss. Gradients and modes
// such as NoGrad belong to a goroutine, so runs do not disturb each other.
func train(lr float64) (model nn.Module, loss float64) {
	g := crease.NewGenerator(1) // of this run alone, so that it draws the same numbers each time
	net := nn.NewSequential(nn.NewLinear(1, 32, crease.By(g)), nn.Tanh(), nn.NewLinear(32, 1, crease.By(g)))
	x := crease.RandUniform([]int{256, 1}, -3, 3, crease.By(g))
	y := x.Sin()
	opt := optim.NewAdam(nn.Tensors(nn.Parameters(net)), optim.AdamConfig{LR: lr})
	for range 150 {
		crease.Tidy(func() []*crease.Tensor {
			l := nn.MSE(net.Forward(x), y)
			l.Backward()
			opt.Step()
			opt.ZeroGrad()
			loss = l.Item()
			return nil
		})
	}
	return net, loss
}

func main() {
	rates := []float64{1e-4, 1e-3, 1e-2, 3e-2}
	models, losses := make([]nn.Module, len(rates)), make([]float64, len(rates))
	var wait sync.WaitGroup
	for i, lr := range rates {
		wait.Go(func() { models[i], losses[i] = train(lr) })
	}
	wait.Wait()
	best := 0
	for i := range rates {
		if losses[i] < losses[best] {
			best = i
		}
	}
	fmt.Println("the best of the rates", rates, "is", rates[best])

	// A compiled function is safe for concurrent use; calls take turns.
	infer := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		return []*crease.Tensor{models[best].Forward(in[0])}
	})
	answers := make([]float64, 8)
	for i := range answers {
		wait.Go(func() {
			crease.NoGrad(func() {
				crease.Tidy(func() []*crease.Tensor {
					x := crease.Full([]int{1, 1}, float64(i)/4)
					answers[i] = infer.Call(x)[0].Item() - x.Sin().Item()
					return nil
				})
			})
		})
	}
	wait.Wait()
	good := true
	for _, off := range answers {
		good = good && off < 0.2 && off > -0.2
	}
	fmt.Println("eight goroutines had good answers:", good)
}
