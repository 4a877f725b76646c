package optim_test

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/optim"
)

// An optimiser changes parameters by the gradients that Backward has left on them.
func Example() {
	w := crease.From([]float32{4}, nil).RequireGrad()
	params := []*crease.Tensor{w}
	opt := optim.NewSGD(params, optim.SGDConfig{LR: 0.25})
	for range 3 {
		w.Square().Sum().Backward()
		opt.Step()
		opt.ZeroGrad()
	}
	fmt.Println(w)
	// Output: [0.5]
}

// Between Backward and Step gradients can be limited.
func ExampleClipGradNorm() {
	w := crease.From([]float32{3, 4}, nil).RequireGrad()
	w.Square().Sum().MulScalar(0.5).Backward()
	norm := optim.ClipGradNorm([]*crease.Tensor{w}, 1, 2)
	fmt.Printf("%.1f before, %.1f after\n", norm.Item(), w.Grad().Norm(2).Item())
	// Output: 5.0 before, 1.0 after
}
