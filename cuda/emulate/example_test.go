package emulate_test

import (
	"fmt"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/cuda/emulate"
)

// The emulated driver is CUDA's, and needs no GPU.
func Example() {
	var d driver.Driver = emulate.New(1)
	fmt.Println(d.Init() == driver.Success)
	// Output: true
}
