package shape_test

import (
	"fmt"

	"github.com/crease-ml/crease/shape"
)

// Shapes that broadcast, and strides that read one as the other.
func Example() {
	out, err := shape.Broadcast([]int{4, 1}, []int{3})
	fmt.Println(out, err)
	strides, err := shape.BroadcastStrides([]int{3}, shape.Strides([]int{3}), out)
	fmt.Println(strides, err)
	_, err = shape.Elements([]int{1 << 40, 1 << 40})
	fmt.Println(err != nil)
	// Output:
	// [4 3] <nil>
	// [0 1] <nil>
	// true
}
