package cuda_test

import (
	"errors"
	"fmt"

	_ "github.com/crease-ml/crease/cuda"
	"github.com/crease-ml/crease/hal"
)

// Importing the package registers CUDA. Where there is no GPU, opening says so.
func Example() {
	dev, err := hal.OpenNew("cuda:0")
	var absent *hal.AbsentError
	if errors.As(err, &absent) {
		fmt.Println("no GPU here:", absent)
		return
	}
	if err != nil {
		panic(err)
	}
	defer dev.Close()
	fmt.Println(dev.Info().Name)
}
