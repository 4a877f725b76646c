package graph

import "github.com/crease-ml/crease/ops"

// copies removes nodes that copy a dense value to a dense one, where using the value itself
// makes no difference: both have the same layout, nothing assigns to the copy, nothing
// assigns to the value while the copy is still needed, and no result of the graph would
// come to share memory with another result or with memory of the caller.
func (g *Graph) copies() error {
	f := g.facts()
	last := g.lastUse()
	for _, n := range g.nodes {
		g.update(n)
		if n.kind != Apply || n.op != ops.Copy {
			continue
		}
		x, y := n.in[0], n.out[0]
		if !x.layout.Equal(y.layout) || !f.fixed(y.storage) || !f.quiet(x.storage, n.pos, last[y.id]+1) {
			continue
		}
		if f.escapes[y.storage] {
			// The value becomes the result, so it must be memory that only this graph has,
			// all of it, and no result yet.
			if x.storage.external || x.root.node.kind == Const || f.escapes[x.storage] || !x.whole() {
				continue
			}
		}
		f.replace(y, x)
		last[x.root.id] = max(last[x.root.id], last[y.id])
	}
	g.settle(nil)
	return nil
}
