package graph

import (
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
)

// foldLimit is the largest number of elements that a folded result may have. Folding saves
// work in every run but holds memory between runs; a large constant is cheaper to compute
// again.
const foldLimit = 1 << 16

// fold computes ops whose operands are all constant once, when the graph is compiled. It
// uses the engine that will run the graph, so that the bits are those of eager execution.
func (g *Graph) fold() error {
	if d, ok := g.engine.Device().(hal.Pauser); ok {
		defer d.PauseCount()() // this work is the compiler's
	}
	f := g.facts()
	known := map[*Value]*exec.Array{}
	var uploaded []*exec.Array // of constants, which keep their host array
	defer func() { release(uploaded) }()
	array := func(v *Value) (*exec.Array, error) {
		n := v.root.node
		a := known[v.root]
		if a == nil {
			if a = n.array; a == nil {
				var err error
				if a, err = g.engine.Upload(*n.host); err != nil {
					return nil, err
				}
				uploaded = append(uploaded, a)
			}
			known[v.root] = a
		}
		return a.Block().On(v.layout, a.Offset()+v.shift), nil
	}
	for _, n := range g.nodes {
		if n.kind != Apply || n.view() || !f.foldable(n) {
			continue
		}
		args := make([]*exec.Array, len(n.in))
		for i, v := range n.in {
			a, err := array(v)
			if err != nil {
				release(args[:i])
				return err
			}
			args[i] = a
		}
		res, err := g.engine.Eval(n.op, n.attrs, args, nil)
		release(args)
		if err != nil {
			return err
		}
		n.kind, n.array, n.in = Const, res[0], nil
	}
	return nil
}

// foldable reports whether a node depends on constants alone, its results are small and
// nothing assigns to them.
func (f facts) foldable(n *Node) bool {
	if len(n.out) != 1 {
		return false
	}
	for _, v := range n.in {
		if v.root.node.kind != Const || !f.fixed(v.storage) {
			return false
		}
	}
	for _, v := range n.out {
		if v.Spec().Elements() > foldLimit || !f.fixed(v.storage) {
			return false
		}
	}
	return true
}

func release(list []*exec.Array) {
	for _, a := range list {
		a.Release()
	}
}

// free gives back the arrays of constants that were computed.
func (n *Node) free() {
	if n.array != nil {
		n.array.Release()
		n.array = nil
	}
}
