package expr

import (
	"fmt"
	"math"
)

// Eval computes the expression in float64 with inputs x and attributes p, under
// the float rules of the package. Truth values are 0 and 1. It panics on a node
// that fails Check, and where x or p is shorter than n.Inputs or n.Params.
func Eval(n *Node, x, p []float64) float64 {
	switch n.Op {
	case OpInput:
		return x[n.Index]
	case OpParam:
		return p[n.Index]
	case OpConst:
		return n.Value
	}
	f := resolve(n)
	var v [3]float64
	for i, a := range n.Args {
		v[i] = Eval(a, x, p)
	}
	return f.float(v[0], v[1], v[2])
}

func resolve(n *Node) *function {
	f := byName[n.Op]
	if f == nil || len(n.Args) != f.Arity {
		panic(fmt.Sprintf("expr: evaluating a malformed node %q with %d operands", n.Op, len(n.Args)))
	}
	return f
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func where(cond, a, b float64) float64 {
	if cond != 0 {
		return a
	}
	return b
}

func sign(a float64) float64 {
	if a == 0 || a != a {
		return a
	}
	return math.Copysign(1, a)
}

// floorMod is Python's float modulo: like there, a zero result has the sign of
// the divisor.
func floorMod(a, b float64) float64 {
	r := math.Mod(a, b)
	if r == 0 {
		return math.Copysign(0, b)
	}
	if (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// sigmoid avoids the overflow of exp(-a), which would lose the small results.
func sigmoid(a float64) float64 {
	if a < 0 {
		e := math.Exp(a)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-a))
}

func undefined(_, _, _ float64) float64 { return math.NaN() }

// exp is math.Exp, whose amd64 assembly (Go 1.26) overflows for the last few
// arguments below log(MaxFloat64). Subtracting a half is exact there.
func exp(a float64) float64 {
	const limit = 709.782712893384 // log(MaxFloat64)
	if a > 709 && a <= limit {
		return math.Exp(a-0.5) * 1.6487212707001282 // sqrt(e)
	}
	return math.Exp(a)
}

// log is math.Log, whose amd64 assembly (Go 1.26) is wrong for subnormals.
func log(a float64) float64 {
	if a > 0 && a < 0x1p-1022 {
		return math.Log(a*0x1p54) - 54*math.Ln2
	}
	return math.Log(a)
}
