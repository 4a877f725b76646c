package expr

import (
	"math"
	"math/rand/v2"
)

// generator makes random expressions that Parse accepts. With whole set they
// pass CheckInt too.
type generator struct {
	*rand.Rand
	whole bool
}

var leaves = []float64{0, 1, -1, 2, 3, 0.5, -0.25, 1e300, 5e-324, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN()}

func (g generator) leaf() *Node {
	switch g.IntN(4) {
	case 0:
		return &Node{Op: OpParam, Index: g.IntN(2)}
	case 1:
		v := leaves[g.IntN(len(leaves))]
		if g.whole {
			v = float64(g.IntN(300) - 150)
		}
		return &Node{Op: OpConst, Value: v}
	}
	return &Node{Op: OpInput, Index: g.IntN(3)}
}

// number makes a number with at most depth levels.
func (g generator) number(depth int) *Node { return g.value(depth, false) }

func (g generator) value(depth int, truth bool) *Node {
	if depth <= 1 {
		if truth {
			return &Node{Op: "gt", Args: []*Node{g.leaf(), g.leaf()}}
		}
		return g.leaf()
	}
	for {
		f := &table[g.IntN(len(table))]
		if f.takes != choice && f.Bool != truth || g.whole && !f.Int {
			continue
		}
		n := &Node{Op: f.Name, Args: make([]*Node, f.Arity)}
		alikeTruth := g.IntN(2) == 0
		for i := range n.Args {
			operandTruth := false
			switch {
			case f.takes == truths, f.takes == choice && i == 0:
				operandTruth = g.IntN(2) == 0
			case f.takes == alike:
				operandTruth = alikeTruth
			case f.takes == choice:
				operandTruth = truth
			}
			n.Args[i] = g.value(depth-1-g.IntN(2), operandTruth)
		}
		return n
	}
}

// equal compares trees, constants by their bits up to the payload of a NaN.
func equal(a, b *Node) bool {
	if a.Op != b.Op || a.Index != b.Index || !sameFloat(a.Value, b.Value) || len(a.Args) != len(b.Args) {
		return false
	}
	for i := range a.Args {
		if !equal(a.Args[i], b.Args[i]) {
			return false
		}
	}
	return true
}

func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}
