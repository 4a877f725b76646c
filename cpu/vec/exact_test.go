package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// tolerance gives the units in the last place by which a primitive may differ
// from its generic twin; those not listed must agree in every bit.
var tolerance = map[string]uint64{
	"Exp": 2, "Exp2": 2, "Log": 2, "Log2": 3, "Tanh": 2, "Erf": 2, "Sigmoid": 3, "Silu": 4,
}

// agrees compares a primitive's result with its twin's. x is the first operand.
func agrees(name string, x, got, want float32) bool {
	switch name {
	case "Gelu", "GeluTanh":
		// These cancel for x < 0: the error is relative to x.
		if near(got, want, x, 0x1p-22) {
			return true
		}
	case "Silu":
		// The sigmoid of x < -87 is denormal and so has fewer digits.
		if near(got, want, x, math.SmallestNonzeroFloat32) {
			return true
		}
	case "Min", "Max", "MinS", "MaxS":
		if got == 0 && want == 0 {
			return true
		}
	}
	return ulps(got, want) <= tolerance[name] && (tolerance[name] > 0 || same(got, want))
}

// near reports |got-want| <= |x|·relative.
func near(got, want, x float32, relative float64) bool {
	return math.Abs(float64(got)-float64(want)) <= math.Abs(float64(x))*relative
}

// operands are the inputs of one call, with memory faults behind each.
type operands struct{ dst, a, b, c, want []float32 }

func newOperands(t *testing.T, n int) *operands {
	return &operands{guarded(t, n), guarded(t, n), guarded(t, n), guarded(t, n), make([]float32, n)}
}

// last returns operands of length n that end at the same faults.
func (o *operands) last(n int) operands {
	cut := func(a []float32) []float32 { return a[len(a)-n:] }
	return operands{cut(o.dst), cut(o.a), cut(o.b), cut(o.c), cut(o.want)}
}

// check runs a primitive on n elements three times: into its own slice, with
// the element before it watched, and over its first and its last operand.
func (o *operands) check(t *testing.T, name string, run, twin func(dst []float32, o operands)) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 11))
	for _, n := range lengths() {
		v := o.last(n)
		fill(rng, v.a)
		fill(rng, v.b)
		fill(rng, v.c)
		copy(v.c, []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN())})
		x := slices.Clone(v.a)
		twin(v.want, v)
		before := o.last(n + 1).dst
		before[0] = 12345
		run(v.dst, v)
		if before[0] != 12345 {
			t.Fatalf("%s of %d elements wrote before its result", name, n)
		}
		compare := func(how string, got []float32) {
			for i := range got {
				if !agrees(name, x[i], got[i], v.want[i]) {
					t.Fatalf("%s of %d elements %s: element %d of %g is %g (%#x), want %g (%#x)", name, n, how, i,
						x[i], got[i], math.Float32bits(got[i]), v.want[i], math.Float32bits(v.want[i]))
				}
			}
		}
		compare("into a new slice", v.dst)
		b := slices.Clone(v.b)
		run(v.b, v)
		compare("over b", v.b[:len(b)])
		copy(v.b, b)
		run(v.a, v)
		compare("over a", v.a)
	}
}

func TestPrimitivesMatchTwins(t *testing.T) {
	o := newOperands(t, 1024)
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for name, f := range primitives[Unary](fn) {
			twin := primitives[Unary](&generic)[name]
			o.check(t, name,
				func(dst []float32, o operands) { f(dst, o.a) },
				func(dst []float32, o operands) { twin(dst, o.a) })
		}
		for name, f := range primitives[Binary](fn) {
			twin := primitives[Binary](&generic)[name]
			o.check(t, name,
				func(dst []float32, o operands) { f(dst, o.a, o.b) },
				func(dst []float32, o operands) { twin(dst, o.a, o.b) })
		}
		for name, f := range primitives[Scalar](fn) {
			twin := primitives[Scalar](&generic)[name]
			for _, s := range []float32{0, -1.5, float32(math.Inf(1)), float32(math.NaN())} {
				o.check(t, name,
					func(dst []float32, o operands) { f(dst, o.a, s) },
					func(dst []float32, o operands) { twin(dst, o.a, s) })
			}
		}
		o.check(t, "Where",
			func(dst []float32, o operands) { fn.Where(dst, o.c, o.a, o.b) },
			func(dst []float32, o operands) { generic.Where(dst, o.c, o.a, o.b) })
	})
}

