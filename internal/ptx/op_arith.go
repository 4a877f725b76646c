package ptx

import (
	"math"
	"math/bits"
)

func init() {
	families = map[string]family{
		"add": arith, "sub": arith, "mul": arith, "mad": arith, "div": arith, "rem": arith, "min": arith, "max": arith,
		"neg": arith, "abs": arith, "fma": arith, "sqrt": arith, "rsqrt": arith, "rcp": arith, "ex2": arith, "lg2": arith,
		"sin": arith, "cos": arith, "tanh": arith, "copysign": arith,
		"and": logic, "or": logic, "xor": logic, "not": logic, "shl": logic, "shr": logic, "popc": logic, "clz": logic,
		"brev": logic, "bfe": logic, "bfi": logic, "prmt": logic, "lop3": logic, "shf": logic,
		"mov": move, "cvta": move, "selp": selp, "setp": setp, "cvt": convert,
		"bra": flowOp, "brx": flowOp, "ret": flowOp, "exit": flowOp, "bar": flowOp, "barrier": flowOp, "trap": flowOp,
		"membar": nothing, "fence": nothing, "setmaxnreg": nothing, "griddepcontrol": nothing,
		"ld": loads, "ldu": loads, "st": stores, "atom": atomics, "red": atomics, "shfl": shuffle, "vote": vote, "match": vote,
		"activemask": vote, "cp": asyncCopy, "ldmatrix": ldmatrix, "mma": mma,
	}
}

func nothing(c *compiler, s *step) { s.run = func(*warp, uint32) {} }

func f32of(v uint64) float32  { return math.Float32frombits(uint32(v)) }
func bitsOf(f float32) uint64 { return uint64(math.Float32bits(f)) }
func f64of(v uint64) float64  { return math.Float64frombits(v) }

// unaryOp, binaryOp and ternaryOp make the function of an operation on numbers.
func unaryOp(d, a int, f func(x uint64) uint64) func(*warp, uint32) {
	return func(w *warp, m uint32) {
		dst, x := w.r[d], w.r[a]
		if m == ^uint32(0) {
			for i := range dst {
				dst[i] = f(x[i])
			}
			return
		}
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			dst[i] = f(x[i])
		}
	}
}

func binaryOp(d, a, b int, f func(x, y uint64) uint64) func(*warp, uint32) {
	return func(w *warp, m uint32) {
		dst, x, y := w.r[d], w.r[a], w.r[b]
		if m == ^uint32(0) {
			for i := range dst {
				dst[i] = f(x[i], y[i])
			}
			return
		}
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			dst[i] = f(x[i], y[i])
		}
	}
}

func ternaryOp(d, a, b, c int, f func(x, y, z uint64) uint64) func(*warp, uint32) {
	return func(w *warp, m uint32) {
		dst, x, y, z := w.r[d], w.r[a], w.r[b], w.r[c]
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			dst[i] = f(x[i], y[i], z[i])
		}
	}
}

// fma32 rounds once. A double holds the product exactly; where the sum, rounded to a
// double, lies in the middle between two floats, the direction of what was lost decides.
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	u := math.Float64bits(s)
	if u&0x1fffffff != 0x10000000 && (math.Abs(s) >= 1e-37 || s == 0) || math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	t := s - p
	e := (p - (s - t)) + (float64(c) - t)
	if e != 0 && u&1 == 0 { // round to odd
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(u | 1)
		} else {
			s = math.Float64frombits(u - 1)
		}
	}
	return float32(s)
}

func arith(c *compiler, s *step) {
	letter, n := c.typ()
	if letter == 'f' && n >= 32 && n != 33 {
		floatArith(c, s, n)
		return
	}
	if letter != 's' && letter != 'u' && letter != 'b' {
		c.bad("arithmetic on this type is not modelled")
	}
	intArith(c, s, letter == 's', n)
}

