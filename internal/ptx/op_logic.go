package ptx

import "math/bits"

// logic is the operations on bits, of numbers and of predicates.
func logic(c *compiler, s *step) {
	letter, n := c.typ()
	a := c.in.args
	op := c.in.op[0]
	if letter == 'p' {
		predicateLogic(c, s, op)
		return
	}
	d, x := c.dest(a[0]), c.source(a[1], n)
	switch op {
	case "not":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return cut(^x, n) })
		return
	case "popc":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return uint64(bits.OnesCount64(cut(x, n))) })
		return
	case "clz":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return uint64(bits.LeadingZeros64(cut(x, n)) - 64 + n) })
		return
	case "brev":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return bits.Reverse64(x) >> (64 - n) })
		return
	}
	wide := n
	if op == "shl" || op == "shr" || op == "bfe" {
		wide = 32
	}
	y := c.source(a[2], wide)
	switch op {
	case "and":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return x & y })
	case "or":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return x | y })
	case "xor":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return x ^ y })
	case "shl":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return cut(x<<min(uint32(y), 64), n) })
	case "shr":
		if letter == 's' {
			s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return cut(uint64(signed(x, n)>>min(uint32(y), 63)), n) })
		} else {
			s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return cut(x, n) >> min(uint32(y), 64) })
		}
	case "bfe":
		s.run = ternaryOp(d, x, y, c.source(a[3], 32), func(x, y, z uint64) uint64 {
			pos, length := min(y&255, 64), min(z&255, uint64(n))
			v := cut(x, n) >> pos
			if letter == 's' && length > 0 {
				return cut(uint64(signed(uint64(signed(x, n)>>min(pos, 63)), int(length))), n)
			}
			return cut(v, int(length))
		})
	case "bfi":
		z, l := c.source(a[3], 32), c.source(a[4], 32)
		s.run = func(w *warp, m uint32) {
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				field := cut(^uint64(0), int(min(w.r[l][i]&255, uint64(n)))) << min(w.r[z][i]&255, 64)
				w.r[d][i] = cut(w.r[y][i]&^field|w.r[x][i]<<min(w.r[z][i]&255, 64)&field, n)
			}
		}
	case "prmt":
		if len(c.in.op) != 2 {
			c.bad("modes of prmt are not modelled")
		}
		s.run = ternaryOp(d, x, y, c.source(a[3], 32), func(x, y, z uint64) uint64 {
			all, r := cut(x, 32)|y<<32, uint64(0)
			for i := range 4 {
				sel := z >> (4 * i) & 15
				b := all >> (8 * (sel & 7)) & 255
				if sel&8 != 0 { // its sign, over the whole byte
					b = uint64(int64(int8(b))>>7) & 255
				}
				r |= b << (8 * i)
			}
			return r
		})
	case "lop3":
		z, table := c.source(a[3], 32), a[4].value
		s.run = ternaryOp(d, x, y, z, func(x, y, z uint64) uint64 {
			r := uint64(0)
			for k := range 8 {
				if table>>k&1 != 0 {
					p, q, t := x, y, z
					if k&4 == 0 {
						p = ^p
					}
					if k&2 == 0 {
						q = ^q
					}
					if k&1 == 0 {
						t = ^t
					}
					r |= p & q & t
				}
			}
			return cut(r, 32)
		})
	case "shf":
		left, wrap := c.has("l"), c.has("wrap")
		s.run = ternaryOp(d, x, y, c.source(a[3], 32), func(x, y, z uint64) uint64 {
			k := min(z, 32)
			if wrap {
				k = z & 31
			}
			all := cut(x, 32) | y<<32
			if left {
				return cut(all<<k>>32, 32)
			}
			return cut(all>>k, 32)
		})
	default:
		c.bad("not an operation on bits")
	}
}

// predicateOf is a predicate operand as a function of the warp, with its not.
func (c *compiler) predicateOf(a operand) func(w *warp) uint32 {
	if a.kind == opImmediate {
		v := uint32(0)
		if a.value != 0 {
			v = ^v
		}
		return func(*warp) uint32 { return v }
	}
	p := c.pred(a)
	if a.not {
		return func(w *warp) uint32 { return ^w.p[p] }
	}
	return func(w *warp) uint32 { return w.p[p] }
}

func blend(old, v, m uint32) uint32 { return old&^m | v&m }

