package graph

import (
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// epilogue merges the addition of a bias into the matrix product or convolution before it,
// and an activation into the linear layer before it. The kernel then does this work while a
// tile of the result is in cache. It does so only where nothing else uses the product. Ops
// on 16-bit floats are left apart, because eager execution rounds between them.
func (g *Graph) epilogue() error {
	f := g.facts()
	uses := g.uses()
	old := g.nodes
	g.nodes = make([]*Node, 0, len(old))
	was, absorbed := make([]int, g.values), make([]bool, g.values) // by node; the facts are about places as they were
	for _, n := range old {
		g.update(n)
		was[n.id] = n.pos
		if n.kind == Apply && len(n.out) == 1 && n.op.Expr != nil && fusable(n.out[0].Spec().DType) {
			for i, v := range n.in {
				p := v.node
				if p.kind == Apply && p.op.Absorb != nil && v.id < len(uses) && uses[v.id] == 1 && !f.escapes[v.storage] && f.fixed(v.storage) &&
					f.unchanged(p, was[p.id], was[n.id]) && g.absorb(n, p, i) {
					absorbed[p.id] = true
					break
				}
			}
		}
		n.pos = len(g.nodes)
		g.nodes = append(g.nodes, n) // what is absorbed may record views before it
	}
	g.settle(func(n *Node) bool { return n.id < len(absorbed) && absorbed[n.id] })
	return nil
}

// unchanged reports whether nothing assigns, between two positions, to what a node reads.
func (f facts) unchanged(n *Node, pos, later int) bool {
	for _, v := range n.in {
		if !f.quiet(v.storage, pos, later) {
			return false
		}
	}
	return true
}

// absorb makes n do the work of p, which computes its operand i, as well. It returns false
// and changes nothing where no kernel does both.
func (g *Graph) absorb(n, p *Node, i int) bool {
	c, ok := p.op.Absorb(g, p.call(), n.call(), i)
	if !ok {
		return false
	}
	in := make([]*Value, len(c.In))
	for k, v := range c.In {
		in[k] = v.(*Value)
	}
	return g.rewrite(n, c.Op, c.Attrs, in)
}

// rewrite makes a node apply another op, if the engine has a kernel for it and the result
// keeps its layout. It reports whether it did.
func (g *Graph) rewrite(n *Node, op *ops.Op, attrs any, in []*Value) bool {
	layouts := make([]*exec.Layout, len(in))
	for i, v := range in {
		layouts[i] = v.layout
	}
	p, err := g.engine.Plan(op, attrs, layouts)
	if err != nil || p.Step() != exec.Kernel || !p.Results()[0].Equal(n.out[0].layout) {
		return false
	}
	n.op, n.attrs, n.in, n.plan = op, p.Attrs(), in, p
	return true
}
