// Command compile shows what crease.Compile makes of a function: the same bits, fewer
// steps, and a new recording where shapes differ.
package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/graph"
)

// gate is what one would write without thinking of passes over memory.
func gate(in ...*crease.Tensor) []*crease.Tensor {
	x, w := in[0], in[1]
	h := x.MatMul(w)
	return []*crease.Tensor{h.Sigmoid().Mul(h.Tanh()).AddScalar(1).MulScalar(0.5)}
}

func main() {
	g := crease.By(crease.NewGenerator(1))
	x, w := crease.Randn([]int{8, 16}, g), crease.Randn([]int{16, 16}, g)

	compiled := crease.Compile(gate)
	eager, replayed := gate(x, w)[0].Floats(), compiled.Call(x, w)[0].Floats()
	fmt.Println("the same bits:", slices.Equal(eager, replayed))
	fmt.Println("steps of the graph:", compiled.Executables()[0].Len())

	// Another shape is another recording; the first one is kept.
	compiled.Call(crease.Randn([]int{3, 16}, g), w)
	compiled.Call(x, w)
	fmt.Println("recordings:", len(compiled.Executables()))

	// A compiled function must not look at elements: what it would do with them, it would do
	// once, when it is recorded.
	err := crease.Try(func() {
		crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
			if in[0].Sum().Item() > 0 {
				return in
			}
			return nil
		}).Call(x)
	})
	fmt.Println("reading elements is an error:", err != nil)

	fmt.Println("the graph:")
	if err := compiled.Dump(os.Stdout, graph.Text); err != nil {
		fmt.Println(err)
	}
}
