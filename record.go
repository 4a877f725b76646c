package crease

import (
	"fmt"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
)

// Recording is what a function does, as a program that was not optimised: for those who
// write it in another format.
type Recording struct {
	Graph    *graph.Graph
	Inputs   []*graph.Value // of the arguments
	Results  []*graph.Value
	Captures []Captured // tensors that the function used without receiving them
}

// Captured is a tensor from outside, and the value that stands for it.
type Captured struct {
	Tensor *Tensor
	Value  *graph.Value
}

// Record runs f once on tensors that stand for in, as [Compile] does, and returns what it
// did. It panics as [Compiled.Call] does when f cannot be recorded.
func Record(f func(in ...*Tensor) []*Tensor, in ...*Tensor) *Recording {
	wantTensors("compile", in)
	dev := device("compile", in)
	tr := newTrace(dev)
	args := make([]*Tensor, len(in))
	r := &Recording{Graph: tr.g}
	for i, t := range in {
		l, err := exec.NewLayout(t.Spec(), nil)
		if err != nil {
			panic(err)
		}
		v := tr.g.InputOn(&graph.Storage{}, l, fmt.Sprintf("argument %d", i))
		r.Inputs = append(r.Inputs, v)
		args[i] = &Tensor{v: autograd.Constant(v), dev: dev}
	}
	for _, v := range tr.values(backward, tr.run(f, args)) {
		r.Results = append(r.Results, v.(*graph.Value))
	}
	for _, c := range tr.captures {
		r.Captures = append(r.Captures, Captured{c.t, c.inside.Value().(*graph.Value)})
	}
	return r
}
