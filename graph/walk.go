package graph

import "github.com/crease-ml/crease/ops"

// What follows lets others read a program: to write it in another format, or to draw it.

// Nodes are the steps in the order of the program. The list must not be changed.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Inputs are the values given at every run, in order.
func (g *Graph) Inputs() []*Value { return g.inputs }

// Kind says what the node is.
func (n *Node) Kind() Kind { return n.kind }

// Op is the row of an Apply node, and its attributes are Attrs.
func (n *Node) Op() *ops.Op { return n.op }

// Attrs are the bound attributes of an Apply node, nil for a row without any.
func (n *Node) Attrs() any { return n.attrs }

// In are the operands, Out the results.
func (n *Node) In() []*Value { return n.in }

// Out are the results.
func (n *Node) Out() []*Value { return n.out }

// Host is the array of a Const node, false for other nodes.
func (n *Node) Host() (ops.Host, bool) {
	if n.host == nil {
		return ops.Host{}, false
	}
	return *n.host, true
}
