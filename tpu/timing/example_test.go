package timing_test

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/timing"
)

// How many cycles a chip takes for a product, by the rule of its own.
func Example() {
	c, err := arch.Preset("v2")
	if err != nil {
		panic(err)
	}
	small, err := timing.Own(c, timing.Product{M: 128, N: 128, K: 128})
	if err != nil {
		panic(err)
	}
	large, err := timing.Own(c, timing.Product{M: 4096, N: 128, K: 128})
	if err != nil {
		panic(err)
	}
	fmt.Println(large.Cycles > small.Cycles, large.Utilization > small.Utilization)
	// Output: true true
}
