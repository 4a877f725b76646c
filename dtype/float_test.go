package dtype

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// floatFormat describes a small float to the oracle.
type floatFormat struct {
	t        Type
	man      int // mantissa bits
	minExp   int // exponent of the smallest normal number
	max      float64
	overflow float64 // what lies beyond max after rounding
	bits     int
}

var floatFormats = []floatFormat{
	{F16, 10, -14, 65504, math.Inf(1), 16},
	{BF16, 7, -126, 0x1.fep127, math.Inf(1), 16},
	{F8E4M3, 3, -6, 448, math.NaN(), 8},
	{F8E5M2, 2, -14, 57344, math.Inf(1), 8},
}

// round is the oracle: x in units of the last place of the format, rounded by
// big.Float, which shares no arithmetic with the package.
func (f floatFormat) round(x *big.Float) float64 {
	if x.Sign() == 0 {
		v, _ := x.Float64()
		return v
	}
	ulp := max(x.MantExp(nil)-1, f.minExp) - f.man
	scaled := new(big.Float).SetMantExp(x, -ulp)
	// Round the absolute value to an integer, half to even.
	abs := new(big.Float).Abs(scaled)
	whole, _ := abs.Int(nil)
	frac := new(big.Float).SetPrec(2000).Sub(abs, new(big.Float).SetInt(whole))
	if c := frac.Cmp(big.NewFloat(0.5)); c > 0 || c == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(1))
	}
	v, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(whole), ulp).Float64()
	if v > f.max {
		v = f.overflow
	}
	return math.Copysign(v, float64(x.Sign()))
}

func (f floatFormat) oracle(v float64) float64 {
	if math.IsNaN(v) {
		return v
	}
	if math.IsInf(v, 0) {
		return math.Copysign(f.overflow, v)
	}
	return f.round(new(big.Float).SetPrec(2000).SetFloat64(v))
}

// from32 and from64 are the two roundings under test, as values.
func (f floatFormat) from32(v float32) float64 {
	switch f.t {
	case F16:
		return ToFloat16(v).Float64()
	case BF16:
		return ToBFloat16(v).Float64()
	case F8E4M3:
		return ToFloat8E4M3(v).Float64()
	}
	return ToFloat8E5M2(v).Float64()
}

func (f floatFormat) from64(v float64) float64 {
	switch f.t {
	case F16:
		return Float16FromFloat64(v).Float64()
	case BF16:
		return BFloat16FromFloat64(v).Float64()
	case F8E4M3:
		return Float8E4M3FromFloat64(v).Float64()
	}
	return Float8E5M2FromFloat64(v).Float64()
}

// value decodes a pattern by the definition of the format.
func (f floatFormat) value(p int) float64 {
	exp, man := p&(1<<(f.bits-1)-1)>>f.man, p&(1<<f.man-1)
	var v float64
	switch top := 1<<(f.bits-1-f.man) - 1; {
	case exp == top && f.t != F8E4M3 && man == 0:
		v = math.Inf(1)
	case exp == top && (f.t != F8E4M3 || man == 7):
		v = math.NaN()
	case exp == 0:
		v = math.Ldexp(float64(man), f.minExp-f.man)
	default:
		v = math.Ldexp(float64(man+1<<f.man), f.minExp-f.man+exp-1)
	}
	if p>>(f.bits-1) == 1 {
		v = math.Copysign(v, -1)
	}
	return v
}

func (f floatFormat) load(p int) float64 {
	if f.bits == 8 {
		return Load([]byte{byte(p)}, f.t, 0)
	}
	return Load(Bytes([]uint16{uint16(p)}), f.t, 0)
}

// same is equality of values: one NaN is like another, 0 is not -0.
func same(a, b float64) bool {
	return a == b && math.Signbit(a) == math.Signbit(b) || a != a && b != b
}

func TestEveryPatternDecodesAndReturns(t *testing.T) {
	for _, f := range floatFormats {
		for p := range 1 << f.bits {
			want := f.value(p)
			got := f.load(p)
			if !same(got, want) || math.Signbit(got) != math.Signbit(want) {
				t.Fatalf("%v %#x is %v, want %v", f.t, p, got, want)
			}
			if back := f.from64(got); !same(back, want) {
				t.Fatalf("%v %#x -> %v -> %v", f.t, p, got, back)
			}
			if back := f.from32(float32(got)); !same(back, want) {
				t.Fatalf("%v %#x -> %v -> %v through float32", f.t, p, got, back)
			}
		}
	}
}

