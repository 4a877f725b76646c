package graph

import (
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// live marks the nodes that outputs depend on: dead-code elimination.
func live(outputs []*Value) map[*node]bool {
	seen := map[*node]bool{}
	var stack []*node
	for _, v := range outputs {
		stack = append(stack, v.n)
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		for _, v := range n.in {
			stack = append(stack, v.n)
		}
	}
	return seen
}

// foldLimit is the most elements of a folded result: folding trades memory held
// for work saved, and a large constant is cheaper to make again.
const foldLimit = 1 << 16

// fold computes ops on constants once, on the engine that will replay the
// graph, so that the bits are those of eager. It returns the arrays by node, none
// with an error.
func fold(e *exec.Engine, nodes []*node) (known map[*node][]ops.Value, err error) {
	known = map[*node][]ops.Value{}
	defer func() {
		if err != nil {
			for _, arrays := range known {
				for _, a := range arrays {
					a.(*exec.Array).Release()
				}
			}
		}
	}()
	for _, n := range nodes {
		if n.value != nil {
			a, err := e.Upload(*n.value)
			if err != nil {
				return known, err
			}
			known[n] = []ops.Value{a}
			continue
		}
		if n.op == nil || !foldable(n, known) {
			continue
		}
		args := make([]*exec.Array, len(n.in))
		for i, v := range n.in {
			args[i] = known[v.n][v.i].(*exec.Array)
		}
		res, err := e.Run(n.op, n.attrs, args, n.specs)
		if err != nil {
			return known, err
		}
		for _, a := range res {
			known[n] = append(known[n], a)
		}
	}
	return known, nil
}

func foldable(n *node, known map[*node][]ops.Value) bool {
	for _, v := range n.in {
		if known[v.n] == nil {
			return false
		}
	}
	for _, s := range n.specs {
		if s.Elements() > foldLimit {
			return false
		}
	}
	return true
}
