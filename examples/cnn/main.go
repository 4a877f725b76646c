// Command cnn teaches a convolutional network to tell discs, squares and crosses apart
// wherever they are in a noisy picture, and compiles the training step.
package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

const side = 16

// draw makes n pictures [n, 1, side, side] and the classes of what they show.
func draw(n int, r *rand.Rand) (pictures, classes *crease.Tensor) {
	pixels, kinds := make([]float32, n*side*side), make([]int32, n)
	for i := range n {
		kind, cx, cy := r.IntN(3), 4+r.IntN(side-8), 4+r.IntN(side-8)
		kinds[i] = int32(kind)
		for y := range side {
			for x := range side {
				dx, dy := x-cx, y-cy
				on := []bool{dx*dx+dy*dy <= 10, max(dx, -dx) <= 2 && max(dy, -dy) <= 2, (dx == 0 || dy == 0) && dx*dx+dy*dy <= 16}[kind]
				v := 0.3 * float32(r.NormFloat64())
				if on {
					v++
				}
				pixels[(i*side+y)*side+x] = v
			}
		}
	}
	return crease.From(pixels, []int{n, 1, side, side}), crease.From(kinds, nil)
}

func main() {
	r := rand.New(rand.NewPCG(5, 6))
	g := crease.By(crease.NewGenerator(1))
	same := nn.ConvConfig{Pad: 1}
	model := nn.NewSequential(
		nn.NewConv2d(1, 8, 3, same, g).WithoutBias(), nn.NewBatchNorm2d(8), nn.Relu(), nn.NewMaxPool2d(2, nn.ConvConfig{}),
		nn.NewConv2d(8, 16, 3, same, g).WithoutBias(), nn.NewBatchNorm2d(16), nn.Relu(), nn.NewMaxPool2d(2, nn.ConvConfig{}),
		nn.NewFlatten(), nn.NewLinear(16*side/4*side/4, 3, g),
	)
	opt := optim.NewAdamW(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 3e-3})

	// The step is recorded once and replayed: same bits, fewer passes over memory.
	step := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		loss := model.Forward(in[0]).CrossEntropy(in[1])
		loss.Backward()
		opt.Step()
		opt.ZeroGrad()
		return []*crease.Tensor{loss.Detach()}
	})
	for i := range 61 {
		crease.Tidy(func() []*crease.Tensor {
			loss := step.Call(draw(64, r))[0]
			if i%20 == 0 {
				fmt.Printf("step %2d  loss %.3f\n", i, loss.Item())
			}
			return nil
		})
	}

	// In evaluation batch normalisation uses the statistics of training.
	nn.Eval(model)
	crease.NoGrad(func() {
		x, y := draw(500, r)
		fmt.Printf("accuracy %.0f %%\n", 100*model.Forward(x).Argmax(1).Eq(y).Sum().Item()/500)
	})
}
