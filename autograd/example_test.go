package autograd_test

import (
	"fmt"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/ops"
)

// Reverse mode is written over ops.Builder: here it differentiates what the references
// compute, on no device at all.
func Example() {
	h, err := ops.HostOf([]int{3}, []float64{1, 2, 3})
	if err != nil {
		panic(err)
	}
	b := ops.Interpreter{}
	x, err := autograd.NewVar(b.Const(h), true)
	if err != nil {
		panic(err)
	}
	square := autograd.Apply(b, true, ops.Mul, nil, x, x)[0]
	sum := autograd.Apply(b, true, ops.Sum, ops.ReduceAttrs{}, square)[0]
	if err := autograd.Backward(b, sum, nil, autograd.Options{}); err != nil {
		panic(err)
	}
	fmt.Println(x.Gradient().Value().(*ops.HostValue).Host.Float64s())
	// Output: [2 4 6]
}
