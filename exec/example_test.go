package exec_test

import (
	"fmt"

	_ "github.com/crease-ml/crease/cpu"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// An engine runs rows on a device.
func Example() {
	dev, err := hal.Open("cpu")
	if err != nil {
		panic(err)
	}
	e, err := exec.On(dev)
	if err != nil {
		panic(err)
	}
	h, err := ops.HostOf([]int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		panic(err)
	}
	x, err := e.Upload(h)
	if err != nil {
		panic(err)
	}
	defer x.Release()
	y := ops.MatMul.Of(e, x, x).(*exec.Array)
	defer y.Release()
	result, err := y.Host()
	fmt.Println(result.Spec, result.Float64s(), err)
	// Output: f32[2 2] [7 10 15 22] <nil>
}