// TestShortOperandPanics checks that a length error is caught before a kernel
// runs past the slice.
func TestShortOperandPanics(t *testing.T) {
	panics := func(f func()) (caught bool) {
		defer func() { caught = recover() != nil }()
		f()
		return false
	}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		long, short := make([]float32, 9), make([]float32, 8)
		for name, f := range primitives[Unary](fn) {
			if !panics(func() { f(long, short[:8:8]) }) {
				t.Errorf("%s accepted a short operand", name)
			}
		}
		for name, f := range primitives[Binary](fn) {
			if !panics(func() { f(long, long, short[:8:8]) }) {
				t.Errorf("%s accepted a short operand", name)
			}
		}
		if !panics(func() { fn.Where(long, long, short[:8:8], long) }) {
			t.Error("Where accepted a short operand")
		}
		if !panics(func() { fn.Dot(long, short[:8:8]) }) {
			t.Error("Dot accepted a short operand")
		}
	})
}

// TestDefinitions checks the generic table, which the others are compared with,
// against the cases its documentation names.
func TestDefinitions(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	zero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name    string
		a, want []float32
	}{
		{"Round", []float32{0.5, 1.5, 2.5, -0.5, nan, inf}, []float32{0, 2, 2, zero, nan, inf}},
		{"Trunc", []float32{1.9, -1.9, -0.1}, []float32{1, -1, zero}},
		{"Floor", []float32{1.9, -1.1}, []float32{1, -2}},
		{"Ceil", []float32{1.1, -1.9, -0.5}, []float32{2, -1, zero}},
		{"Sign", []float32{3, -3, 0, zero, nan, -inf}, []float32{1, -1, 0, zero, nan, -1}},
		{"Abs", []float32{-3, zero, -inf, nan}, []float32{3, 0, inf, nan}},
		{"Neg", []float32{3, zero}, []float32{-3, 0}},
		{"Recip", []float32{4, 0, zero, inf}, []float32{0.25, inf, -inf, 0}},
		{"Rsqrt", []float32{4, 0, -1, inf}, []float32{0.5, inf, nan, 0}},
		{"Sigmoid", []float32{0, inf, -inf, nan}, []float32{0.5, 1, 0, nan}},
		{"Log", []float32{1, 0, zero, -1, inf, nan}, []float32{0, -inf, -inf, nan, inf, nan}},
		{"Exp", []float32{0, inf, -inf, nan, 200, -200}, []float32{1, inf, 0, nan, inf, 0}},
		{"Gelu", []float32{0, inf, nan}, []float32{0, inf, nan}},
		{"Silu", []float32{0, inf, nan}, []float32{0, inf, nan}},
	} {
		got := make([]float32, len(c.a))
		primitives[Unary](&generic)[c.name](got, c.a)
		if !slices.EqualFunc(got, c.want, same) {
			t.Errorf("%s(%v) = %v, want %v", c.name, c.a, got, c.want)
		}
	}
	a, b := []float32{1, nan, 1, 2}, []float32{2, 1, nan, 2}
	for _, c := range []struct {
		name string
		want []float32
	}{
		{"Min", []float32{1, nan, nan, 2}}, {"Max", []float32{2, nan, nan, 2}},
		{"Lt", []float32{1, 0, 0, 0}}, {"Le", []float32{1, 0, 0, 1}},
		{"Eq", []float32{0, 0, 0, 1}}, {"Ne", []float32{1, 1, 1, 0}},
		{"Sub", []float32{-1, nan, nan, 0}}, {"Div", []float32{0.5, nan, nan, 1}},
	} {
		got := make([]float32, len(a))
		primitives[Binary](&generic)[c.name](got, a, b)
		if !slices.EqualFunc(got, c.want, same) {
			t.Errorf("%s(%v, %v) = %v, want %v", c.name, a, b, got, c.want)
		}
	}
	got := make([]float32, 3)
	generic.RSubS(got, []float32{1, 2, 4}, 8)
	if !slices.Equal(got, []float32{7, 6, 4}) {
		t.Errorf("RSubS = %v", got)
	}
	generic.RDivS(got, []float32{1, 2, 4}, 8)
	if !slices.Equal(got, []float32{8, 4, 2}) {
		t.Errorf("RDivS = %v", got)
	}
	generic.Where(got, []float32{1, 0, nan}, []float32{1, 2, 3}, []float32{4, 5, 6})
	if !slices.Equal(got, []float32{1, 5, 3}) {
		t.Errorf("Where = %v", got)
	}
}
