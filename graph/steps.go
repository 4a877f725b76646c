package graph

import (
	"sort"
	"time"

	"github.com/crease-ml/crease/exec"
)

// Step is an instruction of an executable, for reports.
type Step struct {
	Name string // the op, "fused" for several, or "assign"
	Text string // the node, as Dump writes it
	// Served is how the engine runs it: by a kernel, or more slowly.
	Served exec.Step
}

// Steps are the instructions, in the order in which they run.
func (x *Executable) Steps() []Step {
	list := make([]Step, len(x.program))
	for i, in := range x.program {
		list[i] = Step{Name: in.node.what(), Text: in.node.String(), Served: in.plan.Step()}
	}
	return list
}

// what is the op of a node in one word.
func (n *Node) what() string {
	switch {
	case n.kind == Assign:
		return "assign"
	case n.kind != Apply:
		return "constant"
	case n.op.IsFused():
		return "fused"
	}
	return n.op.Name
}

// Stretch is a part of the arena that holds values one after another.
type Stretch struct {
	Offset, Bytes int
	First, Last   int // the steps between which it is in use
}

// Stretches are the parts of the arena, which takes Bytes less scratch.
func (x *Executable) Stretches() []Stretch {
	// Slots count nodes, of which some are no instructions.
	step := func(pos int) int {
		return sort.Search(len(x.program), func(i int) bool { return x.program[i].node.pos >= pos })
	}
	list := make([]Stretch, len(x.slots))
	for i, s := range x.slots {
		list[i] = Stretch{s.offset, s.bytes, step(s.first), min(step(s.last), len(x.program)-1)}
	}
	return list
}

// RunTimed is Run that waits for the device after every step and says how long it took,
// if there is somebody to say it to.
func (x *Executable) RunTimed(inputs []*exec.Array, took func(step int, d time.Duration)) ([]*exec.Array, error) {
	return x.run(inputs, nil, took)
}
