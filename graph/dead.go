package graph

// dead drops what neither a result nor an effect on somebody else's memory needs. It
// walks backwards, so that every later reader of memory is known when an effect on it
// is met.
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
