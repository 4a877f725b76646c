package expr

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestIntTypes compares with Go's own integers of each width.
func TestIntTypes(t *testing.T) {
	testIntType[int8](t, 8, true)
	testIntType[int16](t, 16, true)
	testIntType[int32](t, 32, true)
	testIntType[int64](t, 64, true)
	testIntType[uint8](t, 8, false)
	testIntType[uint16](t, 16, false)
	testIntType[uint32](t, 32, false)
	testIntType[uint64](t, 64, false)
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func testIntType[T integer](t *testing.T, bits int, signed bool) {
	truth := func(b bool) T { return T(b2f(b)) }
	// A shift count is its unsigned value, so a negative one is large.
	count := func(b T) uint64 { return uint64(b) }
	for s, want := range map[string]func(a, b T) T{
		"x0 + x1":      func(a, b T) T { return a + b },
		"x0 - x1":      func(a, b T) T { return a - b },
		"x0 * x1":      func(a, b T) T { return a * b },
		"x0 * x1 + x0": func(a, b T) T { return a*b + a },
		"x0 * x0 / x1": func(a, b T) T { return divide(a*a, b) },
		"x0 / x1":      divide[T],
		"x0 % x1":      modulo[T],
		"-x0":          func(a, b T) T { return -a },
		"abs(x0)": func(a, b T) T {
			if a < 0 {
				return -a
			}
			return a
		},
		"sign(x0)":     func(a, b T) T { return truth(a > 0) - truth(a < 0) },
		"step(x0)":     func(a, b T) T { return truth(a > 0) },
		"max(x0, x1)":  func(a, b T) T { return max(a, b) },
		"min(x0, x1)":  func(a, b T) T { return min(a, b) },
		"x0 < x1":      func(a, b T) T { return truth(a < b) },
		"x0 <= x1":     func(a, b T) T { return truth(a <= b) },
		"x0 > x1":      func(a, b T) T { return truth(a > b) },
		"x0 >= x1":     func(a, b T) T { return truth(a >= b) },
		"x0 == x1":     func(a, b T) T { return truth(a == b) },
		"x0 != x1":     func(a, b T) T { return truth(a != b) },
		"x0 && x1":     func(a, b T) T { return truth(a != 0 && b != 0) },
		"x0 || x1":     func(a, b T) T { return truth(a != 0 || b != 0) },
		"xor(x0, x1)":  func(a, b T) T { return truth((a != 0) != (b != 0)) },
		"!x0":          func(a, b T) T { return truth(a == 0) },
		"band(x0, x1)": func(a, b T) T { return a & b },
		"bor(x0, x1)":  func(a, b T) T { return a | b },
		"bxor(x0, x1)": func(a, b T) T { return a ^ b },
		"bnot(x0)":     func(a, b T) T { return ^a },
		"shl(x0, x1)":  func(a, b T) T { return a << count(b) },
		"shr(x0, x1)":  func(a, b T) T { return a >> count(b) },
		"where(x0, x1, 3)": func(a, b T) T {
			if a != 0 {
				return b
			}
			return 3
		},
		"pow(x0, x1)": power[T],
		"floor(x0) + ceil(x0) + round(x0) + trunc(x0) + float(x0)": func(a, b T) T { return 5 * a },
		"float(isfinite(x0)) + 2 * float(isnan(x0) || isinf(x0))":  func(a, b T) T { return 1 },
		"min(max(x0, -inf), inf)":                                  func(a, b T) T { return a },
	} {
		n := MustParse(s)
		if err := n.CheckInt(); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		values := intSamples[T](bits)
		for _, a := range values {
			for _, b := range values {
				got := EvalInt(n, bits, signed, []int64{int64(a), int64(b)}, nil)
				if got != int64(want(a, b)) {
					t.Fatalf("%T: %s at %d, %d is %d, want %d", a, s, a, b, got, want(a, b))
				}
			}
		}
	}
}

func intSamples[T integer](bits int) []T {
	r := rand.New(rand.NewPCG(3, uint64(bits)))
	top := T(1)
	top <<= bits - 1 // the lowest signed or the middle unsigned number
	v := []T{0, 1, 2, 3, 5, 7, 8, 31, 63, 64, 100, top, top - 1, top + 1, ^T(0), ^T(1), ^T(6), ^top}
	for range 12 {
		v = append(v, T(r.Uint64()), T(r.Uint64()>>(64-bits/2)))
	}
	return v
}

func divide[T integer](a, b T) T {
	if b == 0 {
		return 0
	}
	return a / b
}

func modulo[T integer](a, b T) T {
	if b == 0 {
		return 0
	}
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// power is modular exponentiation by math/big, wrapped by the conversion.
func power[T integer](a, b T) T {
	if b < 0 {
		switch {
		case a == 1, a == ^T(0) && b&1 == 0:
			return 1
		case a == ^T(0):
			return a
		}
		return 0
	}
	wide := func(v T) *big.Int {
		if v < 0 {
			return big.NewInt(int64(v))
		}
		return new(big.Int).SetUint64(uint64(v))
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), 64)
	return T(new(big.Int).Exp(new(big.Int).Mod(wide(a), modulus), wide(b), modulus).Uint64())
}

func TestIntConstants(t *testing.T) {
	for _, c := range []struct {
		bits   int
		signed bool
		v      float64
		want   int64
	}{
		{8, true, 127.9, 127}, {8, true, 128, 127}, {8, true, -128.5, -128}, {8, true, -1e9, -128}, {8, true, -1.9, -1},
		{8, false, 255.5, 255}, {8, false, 256, 255}, {8, false, -1, 0}, {8, false, -0.5, 0},
		{32, true, math.Inf(1), math.MaxInt32}, {32, false, math.Inf(1), math.MaxUint32}, {32, true, math.NaN(), 0},
		{64, true, 0x1p63, math.MaxInt64}, {64, true, -0x1p63, math.MinInt64}, {64, true, -0x1p62, -1 << 62}, {64, true, math.Inf(-1), math.MinInt64},
		{64, false, 0x1p63, math.MinInt64}, {64, false, 0x1p64, -1}, {64, false, 0x1p64 - 2048, -2048}, {64, false, -5, 0},
	} {
		name := fmt.Sprintf("%g in %d bits, signed %t", c.v, c.bits, c.signed)
		if got := EvalInt(&Node{Op: OpConst, Value: c.v}, c.bits, c.signed, nil, nil); got != c.want {
			t.Errorf("the constant %s is %d, want %d", name, got, c.want)
		}
		if got := EvalInt(MustParse("p0"), c.bits, c.signed, nil, []float64{c.v}); got != c.want {
			t.Errorf("the attribute %s is %d, want %d", name, got, c.want)
		}
	}
	// An undefined function goes through float64.
	if got := EvalInt(MustParse("sqrt(x0)"), 64, false, []int64{math.MinInt64}, nil); got != 3037000499 {
		t.Errorf("sqrt(1<<63) as u64 is %d, want 3037000499", got)
	}
	// Values outside the width wrap when they are read.
	if got := EvalInt(MustParse("x0"), 8, true, []int64{200}, nil); got != -56 {
		t.Errorf("200 read as i8 is %d, want -56", got)
	}
}