func TestPatternsKeepTheirBits(t *testing.T) {
	for p := range 1 << 16 {
		want := Float16(p)
		if p&0x7fff > 0x7c00 {
			want |= 0x200 // quiet
		}
		if got := ToFloat16(Float16(p).Float32()); got != want {
			t.Fatalf("f16 %#x came back as %#x", p, got)
		}
		wantB := BFloat16(p)
		if p&0x7fff > 0x7f80 {
			wantB |= 0x40
		}
		if got := ToBFloat16(BFloat16(p).Float32()); got != wantB {
			t.Fatalf("bf16 %#x came back as %#x", p, got)
		}
	}
	for p := range 1 << 8 {
		if got := ToFloat8E4M3(Float8E4M3(p).Float32()); got != Float8E4M3(p) {
			t.Fatalf("f8e4m3 %#x came back as %#x", p, got)
		}
		want := Float8E5M2(p)
		if p&0x7f > 0x7c {
			want |= 2
		}
		if got := ToFloat8E5M2(Float8E5M2(p).Float32()); got != want {
			t.Fatalf("f8e5m2 %#x came back as %#x", p, got)
		}
	}
}

// TestTies rounds the middle of every two neighbours and what is next to it.
func TestTies(t *testing.T) {
	for _, f := range floatFormats {
		for p := range 1<<(f.bits-1) - 1 {
			lo, hi := f.value(p), f.value(p+1)
			if math.IsNaN(lo) || math.IsInf(lo, 0) {
				continue
			}
			if math.IsNaN(hi) || math.IsInf(hi, 0) {
				hi = 2*lo - f.value(p-1) // the next step, were there one
			}
			mid := (lo + hi) / 2
			for _, v := range []float64{mid, math.Nextafter(mid, 0), math.Nextafter(mid, math.Inf(1)), -mid} {
				if got, want := f.from64(v), f.oracle(v); !same(got, want) {
					t.Fatalf("%v from float64 %x: %x, want %x", f.t, v, got, want)
				}
				if got, want := f.from32(float32(v)), f.oracle(float64(float32(v))); !same(got, want) {
					t.Fatalf("%v from float32 %x: %x, want %x", f.t, float32(v), got, want)
				}
			}
			for _, v := range []float32{math.Nextafter32(float32(mid), 0), math.Nextafter32(float32(mid), math.MaxFloat32)} {
				if got, want := f.from32(v), f.oracle(float64(v)); !same(got, want) {
					t.Fatalf("%v from float32 %x: %x, want %x", f.t, v, got, want)
				}
			}
		}
	}
}

func TestRandomRounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b32 := rng.Uint32()
		v32 := math.Float32frombits(b32)
		// A float64 with any mantissa and an exponent near those of the formats.
		v64 := math.Ldexp(rng.Float64()+1, rng.IntN(300)-150)
		if b32&1 == 0 {
			v32, v64 = float32(math.Ldexp(rng.Float64()+1, rng.IntN(50)-28)), -v64
		}
		for _, f := range floatFormats {
			if got, want := f.from32(v32), f.oracle(float64(v32)); !same(got, want) {
				t.Fatalf("%v from float32 %x: %x, want %x", f.t, v32, got, want)
			}
			if got, want := f.from64(v64), f.oracle(v64); !same(got, want) {
				t.Fatalf("%v from float64 %x: %x, want %x", f.t, v64, got, want)
			}
		}
	}
}

func TestSpecialValues(t *testing.T) {
	for _, f := range floatFormats {
		for _, v := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64,
			-math.MaxFloat64, math.MaxFloat32, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat32, 464, 465, 65519, 65520, 61440, 61439} {
			if got, want := f.from64(v), f.oracle(v); !same(got, want) {
				t.Errorf("%v from float64 %v: %v, want %v", f.t, v, got, want)
			}
			if got, want := f.from32(float32(v)), f.oracle(float64(float32(v))); !same(got, want) {
				t.Errorf("%v from float32 %v: %v, want %v", f.t, v, got, want)
			}
		}
	}
	if got := ToFloat16(math.Float32frombits(0xff802000)); got != 0xfe01 {
		t.Errorf("signalling NaN with a payload became %#x, want sign and payload kept and quiet", got)
	}
	if got := ToBFloat16(math.Float32frombits(0x7f800001)); got != 0x7fc0 {
		t.Errorf("signalling NaN became %#x, want a quiet NaN", got)
	}
	if s := Float16(0x3c00).String() + " " + BFloat16(0x3e80).String() + " " + Float8E4M3(0x7f).String() + " " + Float8E5M2(0xfc).String(); s != "1 0.25 NaN -Inf" {
		t.Errorf("strings are %q", s)
	}
}
