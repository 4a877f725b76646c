package pb_test

import (
	"fmt"

	"github.com/crease-ml/crease/onnx/pb"
)

func Example() {
	data := pb.Marshal(&pb.Node{OpType: "Relu", Input: []string{"x"}, Output: []string{"y"}})
	var n pb.Node
	if err := pb.Unmarshal(data, &n); err != nil {
		panic(err)
	}
	fmt.Println(n.OpType, n.Input, n.Output)
	fmt.Println(pb.Unmarshal(data[:2], &n) != nil)
	// Output:
	// Relu [x] [y]
	// true
}
