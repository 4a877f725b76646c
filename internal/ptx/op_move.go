package ptx

import (
	"math"
	"math/bits"
)

// move is mov and cvta: of registers, addresses, predicates, and of vectors that are
// packed into one register.
func move(c *compiler, s *step) {
	a := c.in.args
	letter, n := c.typ()
	switch {
	case letter == 'p':
		d, x := c.pred(a[0]), c.predicateOf(a[1])
		s.run = func(w *warp, m uint32) { w.p[d] = blend(w.p[d], x(w), m) }
		return
	case c.in.op[0] == "cvta":
		window := uint64(0)
		switch {
		case c.has("shared"):
			window = sharedWindow
		case c.has("local") || c.has("param"):
			// Their addresses are those of the windows already.
		case !c.has("global") && !c.has("const"):
			c.bad("this conversion of addresses is not modelled")
		}
		if c.has("to") {
			window = -window
		}
		d, x := c.dest(a[0]), c.source(a[1], 64)
		s.run = unaryOp(d, x, func(x uint64) uint64 { return x + window })
		return
	case a[1].kind == opList:
		pack(c, s, n)
		return
	case a[0].kind == opList:
		unpack(c, s, n)
		return
	}
	d, x := c.dest(a[0]), c.source(a[1], n)
	s.run = func(w *warp, m uint32) {
		dst, x := w.r[d], w.r[x]
		if m == ^uint32(0) {
			*dst = *x
			return
		}
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			dst[i] = x[i]
		}
	}
}

func pack(c *compiler, s *step, n int) {
	list := c.in.args[1].list
	each := n / len(list)
	d := c.dest(c.in.args[0])
	from := make([]int, len(list))
	for i, x := range list {
		from[i] = c.source(x, each)
	}
	s.run = func(w *warp, m uint32) {
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			v := uint64(0)
			for k, r := range from {
				v |= cut(w.r[r][i], each) << (k * each)
			}
			w.r[d][i] = v
		}
	}
}

func unpack(c *compiler, s *step, n int) {
	list := c.in.args[0].list
	each := n / len(list)
	x := c.source(c.in.args[1], n)
	to := make([]int, len(list))
	for i, d := range list {
		to[i] = -1
		if d.kind != opSink {
			to[i] = c.dest(d)
		}
	}
	s.run = func(w *warp, m uint32) {
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			v := w.r[x][i]
			for k, r := range to {
				if r >= 0 {
					w.r[r][i] = cut(v>>(k*each), each)
				}
			}
		}
	}
}

// convert is cvt between numbers.
func convert(c *compiler, s *step) {
	ops := c.in.op
	toName, fromName := ops[len(ops)-2], ops[len(ops)-1]
	toL, to := typeOf(toName)
	fromL, from := typeOf(fromName)
	if toL == 0 || fromL == 0 {
		c.bad("this conversion is not modelled")
	}
	a := c.in.args
	if toName == "bf16x2" || toName == "f16x2" {
		convertPair(c, s, toName)
		return
	}
	d, x := c.dest(a[0]), c.source(a[1], from)
	read := reader(fromName)
	switch {
	case read == nil && !isFloat(toName): // between integers
		sign := fromL == 's'
		s.run = unaryOp(d, x, func(x uint64) uint64 {
			if sign {
				x = uint64(signed(x, from))
			} else {
				x = cut(x, from)
			}
			// A register that is wider than the type gets the number extended.
			if toL == 's' && to < 32 {
				return cut(uint64(signed(x, to)), 32)
			}
			return cut(x, to)
		})
		return
	case read == nil:
		write := writer(c, toName, c.has("rz"))
		if fromL == 's' {
			if to == 32 {
				s.run = unaryOp(d, x, func(x uint64) uint64 { return bitsOf(float32(signed(x, from))) })
				return
			}
			s.run = unaryOp(d, x, func(x uint64) uint64 { return write(float64(signed(x, from))) })
			return
		}
		if to == 32 {
			s.run = unaryOp(d, x, func(x uint64) uint64 { return bitsOf(float32(cut(x, from))) })
			return
		}
		s.run = unaryOp(d, x, func(x uint64) uint64 { return write(float64(cut(x, from))) })
		return
	}
	round := func(v float64) float64 { return v }
	switch {
	case c.has("rzi"):
		round = math.Trunc
	case c.has("rni"):
		round = math.RoundToEven
	case c.has("rmi"):
		round = math.Floor
	case c.has("rpi"):
		round = math.Ceil
	}
	if c.has("sat") {
		inner := round
		round = func(v float64) float64 {
			if v = inner(v); v != v {
				return 0
			}
			return min(max(v, 0), 1)
		}
	}
	if isFloat(toName) {
		write := writer(c, toName, c.has("rz"))
		s.run = unaryOp(d, x, func(x uint64) uint64 { return write(round(read(x))) })
		return
	}
	s.run = unaryOp(d, x, func(x uint64) uint64 { return cut(saturate(round(read(x)), toL == 's', to), max(to, 32)) })
}

