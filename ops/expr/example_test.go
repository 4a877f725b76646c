package expr_test

import (
	"fmt"

	"github.com/crease-ml/crease/ops/expr"
)

// A scalar expression over inputs x0, x1 ... and parameters p0, p1 ...
func Example() {
	n, err := expr.Parse("max(x0, 0) + p0 * min(x0, 0)")
	if err != nil {
		panic(err)
	}
	fmt.Println(n, n.Inputs(), n.Params(), expr.Eval(n, []float64{-3}, []float64{0.5}))
	_, err = expr.Parse("x0 +")
	fmt.Println(err != nil)
	// Output:
	// max(x0, 0) + p0 * min(x0, 0) 1 1 -1.5
	// true
}
