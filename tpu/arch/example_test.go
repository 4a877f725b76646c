package arch_test

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
)

// A chip by its name, and one of free size.
func Example() {
	v1, err := arch.Preset("v1")
	if err != nil {
		panic(err)
	}
	free, err := arch.Free(16, 8)
	if err != nil {
		panic(err)
	}
	fmt.Println(v1.Rows, v1.Cols, free.Rows, free.Cols)
	// Output: 256 256 16 8
}
