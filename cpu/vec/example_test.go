package vec_test

import (
	"fmt"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/internal/cpufeat"
)

// A table of primitives for an instruction set; the plain one is everywhere.
func Example() {
	f := vec.For(cpufeat.Generic)
	x, y := []float32{1, 2, 3}, make([]float32, 3)
	f.MulS(y, x, 2)
	fmt.Println(y, f.Dot(x, y))
	// Output: [2 4 6] 28
}
