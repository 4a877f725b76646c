package libcuda_test

import (
	"fmt"

	"github.com/crease-ml/crease/cuda/libcuda"
)

// NVIDIA's library is opened where it is installed; elsewhere the error says what was
// looked for.
func ExampleOpen() {
	d, err := libcuda.Open()
	if err != nil {
		fmt.Println("no driver here:", err)
		return
	}
	fmt.Println(d.Init())
}
