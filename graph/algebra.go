package graph

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// algebra drops what gives back an operand with the same bits: an op that undoes the
// one before it, a cast to and fro that loses nothing, a product or a quotient with the
// constant 1. Views that show what they view as it is are dropped too. x+0 stays: it
// turns -0 into 0.
func (g *Graph) algebra() error {
	f := g.facts()
	for _, n := range g.nodes {
		if n.kind != Apply || len(n.in) == 0 || len(n.out) != 1 {
			continue
		}
		for i, v := range n.in {
			n.in[i] = v.resolve()
		}
		if n.view() {
			g.follow(n.out[0], n)
			if x := n.in[0]; x.root == n.out[0].root && x.shift == n.out[0].shift && x.layout.Equal(n.out[0].layout) {
				n.out[0].instead = x
			}
			continue
		}
		if x := simpler(n); x != nil && f.interchangeable(n.out[0], x) {
			n.out[0].instead = x
		}
	}
	g.settle(nil)
	return nil
}

// interchangeable reports whether nobody can tell a result from a value with the same
// elements and layout, although that has other memory.
func (f facts) interchangeable(v, by *Value) bool {
	return v.layout.Equal(by.layout) && f.fixed(v.storage) && f.fixed(by.storage) && !f.escapes[v.storage]
}

// simpler is the value that a node gives back unchanged, or nil.
func simpler(n *Node) *Value {
	x := n.in[0]
	before := x.node
	switch n.op {
	case ops.Neg, ops.Not:
		if before.kind == Apply && before.op == n.op {
			return before.in[0]
		}
	case ops.Cast:
		if x.Spec().DType == n.out[0].Spec().DType {
			return x
		}
		if before.kind == Apply && before.op == ops.Cast && before.in[0].Spec().DType == n.out[0].Spec().DType &&
			lossless(before.in[0].Spec().DType, x.Spec().DType) {
			return before.in[0]
		}
	case ops.Mul:
		if one(n.in[1]) {
			return x
		}
		if one(x) {
			return n.in[1]
		}
	case ops.Div:
		if one(n.in[1]) {
			return x
		}
	}
	return nil
}

// one reports whether a value is the constant 1 in every element.
func one(v *Value) bool {
	n := v.root.node
	if n.kind != Const || v.Spec().Elements() == 0 {
		return false
	}
	if n.host == nil { // it was computed: by full, or by what is not looked into
		a, ok := n.attrs.(ops.FullAttrs)
		return ok && n.op == ops.Full && a.Value == 1
	}
	for i := range n.host.Elements() {
		if n.host.At(i) != 1 {
			return false
		}
	}
	return true
}

// lossless reports whether every number of an element type is one of another.
func lossless(from, to dtype.Type) bool {
	switch {
	case from == dtype.Bool:
		return to != dtype.Bool
	case from.IsFloat() && to.IsFloat():
		return to == dtype.F64 || to == dtype.F32 && from != dtype.F64 ||
			(from == dtype.F8E4M3 || from == dtype.F8E5M2) && to == dtype.F16 || from == dtype.F8E5M2 && to == dtype.BF16
	case from.IsFloat():
		return false
	case to.IsFloat():
		bits := map[dtype.Type]int{dtype.F64: 53, dtype.F32: 24, dtype.F16: 11, dtype.BF16: 8}[to]
		return 8*from.Size() <= bits
	}
	wider := to.Size() > from.Size()
	return wider && (to.IsSigned() || from.IsUnsigned())
}
