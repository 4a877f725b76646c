package ops_test

import (
	"fmt"

	"github.com/crease-ml/crease/ops"
)

// A row is all that is known of an op: here its shape rule, and its reference through the
// interpreter.
func Example() {
	x, err := ops.HostOf([]int{2, 3}, []float32{3, 1, 2, 6, 5, 4})
	if err != nil {
		panic(err)
	}
	out, err := ops.Sum.Specs(ops.ReduceAttrs{Axes: []int{1}}, []ops.Spec{x.Spec})
	fmt.Println(out, err)
	b := ops.Interpreter{}
	sorted := ops.Sort.Apply(b, ops.SortAttrs{Axis: 1}, b.Const(x))
	fmt.Println(sorted[0].(*ops.HostValue).Host.Float64s(), sorted[1].(*ops.HostValue).Host.Float64s())
	_, err = ops.MatMul.Specs(nil, []ops.Spec{x.Spec, x.Spec})
	fmt.Println(err)
	// Output:
	// [f32[2]] <nil>
	// [1 2 3 4 5 6] [1 2 0 2 1 0]
	// matmul(f32[2 3], f32[2 3]): x has 3 columns and y has 2 rows; they must agree
}
