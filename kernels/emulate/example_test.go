//go:build (linux || darwin) && (amd64 || arm64)

package emulate_test

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/kernels/emulate"
)

// The portable kernels as C++, with a fiber for every work item: needs a C++ compiler.
func Example() {
	dev, err := emulate.New(dtype.F32)
	if err != nil {
		fmt.Println("no compiler here:", err)
		return
	}
	defer dev.Close()
	fmt.Println(dev.Info().Kind)
}