func intArith(c *compiler, s *step, sign bool, n int) {
	a := c.in.args
	op := c.in.op[0]
	if c.has("cc") || c.has("sat") {
		c.bad("carries and saturation are not modelled")
	}
	d, x := c.dest(a[0]), c.source(a[1], n)
	mask := ^uint64(0)
	if n < 64 {
		mask = 1<<n - 1
	}
	switch op {
	case "neg":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return -x & mask })
		return
	case "abs":
		s.run = unaryOp(d, x, func(x uint64) uint64 {
			v := signed(x, n)
			return uint64(max(v, -v)) & mask
		})
		return
	}
	y := c.source(a[2], n)
	switch op {
	case "add":
		s.run = func(w *warp, m uint32) {
			dst, x, y := w.r[d], w.r[x], w.r[y]
			if m == ^uint32(0) {
				for i := range dst {
					dst[i] = (x[i] + y[i]) & mask
				}
				return
			}
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				dst[i] = (x[i] + y[i]) & mask
			}
		}
	case "sub":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return (x - y) & mask })
	case "mul":
		multiply(c, s, sign, n)
	case "mad":
		z := c.source(a[3], n)
		switch {
		case c.has("lo"):
			s.run = ternaryOp(d, x, y, z, func(x, y, z uint64) uint64 { return (x*y + z) & mask })
		case c.has("wide"):
			z = c.source(a[3], 2*n)
			s.run = ternaryOp(d, x, y, z, func(x, y, z uint64) uint64 {
				if sign {
					return cut(uint64(signed(x, n)*signed(y, n))+z, 2*n)
				}
				return cut(cut(x, n)*cut(y, n)+z, 2*n)
			})
		default:
			c.bad("this product is not modelled")
		}
	case "min", "max":
		less := op == "min"
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 {
			smaller := x < y
			if sign {
				smaller = signed(x, n) < signed(y, n)
			}
			if smaller == less {
				return x
			}
			return y
		})
	case "div", "rem":
		divide := op == "div"
		s.run = func(w *warp, m uint32) {
			dst, x, y := w.r[d], w.r[x], w.r[y]
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				u, v := cut(x[i], n), cut(y[i], n)
				if v == 0 {
					w.lane = i
					w.fault("division by zero")
				}
				switch {
				case divide && sign:
					dst[i] = uint64(signed(u, n)/signed(v, n)) & mask
				case divide:
					dst[i] = u / v
				case sign:
					dst[i] = uint64(signed(u, n)%signed(v, n)) & mask
				default:
					dst[i] = u % v
				}
			}
		}
	default:
		c.bad("not an operation on integers")
	}
}

func multiply(c *compiler, s *step, sign bool, n int) {
	a := c.in.args
	d, x, y := c.dest(a[0]), c.source(a[1], n), c.source(a[2], n)
	switch {
	case c.has("wide") && n == 32 && sign:
		s.run = func(w *warp, m uint32) {
			dst, x, y := w.r[d], w.r[x], w.r[y]
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				dst[i] = uint64(int64(int32(x[i])) * int64(int32(y[i])))
			}
		}
	case c.has("wide"):
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 {
			if sign {
				return cut(uint64(signed(x, n)*signed(y, n)), 2*n)
			}
			return cut(x, n) * cut(y, n)
		})
	case c.has("lo"):
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return cut(x*y, n) })
	case c.has("hi") && n == 64:
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 {
			hi, _ := bits.Mul64(x, y)
			if sign {
				if int64(x) < 0 {
					hi -= y
				}
				if int64(y) < 0 {
					hi -= x
				}
			}
			return hi
		})
	case c.has("hi"):
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 {
			if sign {
				return cut(uint64(signed(x, n)*signed(y, n)>>n), n)
			}
			return cut(cut(x, n)*cut(y, n)>>n, n)
		})
	default:
		c.bad("this product is not modelled")
	}
}

