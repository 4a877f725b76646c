package graph

// dead removes nodes that neither a result nor an assignment to the caller's memory needs.
// It walks backwards, so that all later readers of a memory are known when it comes to an
// assignment to it.
func (g *Graph) dead() error {
	needed := make([]bool, len(g.nodes))
	read := make([]bool, g.values) // by storage
	need := func(v *Value) {
		needed[v.node.pos] = true
		read[v.storage.id] = true
	}
	for _, v := range g.results {
		need(v)
	}
	for i := len(g.nodes) - 1; i >= 0; i-- {
		n := g.nodes[i]
		switch n.kind {
		case Input:
			needed[i] = true
		case Assign:
			needed[i] = n.in[0].storage.external || read[n.in[0].storage.id]
		}
		if needed[i] {
			for _, v := range n.in {
				need(v)
			}
		}
	}
	g.settle(func(n *Node) bool { return !needed[n.pos] })
	return nil
}
