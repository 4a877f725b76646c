package graph

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

const (
	fuseParts = 16 // ops in one expression: more do not save memory traffic
	fusePaths = 64 // ways through it, where parts are used twice
)

// fuse puts chains and trees of elementwise ops into one expression, which the device
// computes in one pass over memory. An op joins its consumer if that has the same shape
// and computes in the same element type, nothing else uses its result, and what it reads
// is still the same where the consumer runs. A reduction, where the device can, takes the
// results of an expression as they are computed, and none is stored. 16-bit floats stay
// apart: they are rounded between ops.
func (g *Graph) fuse() error {
	f := g.facts()
	uses := g.uses()
	members := make([]*cluster, len(g.nodes)) // by place
	// inner gives the cluster of an operand that only its consumer needs.
	inner := func(n *Node, v *Value) *cluster {
		p := v.node
		if p.view() || p.kind != Apply || members[p.pos] == nil || f.escapes[v.storage] || !f.fixed(v.storage) {
			return nil
		}
		times := 0
		for _, w := range n.in {
			if w == v {
				times++
			}
		}
		if m := members[p.pos]; m.reduce == nil && uses[v.id] == times && f.still(m, n.pos) {
			return m
		}
		return nil
	}
	for _, n := range g.nodes {
		if reducing(n) {
			if c := inner(n, n.in[0]).reduced(n); c != nil && g.engine.CanFuse(c.row(), c.dtype) {
				members[n.pos] = c
			}
			continue
		}
		c := newCluster(n)
		if c == nil {
			continue
		}
		for i, v := range n.in {
			if !shape.Equal(v.Spec().Shape, n.out[0].Spec().Shape) {
				continue
			}
			if m := inner(n, v); m != nil {
				c.join(i, m)
			}
		}
		if c.joined > 0 && !g.engine.CanFuse(c.row(), c.dtype) {
			c = newCluster(n)
		}
		members[n.pos] = c
	}
	// A cluster that has joined another is part of it.
	part := make([]bool, len(g.nodes))
	for _, c := range members {
		if c != nil {
			for _, p := range c.parts {
				part[p.pos] = true
			}
		}
	}
	for i, c := range members {
		if c == nil || c.joined == 0 || part[i] {
			continue
		}
		if !g.rewrite(c.node, c.row(), c.attrs(), c.in) {
			return nil // the device has said that it can: stay with what is right
		}
	}
	return nil
}

// cluster is an elementwise op with those before it that have joined it.
type cluster struct {
	node   *Node
	dtype  dtype.Type // of operands, but for truth values; Bool where all are
	expr   *expr.Node
	in     []*Value
	params []float64
	parts  []*Node // that have joined
	joined int
	ops    int
	paths  int
	reduce *ops.Op // that takes what the expression computes; node is its node
}

// newCluster is a node by itself, nil if it cannot be part of an expression.
func newCluster(n *Node) *cluster {
	if n.kind != Apply || len(n.out) != 1 {
		return nil
	}
	widens := n.op == ops.Cast && n.in[0].Spec().DType == dtype.Bool && fusable(n.out[0].Spec().DType)
	if !widens && (n.op.Expr == nil || n.op.IsFused()) {
		return nil
	}
	c := &cluster{node: n, expr: n.op.Expr, in: n.in, dtype: dtype.Bool, ops: 1, paths: len(n.in)}
	if widens {
		c.expr, c.dtype = input(0), n.out[0].Spec().DType
		return c
	}
	if n.op.Params != nil {
		c.params = n.op.Params(n.attrs)
	}
	for _, v := range n.in {
		if t := v.Spec().DType; t != dtype.Bool {
			c.dtype = t
		}
	}
	if c.dtype != dtype.Bool && !fusable(c.dtype) {
		return nil
	}
	return c
}

// fusable types are held by the registers of an expression as they are in memory.
func fusable(t dtype.Type) bool {
	return t == dtype.F32 || t == dtype.F64 || t == dtype.I64 || t == dtype.I32
}

func input(i int) *expr.Node { return &expr.Node{Op: expr.OpInput, Index: i} }

