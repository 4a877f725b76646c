package graph

import "github.com/crease-ml/crease/ops"

// The methods of this file let other packages read a program, to draw it or to write it in
// another format.

// Nodes returns the nodes in the order of the program. The list must not be changed.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Inputs returns the values that are given at every run, in order.
func (g *Graph) Inputs() []*Value { return g.inputs }

// Kind says what the node is.
func (n *Node) Kind() Kind { return n.kind }

// Op returns the row that an Apply node applies, with the attributes that Attrs returns.
func (n *Node) Op() *ops.Op { return n.op }

// Attrs returns the attributes of an Apply node, nil for a row that has none.
func (n *Node) Attrs() any { return n.attrs }

// In returns the operands.
func (n *Node) In() []*Value { return n.in }

// Out returns the results.
func (n *Node) Out() []*Value { return n.out }

// Host returns the array of a Const node, and false for other nodes.
func (n *Node) Host() (ops.Host, bool) {
	if n.host == nil {
		return ops.Host{}, false
	}
	return *n.host, true
}
