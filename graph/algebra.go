package graph

import (
	"bytes"

	"github.com/crease-ml/crease/ops"
)

// algebra removes nodes whose result has the same bits as a value that is there already, as
// the rows of their ops say: an op that undoes the one before it, a cast to another type
// and back that loses nothing, a product with 1. It also removes views that show the whole
// of a value as it lies.
func (g *Graph) algebra() error {
	f := g.facts()
	for _, n := range g.nodes {
		g.update(n)
		if n.kind != Apply || len(n.out) != 1 {
			continue
		}
		if n.view() {
			if x := n.in[0]; x.root == n.out[0].root && x.shift == n.out[0].shift && x.layout.Equal(n.out[0].layout) {
				f.replace(n.out[0], x)
			}
			continue
		}
		if n.op.Fold != nil {
			if x := n.op.Fold(n.call(), f); x != nil && f.interchangeable(n.out[0], x.(*Value)) {
				f.replace(n.out[0], x.(*Value))
			}
		}
	}
	g.settle(nil)
	return nil
}

// interchangeable reports whether nothing in the graph or outside can tell v from by, which
// has the same elements and layout but lies in other memory.
func (f facts) interchangeable(v, by *Value) bool {
	return v.layout.Equal(by.layout) && f.fixed(v.storage) && f.fixed(by.storage) && !f.escapes[v.storage]
}

// call returns a node in the form that rows look at.
func (n *Node) call() ops.Call {
	in := make([]ops.Value, len(n.in))
	for i, v := range n.in {
		in[i] = v
	}
	return ops.Call{Op: n.op, Attrs: n.attrs, In: in}
}

// Maker returns the call that computed a value, if nothing has assigned to it since.
func (f facts) Maker(v ops.Value) ops.Call {
	x := v.(*Value)
	if n := x.node; n.kind == Apply && f.fixed(x.storage) {
		return n.call()
	}
	return ops.Call{}
}

// Constant returns the number that all elements of a constant are, and false where they
// differ or v is no constant.
func (f facts) Constant(v ops.Value) (float64, bool) {
	x := v.(*Value)
	n := x.root.node
	if n.kind != Const || !f.fixed(x.storage) {
		return 0, false
	}
	if n.host == nil { // it was computed
		a, ok := n.attrs.(ops.Constant)
		if !ok {
			return 0, false
		}
		return a.Number(), true
	}
	// By their bytes: a float64 does not tell all 64-bit integers apart.
	size := n.host.DType.Size()
	for i := size; i < len(n.host.Data); i += size {
		if !bytes.Equal(n.host.Data[i:i+size], n.host.Data[:size]) {
			return 0, false
		}
	}
	if len(n.host.Data) == 0 {
		return 0, false
	}
	return n.host.At(0), true
}
