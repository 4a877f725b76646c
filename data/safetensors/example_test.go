package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/dtype"
)

// Tensors by name, written and read.
func Example() {
	var file bytes.Buffer
	w := safetensors.Tensor{Name: "weight", DType: dtype.F32, Shape: []int{2}, Data: dtype.Bytes([]float32{1, -2})}
	if err := safetensors.Write(&file, []safetensors.Tensor{w}, map[string]string{"made by": "crease"}); err != nil {
		panic(err)
	}
	f, err := safetensors.Read(file.Bytes())
	if err != nil {
		panic(err)
	}
	t, ok := f.Get("weight")
	fmt.Println(ok, t.DType, t.Shape, dtype.Slice[float32](t.Data), f.Metadata["made by"])
	// Output: true f32 [2] [1 -2] crease
}