func floatArith(c *compiler, s *step, n int) {
	a := c.in.args
	d, x := c.dest(a[0]), c.source(a[1], n)
	for _, m := range []string{"rz", "rm", "rp", "sat", "ftz"} {
		if c.has(m) {
			c.bad("rounding by .%s is not modelled", m)
		}
	}
	op := c.in.op[0]
	unary := map[string]func(float64) float64{
		"sqrt": math.Sqrt, "rsqrt": func(v float64) float64 { return 1 / math.Sqrt(v) }, "rcp": func(v float64) float64 { return 1 / v },
		"ex2": math.Exp2, "lg2": math.Log2, "sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh,
	}[op]
	switch {
	case unary != nil && n == 32:
		s.run = unaryOp(d, x, func(x uint64) uint64 { return bitsOf(float32(unary(float64(f32of(x))))) })
		return
	case unary != nil:
		s.run = unaryOp(d, x, func(x uint64) uint64 { return math.Float64bits(unary(f64of(x))) })
		return
	case op == "neg":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return x ^ 1<<(n-1) })
		return
	case op == "abs":
		s.run = unaryOp(d, x, func(x uint64) uint64 { return x &^ (1 << (n - 1)) })
		return
	}
	y := c.source(a[2], n)
	if op == "fma" || op == "mad" {
		fused(c, s, n)
		return
	}
	if op == "copysign" { // the sign of the first, the size of the second
		sign := uint64(1) << (n - 1)
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return x&sign | y&^sign })
		return
	}
	if n == 64 {
		s.run = binaryOp(d, x, y, doubleOp(c, op))
		return
	}
	switch op {
	case "add":
		s.run = func(w *warp, m uint32) {
			dst, x, y := w.r[d], w.r[x], w.r[y]
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				dst[i] = bitsOf(f32of(x[i]) + f32of(y[i]))
			}
		}
	case "mul":
		s.run = func(w *warp, m uint32) {
			dst, x, y := w.r[d], w.r[x], w.r[y]
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				dst[i] = bitsOf(f32of(x[i]) * f32of(y[i]))
			}
		}
	case "sub":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return bitsOf(f32of(x) - f32of(y)) })
	case "div":
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return bitsOf(f32of(x) / f32of(y)) })
	case "min", "max":
		f := extreme(op == "min", c.has("NaN"))
		s.run = binaryOp(d, x, y, func(x, y uint64) uint64 { return bitsOf(float32(f(float64(f32of(x)), float64(f32of(y))))) })
	default:
		c.bad("not an operation on floats")
	}
}

func doubleOp(c *compiler, op string) func(x, y uint64) uint64 {
	switch op {
	case "add":
		return func(x, y uint64) uint64 { return math.Float64bits(f64of(x) + f64of(y)) }
	case "sub":
		return func(x, y uint64) uint64 { return math.Float64bits(f64of(x) - f64of(y)) }
	case "mul":
		return func(x, y uint64) uint64 { return math.Float64bits(f64of(x) * f64of(y)) }
	case "div":
		return func(x, y uint64) uint64 { return math.Float64bits(f64of(x) / f64of(y)) }
	case "min", "max":
		f := extreme(op == "min", c.has("NaN"))
		return func(x, y uint64) uint64 { return math.Float64bits(f(f64of(x), f64of(y))) }
	}
	c.bad("not an operation on doubles")
	return nil
}

// extreme is the smaller or larger of two numbers: the other one where one is not a
// number, unless the instruction says NaN.
func extreme(least, nan bool) func(a, b float64) float64 {
	return func(a, b float64) float64 {
		switch {
		case !nan && a != a:
			return b
		case !nan && b != b:
			return a
		case least:
			return min(a, b)
		}
		return max(a, b)
	}
}

func fused(c *compiler, s *step, n int) {
	a := c.in.args
	d, x, y, z := c.dest(a[0]), c.source(a[1], n), c.source(a[2], n), c.source(a[3], n)
	if n == 64 {
		s.run = ternaryOp(d, x, y, z, func(x, y, z uint64) uint64 { return math.Float64bits(math.FMA(f64of(x), f64of(y), f64of(z))) })
		return
	}
	s.run = func(w *warp, m uint32) {
		dst, x, y, z := w.r[d], w.r[x], w.r[y], w.r[z]
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			p := float64(f32of(x[i])) * float64(f32of(y[i]))
			v := p + float64(f32of(z[i]))
			if u := math.Float64bits(v); u&0x1fffffff != 0x10000000 && (u<<1>>53 > 1023-120 || v == 0) {
				dst[i] = bitsOf(float32(v))
			} else {
				dst[i] = bitsOf(fma32(f32of(x[i]), f32of(y[i]), f32of(z[i])))
			}
		}
	}
}
