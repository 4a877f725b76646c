package quant_test

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/quant"
)

// A dense layer in 8-bit integers: the scale of the weights follows from the largest.
func Example() {
	n := &quant.Network{Layers: []quant.Layer{{Name: "dense", Height: 1, Width: 1, In: 2, Out: 2, Weights: []float32{1, 0, 0, -0.5}, Bias: []float32{0, 1}}}}
	q, err := quant.Quantize(n, [][]float32{{1, 2}}, false)
	if err != nil {
		panic(err)
	}
	x := make([]byte, 2)
	q.Input(x, []float32{2, -2})
	fmt.Println(n.Forward([]float32{2, 2}, nil), int8(x[0]), int8(x[1]))
	// Output: [2 0] 127 -127
}
