package data_test

import (
	"fmt"

	"github.com/crease-ml/crease/data"
)

// Batch k is a function of the configuration and k alone.
func Example() {
	a := &data.Arrays{X: []float32{0, 1, 2, 3, 4}, Shape: []int{1}, Y: []int64{0, 1, 0, 1, 0}, Classes: []string{"even", "odd"}}
	loader, err := data.NewLoader(a, data.LoaderConfig{Batch: 2})
	if err != nil {
		panic(err)
	}
	fmt.Println(loader.Steps(), loader.At(1).X, loader.At(1).Y, loader.At(2).X)
	// Output: 3 [2 3] [0 1] [4]
}
