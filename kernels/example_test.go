package kernels_test

import (
	"fmt"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// A device that compiles source says what it is, and has a kernel for every core row.
func Example() {
	r := &hal.Registry{}
	if _, err := kernels.Register(r, kernels.Caps{Dialect: kernels.OpenCL, MaxGroup: 256, Local: 32 << 10}); err != nil {
		panic(err)
	}
	fmt.Println(len(r.For("matmul")) > 0, len(r.For("argsort")) > 0)
	// Output: true true
}
