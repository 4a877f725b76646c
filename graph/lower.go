package graph

import (
	"slices"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// lower replaces ops for which the device has no kernel by their lowering, and makes the
// copies of strided operands that kernels need nodes of the graph, so that the passes that
// follow see all kernels that will run. An op that has neither is left and runs on the host.
func (g *Graph) lower() error {
	for again := true; again; {
		again = false
		old := g.nodes
		g.nodes = make([]*Node, 0, len(old))
		for _, n := range old {
			g.update(n)
			if n.kind != Apply || n.view() || n.plan.Step() == exec.Kernel || n.plan.Step() == exec.Reference {
				n.pos = len(g.nodes)
				g.nodes = append(g.nodes, n)
				continue
			}
			if err := exec.Allowed(g.engine, n.op, n.plan.Step()); err != nil {
				g.nodes = append(g.nodes, old[n.pos:]...)
				return err
			}
			out := g.simpler(n)
			for i, v := range n.out {
				if !out[i].layout.Equal(v.layout) || shares(out[i], n.in) || shares(out[i], out[:i]) {
					out[i] = g.apply(ops.Copy, nil, []*Value{out[i]}).out[0] // as the engine gives it
				}
				v.instead = out[i]
			}
			again = true
		}
		g.settle(nil)
	}
	return nil
}

// simpler records what the engine would do in place of a node and returns the results.
func (g *Graph) simpler(n *Node) []*Value {
	if n.plan.Step() == exec.Densified {
		in := make([]*Value, len(n.in))
		for i, v := range n.in {
			if n.plan.Copies()[i] != nil {
				if dims := n.out[0].Spec().Shape; n.op.Expr != nil {
					v = ops.Expanded(g, v, dims).(*Value)
				}
				v = g.apply(ops.Copy, nil, []*Value{v}).out[0]
			}
			in[i] = v
		}
		return g.apply(n.op, n.attrs, in).out
	}
	args := make([]ops.Value, len(n.in))
	for i, v := range n.in {
		args[i] = v
	}
	out := make([]*Value, len(n.out))
	for i, v := range n.op.Lower(g, n.attrs, args) {
		out[i] = v.(*Value)
	}
	return out
}

// shares reports whether a value lies in the same memory as one of a list.
func shares(v *Value, list []*Value) bool {
	return slices.ContainsFunc(list, func(o *Value) bool { return o.storage == v.storage })
}
