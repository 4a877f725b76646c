package dtype_test

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
)

// Element types by name, what two of them become together, and how a number is rounded.
func Example() {
	t, err := dtype.Parse("bf16")
	if err != nil {
		panic(err)
	}
	common, err := dtype.Promote(dtype.I64, dtype.F16)
	if err != nil {
		panic(err)
	}
	fmt.Println(t, t.Size(), common, dtype.ToBFloat16(1.01))
	// Output: bf16 2 f16 1.0078125
}
