package opencl_test

import (
	"errors"
	"fmt"

	"github.com/crease-ml/crease/hal"
	_ "github.com/crease-ml/crease/opencl"
)

// Importing the package registers OpenCL. Where there is no driver, opening says so.
func Example() {
	dev, err := hal.OpenNew("opencl:0")
	var absent *hal.AbsentError
	if errors.As(err, &absent) {
		fmt.Println("no OpenCL here:", absent)
		return
	}
	if err != nil {
		panic(err)
	}
	defer dev.Close()
	fmt.Println(dev.Info().Name)
}
