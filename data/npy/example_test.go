package npy_test

import (
	"fmt"

	"github.com/crease-ml/crease/data/npy"
	"github.com/crease-ml/crease/ops"
)

func Example() {
	h, err := ops.HostOf([]int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		panic(err)
	}
	file, err := npy.Encode(h)
	if err != nil {
		panic(err)
	}
	back, err := npy.Decode(file)
	fmt.Println(back.Spec, back.Float64s(), err)
	// Output: f32[2 2] [1 2 3 4] <nil>
}
