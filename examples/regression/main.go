// Command regression fits a line to noisy points: tensors, gradients, an optimiser, and
// nothing else. PyTorch's "y = w·x + b" in Go.
package main

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

func main() {
	// The points lie around y = 3x - 2. A generator of one's own draws the same ones in
	// every run, on every device.
	g := crease.NewGenerator(1)
	x := crease.RandUniform([]int{200}, -1, 1, crease.By(g))
	noise := crease.RandNormal([]int{200}, 0, 0.1, crease.By(g))
	y := x.MulScalar(3).AddScalar(-2).Add(noise)

	// Leaves are what gradients flow to.
	w, b := crease.Zeros([]int{}, crease.RequireGrad()), crease.Zeros([]int{}, crease.RequireGrad())
	opt := optim.NewSGD([]*crease.Tensor{w, b}, optim.SGDConfig{LR: 0.3})

	for step := range 101 {
		// Tidy frees what the step made: memory does not wait for the garbage collector.
		crease.Tidy(func() []*crease.Tensor {
			loss := nn.MSE(x.Mul(w).Add(b), y)
			loss.Backward()
			opt.Step()
			opt.ZeroGrad()
			if step%20 == 0 {
				fmt.Printf("step %3d  loss %.4f\n", step, loss.Item())
			}
			return nil
		})
	}
	fmt.Printf("y = %.2f x %+.2f\n", w.Item(), b.Item())
}
