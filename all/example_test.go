package all_test

import (
	"fmt"

	"github.com/crease-ml/crease"
	_ "github.com/crease-ml/crease/all"
)

// An emulated TPU needs nothing but the import; so would opencl:0 and cuda:0, where there are drivers.
func Example() {
	d, err := crease.Open("tpu:v2")
	if err != nil {
		fmt.Println(err)
		return
	}
	x := crease.Full([]int{2, 2}, 3.0, crease.On(d))
	fmt.Println(x.MatMul(x).Floats(), "on", d.Name())
	// Output: [18 18 18 18] on tpu:v2
}
