package graph

import (
	"bytes"
	"hash/maphash"
	"unsafe"
)

// cse eliminates common sub-expressions, which it finds by hashing. Two nodes are the same
// if they apply one op with the same attributes to the same values and nothing assigns to
// those in between; two views, if they show the same elements in the same layout; two
// constants, if their bytes are equal. Nodes whose memory is assigned to are never merged.
// Neither are two results of the graph, since the caller may change each by itself.
func (g *Graph) cse() error {
	f := g.facts()
	seen := make(map[uint64]*Node, len(g.nodes)) // the last one with the hash
	for _, n := range g.nodes {
		g.update(n)
		if !n.view() && !f.mergeable(n) {
			continue
		}
		h := f.hash(n)
		m := seen[h]
		for m != nil && !f.same(n, m) {
			m = m.alike
		}
		if m == nil {
			n.alike, seen[h] = seen[h], n
			continue
		}
		for i, v := range n.out {
			f.replace(v, m.out[i])
		}
	}
	g.settle(nil)
	return nil
}

// mergeable reports whether another node's results may stand in for those of n.
func (f facts) mergeable(n *Node) bool {
	if n.kind != Apply && n.kind != Const {
		return false
	}
	for _, v := range n.out {
		if !f.fixed(v.storage) {
			return false
		}
	}
	return true
}

var seed = maphash.MakeSeed()

func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0xbf58476d1ce4e5b9
	return h ^ h>>31
}

func (f facts) hash(n *Node) uint64 {
	switch {
	case n.kind == Const:
		return mix(maphash.Bytes(seed, n.host.Data), 1)
	case n.view():
		v := n.out[0]
		return mix(mix(uint64(v.root.id), uint64(v.shift)), 2)
	}
	h := mix(uint64(uintptr(unsafe.Pointer(n.op))), 3)
	if n.attrs != nil {
		h = mix(h, n.op.HashAttrs(n.attrs))
	}
	for _, v := range n.in {
		h = mix(h, uint64(v.id))
		if !f.fixed(v.storage) {
			h = mix(h, uint64(f.versionAt(v.storage, n.pos)))
		}
	}
	return h
}

// same reports whether two nodes with equal hashes really compute the same.
func (f facts) same(n, m *Node) bool {
	switch {
	case n.kind != m.kind || n.view() != m.view():
		return false
	case n.kind == Const:
		return n.host.Spec.Equal(m.host.Spec) && bytes.Equal(n.host.Data, m.host.Data) && !f.bothEscape(n, m)
	case n.view():
		a, b := n.out[0], m.out[0]
		return a.root == b.root && a.shift == b.shift && a.layout.Equal(b.layout)
	case n.op != m.op || len(n.in) != len(m.in) || !(n.attrs == nil && m.attrs == nil || n.op.SameAttrs(n.attrs, m.attrs)):
		return false
	}
	for i, v := range n.in {
		if v != m.in[i] || f.versionAt(v.storage, n.pos) != f.versionAt(v.storage, m.pos) {
			return false
		}
	}
	return !f.bothEscape(n, m)
}

// bothEscape reports whether results of both nodes are results of the graph, which then
// must not share memory.
func (f facts) bothEscape(n, m *Node) bool {
	for i := range n.out {
		if f.escapes[n.out[i].storage] && f.escapes[m.out[i].storage] {
			return true
		}
	}
	return false
}
