package expr

import "math"

// EvalInt computes the expression on integers of 1 to 64 bits, under the
// integer rules of the package. Inputs and the result are held in int64: sign
// extended where signed, else zero extended, so a 64-bit unsigned number is its
// two's complement bits. Truth values are 0 and 1. It panics as Eval does.
func EvalInt(n *Node, bits int, signed bool, x []int64, p []float64) int64 {
	return width{64 - bits, signed}.eval(n, x, p)
}

// width is an integer type: the bits of an int64 that it leaves unused, and
// whether the highest of the others is a sign.
type width struct {
	spare  int
	signed bool
}

func (w width) eval(n *Node, x []int64, p []float64) int64 {
	switch n.Op {
	case OpInput:
		return w.wrap(x[n.Index])
	case OpParam:
		return w.truncate(p[n.Index])
	case OpConst:
		return w.truncate(n.Value)
	}
	f := resolve(n)
	var v [3]int64
	for i, a := range n.Args {
		v[i] = w.eval(a, x, p)
	}
	if f.int == nil {
		return w.truncate(f.float(w.float(v[0]), w.float(v[1]), w.float(v[2])))
	}
	return w.wrap(f.int(w, v[0], v[1], v[2]))
}

// wrap keeps the bits of the width and extends them.
func (w width) wrap(a int64) int64 {
	if w.signed {
		return a << w.spare >> w.spare
	}
	return int64(uint64(a) << w.spare >> w.spare)
}

// truncate converts a number: towards zero, saturating, NaN to 0.
func (w width) truncate(a float64) int64 {
	lo, hi, limit := int64(0), int64(^uint64(0)>>w.spare), math.Ldexp(1, 64-w.spare)
	if w.signed {
		lo, hi, limit = math.MinInt64>>w.spare, math.MaxInt64>>w.spare, limit/2
	}
	switch {
	case a != a:
		return 0
	case a >= limit:
		return hi
	case a <= float64(lo):
		return lo
	case w.signed:
		return int64(a)
	}
	return int64(uint64(a))
}

func (w width) float(a int64) float64 {
	if w.signed {
		return float64(a)
	}
	return float64(uint64(a))
}

func (w width) less(a, b int64) bool {
	if w.signed {
		return a < b
	}
	return uint64(a) < uint64(b)
}

func (w width) max(a, b int64) int64 {
	if w.less(a, b) {
		return b
	}
	return a
}

func (w width) min(a, b int64) int64 {
	if w.less(b, a) {
		return b
	}
	return a
}

func (w width) abs(a, _ int64) int64 {
	if w.less(a, 0) {
		return -a
	}
	return a
}

func (w width) sign(a, _ int64) int64 { return truth64(w.less(0, a)) - truth64(w.less(a, 0)) }

func (w width) div(a, b int64) int64 {
	switch {
	case b == 0:
		return 0
	case w.signed:
		return a / b
	}
	return int64(uint64(a) / uint64(b))
}

func (w width) mod(a, b int64) int64 {
	switch {
	case b == 0:
		return 0
	case !w.signed:
		return int64(uint64(a) % uint64(b))
	}
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// pow squares and multiplies; wrapping at the end is wrapping at every step.
func (w width) pow(a, b int64) int64 {
	if w.less(b, 0) {
		switch {
		case a == 1, a == -1 && b%2 == 0:
			return 1
		case a == -1:
			return -1
		}
		return 0
	}
	r := int64(1)
	for e := uint64(b); e > 0; e >>= 1 {
		if e&1 == 1 {
			r *= a
		}
		a *= a
	}
	return r
}

// shl and shr take the count as unsigned, which makes a negative one large.
func (w width) shl(a, b int64) int64 {
	if uint64(b) >= uint64(64-w.spare) {
		return 0
	}
	return a << b
}

func (w width) shr(a, b int64) int64 {
	if w.signed {
		return a >> uint64(b)
	}
	return int64(uint64(a) >> uint64(b))
}

func same(a int64) int64 { return a }

func truth64(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func where64(_ width, cond, a, b int64) int64 {
	if cond != 0 {
		return a
	}
	return b
}
