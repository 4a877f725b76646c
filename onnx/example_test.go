package onnx_test

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/onnx"
)

// A module is written as a model, read again and run.
func Example() {
	dev, err := crease.Open("cpu")
	if err != nil {
		panic(err)
	}
	x := crease.From([]float32{-1, 0, 2}, []int{1, 3}, crease.On(dev))
	written, err := onnx.Export(nn.NewSequential(nn.Relu(), nn.Softmax(-1)), x)
	if err != nil {
		panic(err)
	}
	m, err := onnx.Decode(written.Marshal())
	if err != nil {
		panic(err)
	}
	s, err := onnx.NewSession(m, dev)
	if err != nil {
		panic(err)
	}
	defer s.Close()
	y, err := s.RunCompiled(onnx.Of(x))
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Inputs()[0], y[0].Tensor.Argmax(-1).Floats())
	// Output: x FLOAT[1 3] [2]
}
