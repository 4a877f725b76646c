package num_test

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/num"
)

// Rounding to the 16-bit floats of the arrays, and of a sum to a signed byte.
func Example() {
	fmt.Println(num.Widen(num.Narrow(1.01)), num.Requant(2.5, 0, true), num.Requant(300, 0, true))
	// Output: 1.0078125 2 127
}
