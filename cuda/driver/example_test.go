package driver_test

import (
	"fmt"

	"github.com/crease-ml/crease/cuda/driver"
)

// Results are CUDA's codes with their names. After some of them nothing more can be done in
// the context.
func ExampleResult() {
	for _, r := range []driver.Result{0, 2, 700} {
		fmt.Println(r, r.Sticky())
	}
	// Output:
	// CUDA_SUCCESS false
	// CUDA_ERROR_OUT_OF_MEMORY (2) false
	// CUDA_ERROR_ILLEGAL_ADDRESS (700) true
}