// still reports whether everything that a cluster reads is the same at a later place.
func (f facts) still(c *cluster, pos int) bool {
	for _, v := range c.in {
		if !f.quiet(v.storage, c.node.pos, pos) {
			return false
		}
	}
	return true
}

// join puts a cluster in the place of operand i of the node, if the two go together.
func (c *cluster) join(i int, m *cluster) {
	v := c.node.in[i]
	at := slices.Index(c.in, v)
	switch {
	case at < 0: // an earlier operand was the same value
		return
	case c.dtype != m.dtype && c.dtype != dtype.Bool && m.dtype != dtype.Bool:
		return
	case c.ops+m.ops > fuseParts || len(c.params)+len(m.params) > expr.MaxOperands:
		return
	}
	// The operands of both, each once, without the value that is computed inside.
	in := slices.Delete(slices.Clone(c.in), at, at+1)
	for slices.Contains(in, v) {
		k := slices.Index(in, v)
		in = slices.Delete(in, k, k+1)
	}
	for _, w := range m.in {
		if !slices.Contains(in, w) {
			in = append(in, w)
		}
	}
	if len(in) > expr.MaxOperands {
		return
	}
	where := func(from []*Value) func(int) *expr.Node {
		return func(k int) *expr.Node { return input(slices.Index(in, from[k])) }
	}
	inner := rebase(m.expr, where(m.in), len(c.params))
	times := 0
	outer := rebase(c.expr, func(k int) *expr.Node {
		if c.in[k] == v {
			times++
			return inner
		}
		return where(c.in)(k)
	}, 0)
	if paths := c.paths + times*m.paths; paths <= fusePaths {
		c.paths = paths
	} else {
		return
	}
	if c.dtype == dtype.Bool {
		c.dtype = m.dtype
	}
	c.expr, c.in = outer, in
	c.params = append(slices.Clip(c.params), m.params...)
	c.parts = append(append(c.parts, m.node), m.parts...)
	c.ops, c.joined = c.ops+m.ops, c.joined+1
}

// rebase is an expression with other inputs, and its parameters moved up.
func rebase(e *expr.Node, in func(int) *expr.Node, shift int) *expr.Node {
	done := map[*expr.Node]*expr.Node{}
	var walk func(*expr.Node) *expr.Node
	walk = func(n *expr.Node) *expr.Node {
		if r := done[n]; r != nil {
			return r
		}
		r := n
		switch n.Op {
		case expr.OpInput:
			r = in(n.Index)
		case expr.OpParam:
			if shift > 0 {
				r = &expr.Node{Op: expr.OpParam, Index: n.Index + shift}
			}
		case expr.OpConst:
		default:
			r = &expr.Node{Op: n.Op, Args: make([]*expr.Node, len(n.Args))}
			for i, a := range n.Args {
				r.Args[i] = walk(a)
			}
		}
		done[n] = r
		return r
	}
	return walk(e)
}

// reducing reports whether a node is a reduction of numbers, into which an expression may
// go: the device knows for which ones it can.
func reducing(n *Node) bool {
	if _, ok := n.attrs.(ops.ReduceAttrs); !ok || n.kind != Apply {
		return false
	}
	s := n.in[0].Spec()
	return fusable(s.DType) && len(s.Shape) > 0
}

// reduced is the cluster of a reduction of what a cluster computes, nil for none.
func (c *cluster) reduced(n *Node) *cluster {
	if c == nil || c.dtype != n.in[0].Spec().DType {
		return nil
	}
	r := *c
	r.node, r.reduce = n, n.op
	r.parts, r.joined = append(slices.Clip(c.parts), c.node), c.joined+1
	return &r
}

func (c *cluster) attrs() any {
	if c.reduce == nil {
		return ops.FusedAttrs{Params: c.params}
	}
	a := c.node.attrs.(ops.ReduceAttrs)
	return ops.FusedReduceAttrs{Params: c.params, Axes: a.Axes, Keep: a.Keep}
}

// row is the row of the cluster's expression.
func (c *cluster) row() *ops.Op {
	if c.reduce != nil {
		return ops.FusedReduce(c.reduce, c.expr)
	}
	t := c.node.out[0].Spec().DType
	return ops.Fused(c.expr, t == dtype.Bool && c.dtype != dtype.Bool)
}