func isFloat(t string) bool { return t[0] == 'f' || t == "bf16" }

// reader is the value of a float's bits; nil for an integer.
func reader(t string) func(uint64) float64 {
	switch t {
	case "f64":
		return f64of
	case "f32":
		return func(v uint64) float64 { return float64(f32of(v)) }
	case "f16":
		return func(v uint64) float64 { return halfToFloat(uint16(v)) }
	case "bf16":
		return func(v uint64) float64 { return float64(math.Float32frombits(uint32(v) << 16)) }
	}
	return nil
}

func writer(c *compiler, t string, towardsZero bool) func(float64) uint64 {
	if towardsZero && t != "f32" {
		c.bad("this rounding is not modelled")
	}
	switch t {
	case "f64":
		return math.Float64bits
	case "f32":
		if towardsZero {
			return func(v float64) uint64 {
				f := float32(v)
				if math.Abs(float64(f)) > math.Abs(v) {
					f = math.Nextafter32(f, 0)
				}
				return bitsOf(f)
			}
		}
		return func(v float64) uint64 { return bitsOf(float32(v)) }
	case "f16":
		return func(v float64) uint64 { return uint64(floatToHalf(v)) }
	case "bf16":
		return func(v float64) uint64 { return uint64(floatToBrain(v)) }
	}
	c.bad("this conversion is not modelled")
	return nil
}

// convertPair rounds two floats into the halves of a register: the first is the upper.
func convertPair(c *compiler, s *step, t string) {
	a := c.in.args
	d, x, y := c.dest(a[0]), c.source(a[1], 32), c.source(a[2], 32)
	small := func(v uint64) uint64 { return uint64(floatToBrain(float64(f32of(v)))) }
	if t == "f16x2" {
		small = func(v uint64) uint64 { return uint64(floatToHalf(float64(f32of(v)))) }
	}
	s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return small(x)<<16 | small(y) })
}

// saturate is a whole number in a type's range. Not-a-number is 0.
func saturate(v float64, sign bool, n int) uint64 {
	if v != v {
		return 0
	}
	if sign {
		lo, hi := -math.Ldexp(1, n-1), math.Ldexp(1, n-1)
		switch {
		case v < lo:
			return cut(1<<(n-1), n)
		case v >= hi:
			return 1<<(n-1) - 1
		}
		return cut(uint64(int64(v)), n)
	}
	switch {
	case v <= 0:
		return 0
	case v >= math.Ldexp(1, n):
		return cut(^uint64(0), n)
	}
	return uint64(v)
}

func halfToFloat(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&1023)
	v := 0.0
	switch e {
	case 0:
		v = math.Ldexp(m, -24)
	case 31:
		if v = math.Inf(1); m != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+m, e-25)
	}
	if h>>15 != 0 {
		v = -v
	}
	return v
}

func floatToHalf(v float64) uint16 {
	sign := uint16(math.Float64bits(v)>>63) << 15
	a := math.Abs(v)
	switch {
	case a != a:
		return 0x7fff
	case a >= 65520:
		return sign | 0x7c00
	case a < math.Ldexp(1, -14):
		return sign | uint16(math.RoundToEven(math.Ldexp(a, 24)))
	}
	m, e := math.Frexp(a)
	r := math.RoundToEven(math.Ldexp(m, 11)) // 1024 to 2048
	return sign | uint16(int(r)-1024+(e+14)<<10)
}

func floatToBrain(v float64) uint16 {
	u := math.Float32bits(float32(v))
	if v != v {
		return 0x7fff
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
