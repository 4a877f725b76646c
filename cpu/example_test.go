package cpu_test

import (
	"fmt"

	_ "github.com/crease-ml/crease/cpu"
	"github.com/crease-ml/crease/hal"
)

// Importing the package registers the processor, at the best level that it has and at each
// one by name.
func Example() {
	dev, err := hal.OpenNew("cpu/generic@threads=2")
	if err != nil {
		panic(err)
	}
	defer dev.Close()
	fmt.Println(dev.Info().Kind, dev.Info().Arch, dev.Info().Threads)
	// Output: cpu generic 2
}
