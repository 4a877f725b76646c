package conform_test

import (
	"fmt"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Which kernels a device lacks, and whether it computes a row rightly.
func Example() {
	dev, err := hal.OpenNew("cpu/generic@threads=1")
	if err != nil {
		panic(err)
	}
	defer dev.Close()
	fmt.Println("missing:", conform.Missing(dev, ops.Softmax))
	fmt.Println("passes:", conform.Passes(dev, ops.Softmax))
	// Output:
	// missing: []
	// passes: true
}
