package graph_test

import (
	"os"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// A graph records what a program does, and compiles it: what is computed twice is computed
// once, and chains of elementwise ops become one.
func Example() {
	dev, err := hal.Open("cpu")
	if err != nil {
		panic(err)
	}
	e, err := exec.On(dev)
	if err != nil {
		panic(err)
	}
	g := graph.New(e)
	x := g.Input(ops.Spec{DType: dtype.F32, Shape: []int{4}}, "x")
	y := ops.Add.Of(g, ops.Exp.Of(g, x), ops.Exp.Of(g, x))
	run, err := g.Compile(y)
	if err != nil {
		panic(err)
	}
	defer run.Close()
	if err := run.Graph().Dump(os.Stdout, graph.Text); err != nil {
		panic(err)
	}
	// Output:
	// %0 = input x : f32[4]
	// %3 = fused exp(x0) + exp(x0)(%0) : f32[4]
	// return %3
}
