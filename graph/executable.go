package graph

import (
	"fmt"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// Executable is a compiled graph: a flat list of instructions over numbered
// slots. It is safe for use by one goroutine at a time.
type Executable struct {
	engine  *exec.Engine
	inputs  []ops.Spec
	consts  map[int]*exec.Array // by slot, held as long as the executable
	program []instruction
	outputs []int
	slots   int
}

// instruction runs one op.
type instruction struct {
	op    *ops.Op
	attrs any
	in    []int
	out   []int
	specs []ops.Spec
	free  []int // slots whose last use this is
}

// Compile fixes the outputs and makes the graph executable on an engine.
func (g *Graph) Compile(e *exec.Engine, outputs ...ops.Value) (*Executable, error) {
	outs := make([]*Value, len(outputs))
	for i, v := range outputs {
		if !g.Owns(v) {
			return nil, fmt.Errorf("graph: output %d (%T) is not a value of this graph", i, v)
		}
		outs[i] = v.(*Value)
	}
	used := live(outs)
	var nodes []*node
	for _, n := range g.nodes {
		if used[n] {
			nodes = append(nodes, n)
		}
	}
	known, err := fold(e, nodes)
	if err != nil {
		return nil, err
	}
	return g.layout(e, nodes, known, outs), nil
}

// layout numbers the slots: inputs first, then the results of every node.
func (g *Graph) layout(e *exec.Engine, nodes []*node, known map[*node][]ops.Value, outs []*Value) *Executable {
	x := &Executable{engine: e, consts: map[int]*exec.Array{}}
	slot := map[*node]int{}
	for _, n := range g.inputs {
		slot[n] = x.slots
		x.inputs = append(x.inputs, n.specs[0])
		x.slots++
	}
	last := map[int]int{} // slot to the instruction that uses it last
	for _, n := range nodes {
		if n.op == nil && n.value == nil {
			continue
		}
		slot[n] = x.slots
		x.slots += len(n.specs)
		if arrays := known[n]; arrays != nil {
			for i, a := range arrays {
				x.consts[slot[n]+i] = a.(*exec.Array)
			}
			continue
		}
		in := instruction{op: n.op, attrs: n.attrs, specs: n.specs}
		for _, v := range n.in {
			s := slot[v.n] + v.i
			in.in = append(in.in, s)
			last[s] = len(x.program)
		}
		for i := range n.specs {
			in.out = append(in.out, slot[n]+i)
			last[slot[n]+i] = len(x.program)
		}
		x.program = append(x.program, in)
	}
	keep := map[int]bool{}
	for _, v := range outs {
		s := slot[v.n] + v.i
		x.outputs = append(x.outputs, s)
		keep[s] = true
	}
	for s, i := range last {
		if s >= len(g.inputs) && x.consts[s] == nil && !keep[s] {
			x.program[i].free = append(x.program[i].free, s)
		}
	}
	for s, a := range x.consts { // those that only folded ops read
		if _, used := last[s]; !used && !keep[s] {
			a.Release()
			delete(x.consts, s)
		}
	}
	return x
}

// Run replays the graph. Inputs stay the caller's; so do the results.
func (x *Executable) Run(inputs ...*exec.Array) ([]*exec.Array, error) {
	if len(inputs) != len(x.inputs) {
		return nil, fmt.Errorf("graph: %d inputs given, %d recorded", len(inputs), len(x.inputs))
	}
	slots := make([]*exec.Array, x.slots)
	for i, a := range inputs {
		if err := x.check(i, a); err != nil {
			return nil, err
		}
		slots[i] = a
	}
	for s, a := range x.consts {
		slots[s] = a
	}
	for pc := range x.program {
		in := &x.program[pc]
		args := make([]*exec.Array, len(in.in))
		for i, s := range in.in {
			args[i] = slots[s]
		}
		res, err := x.engine.Run(in.op, in.attrs, args, in.specs)
		if err != nil {
			for s := len(x.inputs); s < x.slots; s++ {
				if slots[s] != nil && x.consts[s] == nil {
					slots[s].Release()
				}
			}
			return nil, err
		}
		for i, s := range in.out {
			slots[s] = res[i]
		}
		for _, s := range in.free {
			slots[s].Release()
		}
	}
	out := make([]*exec.Array, len(x.outputs))
	given := map[int]bool{}
	for i, s := range x.outputs {
		out[i] = slots[s]
		if given[s] || s < len(x.inputs) || x.consts[s] != nil {
			out[i] = slots[s].Share().(*exec.Array)
		}
		given[s] = true
	}
	return out, nil
}

// check refuses an input that is not what was recorded.
func (x *Executable) check(i int, a *exec.Array) error {
	switch {
	case a == nil:
		return fmt.Errorf("graph: input %d is missing", i)
	case a.Released():
		return fmt.Errorf("graph: input %d has been freed", i)
	case a.Engine() != x.engine:
		return fmt.Errorf("graph: input %d is on another device, %s, than the graph, %s", i, a.Engine().Device().Info().Name, x.engine.Device().Info().Name)
	case !a.Spec().Equal(x.inputs[i]):
		return fmt.Errorf("graph: input %d is %s, recorded as %s", i, a.Spec(), x.inputs[i])
	}
	return nil
}

// Close releases the constants.
func (x *Executable) Close() {
	for _, a := range x.consts {
		a.Release()
	}
}

// Len is the number of instructions.
func (x *Executable) Len() int { return len(x.program) }