func predicateLogic(c *compiler, s *step, op string) {
	d, x := c.pred(c.in.args[0]), c.predicateOf(c.in.args[1])
	if op == "not" {
		s.run = func(w *warp, m uint32) { w.p[d] = blend(w.p[d], ^x(w), m) }
		return
	}
	y := c.predicateOf(c.in.args[2])
	switch op {
	case "and":
		s.run = func(w *warp, m uint32) { w.p[d] = blend(w.p[d], x(w)&y(w), m) }
	case "or":
		s.run = func(w *warp, m uint32) { w.p[d] = blend(w.p[d], x(w)|y(w), m) }
	case "xor":
		s.run = func(w *warp, m uint32) { w.p[d] = blend(w.p[d], x(w)^y(w), m) }
	default:
		c.bad("not an operation on predicates")
	}
}

func selp(c *compiler, s *step) {
	c.want(4)
	_, n := c.typ()
	a := c.in.args
	d, x, y, p := c.dest(a[0]), c.source(a[1], n), c.source(a[2], n), c.predicateOf(a[3])
	s.run = func(w *warp, m uint32) {
		dst, x, y, p := w.r[d], w.r[x], w.r[y], p(w)
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			if p>>i&1 != 0 {
				dst[i] = x[i]
			} else {
				dst[i] = y[i]
			}
		}
	}
}

// setp compares. A second predicate, p|q, gets the opposite.
func setp(c *compiler, s *step) {
	letter, n := c.typ()
	a := c.in.args
	d, x, y := c.pred(a[0]), c.source(a[1], n), c.source(a[2], n)
	q := -1
	if a[0].pair != nil {
		q = c.pred(*a[0].pair)
	}
	cmp := c.in.op[1]
	test := comparison(c, cmp, letter, n)
	combine := func(_ *warp, r uint32) uint32 { return r }
	if len(a) == 4 {
		z := c.predicateOf(a[3])
		switch c.in.op[2] {
		case "and":
			combine = func(w *warp, r uint32) uint32 { return r & z(w) }
		case "or":
			combine = func(w *warp, r uint32) uint32 { return r | z(w) }
		case "xor":
			combine = func(w *warp, r uint32) uint32 { return r ^ z(w) }
		default:
			c.bad("not a way to combine predicates")
		}
	}
	s.run = func(w *warp, m uint32) {
		r := test(w.r[x], w.r[y])
		w.p[d] = blend(w.p[d], combine(w, r), m)
		if q >= 0 {
			w.p[q] = blend(w.p[q], combine(w, ^r), m)
		}
	}
}

// comparison is a comparison of all lanes, a bit each.
func comparison(c *compiler, cmp string, letter byte, n int) func(x, y *vector) uint32 {
	type three struct{ less, equal, greater, unordered bool }
	t, ok := map[string]three{
		"eq": {equal: true}, "ne": {less: true, greater: true}, "lt": {less: true}, "le": {less: true, equal: true},
		"gt": {greater: true}, "ge": {greater: true, equal: true}, "lo": {less: true}, "ls": {less: true, equal: true},
		"hi": {greater: true}, "hs": {greater: true, equal: true},
		"equ": {equal: true, unordered: true}, "neu": {less: true, greater: true, unordered: true}, "ltu": {less: true, unordered: true},
		"leu": {less: true, equal: true, unordered: true}, "gtu": {greater: true, unordered: true}, "geu": {greater: true, equal: true, unordered: true},
		"num": {less: true, equal: true, greater: true}, "nan": {unordered: true},
	}[cmp]
	if !ok {
		c.bad("the comparison %s is not modelled", cmp)
	}
	pick := func(less, equal bool) bool {
		switch {
		case less:
			return t.less
		case equal:
			return t.equal
		}
		return t.greater
	}
	switch {
	case letter == 'f':
		get := f64of
		if n == 32 {
			get = func(v uint64) float64 { return float64(f32of(v)) }
		}
		return func(x, y *vector) (r uint32) {
			for i := range x {
				a, b := get(x[i]), get(y[i])
				if a != a || b != b {
					if t.unordered {
						r |= 1 << i
					}
				} else if pick(a < b, a == b) {
					r |= 1 << i
				}
			}
			return r
		}
	case letter == 's':
		return func(x, y *vector) (r uint32) {
			for i := range x {
				a, b := signed(x[i], n), signed(y[i], n)
				if pick(a < b, a == b) {
					r |= 1 << i
				}
			}
			return r
		}
	}
	return func(x, y *vector) (r uint32) {
		for i := range x {
			a, b := cut(x[i], n), cut(y[i], n)
			if pick(a < b, a == b) {
				r |= 1 << i
			}
		}
		return r
	}
}
