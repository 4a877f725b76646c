package tpu_test

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/tpu"
)

// The emulated accelerator is a device like others, and counts cycles.
func Example() {
	dev, err := crease.Open("tpu:v2")
	if err != nil {
		panic(err)
	}
	x := crease.Ones([]int{64, 64}, crease.On(dev))
	y := x.MatMul(x)
	fmt.Println(y.Amax().Item())
	c := dev.HAL().(tpu.Counter).Count()
	fmt.Println(c.Cycles() > 0)
	// Output:
	// 64
	// true
}
