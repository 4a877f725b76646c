package graph

import (
	"slices"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// epilogue moves an addition of a bias into the product or convolution before it, and an
// activation into the linear layer before it: the kernel then does it while a tile of the
// result is in cache. The product must have no other use.
func (g *Graph) epilogue() error {
	f := g.facts()
	uses := g.uses()
	old := g.nodes
	g.nodes = make([]*Node, 0, len(old))
	for _, n := range old {
		at := n.pos
		for i, v := range n.in {
			n.in[i] = v.resolve()
		}
		if n.view() {
			g.follow(n.out[0], n)
		}
		if n.kind == Apply && len(n.out) == 1 && n.op.Expr != nil {
			for i, v := range n.in {
				p := v.node
				if p.kind == Apply && !p.view() && v.id < len(uses) && uses[v.id] == 1 && !f.escapes[v.storage] && f.fixed(v.storage) &&
					f.unchanged(p, at) && g.absorb(n, p, i) {
					break
				}
			}
		}
		n.pos = len(g.nodes)
		g.nodes = append(g.nodes, n)
	}
	g.settle(nil)
	return g.dead()
}

// unchanged reports whether what a node reads is the same at a later place.
func (f facts) unchanged(n *Node, pos int) bool {
	for _, v := range n.in {
		if !f.quiet(v.storage, n.pos, pos) {
			return false
		}
	}
	return true
}

// activation is the name in LinearAttrs of what a row computes, or "".
func activation(op *ops.Op) string {
	switch op {
	case ops.Relu:
		return "relu"
	case ops.Tanh:
		return "tanh"
	case ops.Sigmoid:
		return "sigmoid"
	}
	return ""
}

// absorb makes a node do what its operand i, the product p, does as well. It is false
// where no kernel does both.
func (g *Graph) absorb(n, p *Node, i int) bool {
	switch {
	case p.op == ops.Linear && activation(n.op) != "":
		a := p.attrs.(ops.LinearAttrs)
		if a.Act == "" {
			a.Act = activation(n.op)
			return g.rewrite(n, p.op, a, p.in)
		}
	case p.op == ops.Linear && n.op == ops.Add && len(p.in) == 2:
		bias := n.in[1-i]
		if p.attrs.(ops.LinearAttrs).Act == "" && shape.Equal(bias.Spec().Shape, p.in[1].Spec().Shape[:1]) {
			return g.rewrite(n, p.op, p.attrs, append(slices.Clip(p.in), bias))
		}
	case p.op == ops.Conv2d && n.op == ops.Add && len(p.in) == 2:
		// One number for a channel: [O, 1, 1] or [1, O, 1, 1].
		bias, o := n.in[1-i], p.in[1].Spec().Shape[0]
		if dims := bias.Spec().Shape; shape.Equal(dims, []int{o, 1, 1}) || shape.Equal(dims, []int{1, o, 1, 1}) {
			flat := ops.Reshaped(g, bias, o).(*Value)
			return g.rewrite(n, p.op, p.attrs, append(slices.Clip(p.in), flat))
		}
	}
	return false
}

// rewrite makes a node apply another op, if the engine has a kernel for that and the
// result lies as before.
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
