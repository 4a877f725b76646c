package bench_test

import (
	"fmt"

	"github.com/crease-ml/crease/bench"
)

// Sizes are written as a list, or as a range that doubles or adds.
func ExampleParseSizes() {
	for _, s := range []string{"64,100", "64-512*2", "64-256+64"} {
		list, err := bench.ParseSizes(s)
		fmt.Println(list, err)
	}
	// Output:
	// [64 100] <nil>
	// [64 128 256 512] <nil>
	// [64 128 192 256] <nil>
}
