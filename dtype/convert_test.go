package dtype

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

var interesting = []float64{0, 1, -1, 0.5, -0.5, 0.999, 1.5, 2.5, -2.5, 127, 128, 127.9, -128, -128.9, -129, 255, 256, 300, 32767.5, 32768, -32769, 65535, 65536,
	1 << 31, 1<<31 - 1, -1<<31 - 1, 1 << 32, 1<<32 - 1, 1 << 53, 1 << 62, 1 << 63, -1 << 63, 1 << 64, 1e30, -1e30, 1e-30, 1e300,
	math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1), math.MaxInt64, math.MaxUint64}

// samples fills n elements of t with the interesting values and random bits.
func samples(t Type, n int) []byte {
	rng := rand.New(rand.NewPCG(7, uint64(t)))
	b := make([]byte, n*t.Size())
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	for i, v := range interesting {
		Store(b, t, i, v)
	}
	for i, v := range []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, -1, 1<<53 + 1, 1<<24 + 1, -(1<<24 + 1), 0x0101_0000_0000_0001, 0x0100_8000_0000_0000 + 1} {
		StoreInt(b, t, len(interesting)+i, v)
	}
	if t == Bool {
		for i := range b {
			b[i] &= 3 // values other than 0 and 1 count as true
		}
	}
	return b
}

// scalar is the reference for one element: Load and Store, or exact integers.
func scalar(dst []byte, dt Type, src []byte, st Type, i int) {
	switch {
	case !st.IsFloat() && !dt.IsFloat():
		StoreInt(dst, dt, i, LoadInt(src, st, i))
	case st == U64 && LoadInt(src, st, i) < 0 && dt != F64, st == I64 && dt.IsFloat() && dt != F64, st == U64 && dt.IsFloat() && dt != F64:
		x := new(big.Int).SetInt64(LoadInt(src, st, i))
		if st == U64 {
			x.SetUint64(uint64(LoadInt(src, st, i)))
		}
		exact := new(big.Float).SetPrec(2000).SetInt(x)
		if dt == F32 {
			v, _ := exact.Float32()
			Store(dst, dt, i, float64(v))
			return
		}
		for _, f := range floatFormats {
			if f.t == dt {
				Store(dst, dt, i, f.round(exact))
			}
		}
	default:
		Store(dst, dt, i, Load(src, st, i))
	}
}

func TestConvertEveryPair(t *testing.T) {
	const n = 2*chunk + 77
	for _, st := range All() {
		src := samples(st, n)
		for _, dt := range All() {
			got, want := make([]byte, n*dt.Size()), make([]byte, n*dt.Size())
			Convert(got, dt, src, st)
			for i := range n {
				scalar(want, dt, src, st, i)
			}
			for i := range n {
				if g, w := element(got, dt, i), element(want, dt, i); !bytes.Equal(g, w) {
					if dt.IsFloat() && math.IsNaN(Load(got, dt, i)) && math.IsNaN(Load(want, dt, i)) {
						continue
					}
					t.Fatalf("%v -> %v: element %d (%x = %v) became %x = %v, want %x = %v", st, dt, i, element(src, st, i), Load(src, st, i), g, Load(got, dt, i), w, Load(want, dt, i))
				}
			}
			// The same, with both buffers off their alignment.
			off, shifted := make([]byte, len(got)+1), append([]byte{0}, src...)
			Convert(off[1:], dt, shifted[1:], st)
			if !bytes.Equal(off[1:], got) {
				t.Fatalf("%v -> %v: unaligned buffers give another result", st, dt)
			}
		}
	}
}

func element(b []byte, t Type, i int) []byte { return b[i*t.Size() : (i+1)*t.Size()] }

func TestConversionRules(t *testing.T) {
	for _, c := range []struct {
		from Type
		v    float64
		to   Type
		want float64
	}{
		{F32, 300, U8, 255}, {F32, -1.9, I8, -1}, {F32, -0.9, U8, 0}, {F64, -5, U64, 0}, {F32, math.NaN(), I32, 0}, {F32, math.NaN(), Bool, 1},
		{F64, math.Inf(-1), I16, math.MinInt16}, {F64, 1e300, I64, math.MaxInt64}, {F64, 1e300, U64, math.MaxUint64}, {F32, 3e9, I32, math.MaxInt32},
		{I32, 300, U8, 44}, {I32, -1, U16, 65535}, {I16, 200, I8, -56}, {Bool, 7, I64, 1}, {F64, math.Copysign(0, -1), Bool, 0}, {F16, 65504, I16, 32767},
		{F32, 1e9, F8E4M3, math.NaN()}, {F32, 1e9, F16, math.Inf(1)}, {F32, math.Inf(1), I32, math.MaxInt32},
	} {
		src, dst := make([]byte, c.from.Size()), make([]byte, c.to.Size())
		Store(src, c.from, 0, c.v)
		Convert(dst, c.to, src, c.from)
		if got := Load(dst, c.to, 0); !same(got, c.want) {
			t.Errorf("%v %v -> %v gives %v, want %v", c.from, c.v, c.to, got, c.want)
		}
	}
}

func TestScalarIntegersAreExact(t *testing.T) {
	b := make([]byte, 24)
	for _, typ := range []Type{I64, U64} {
		for _, v := range []int64{math.MinInt64, -1, 0, 1<<53 + 1, math.MaxInt64} {
			StoreInt(b, typ, 2, v)
			if got := LoadInt(b, typ, 2); got != v {
				t.Errorf("%v: %d came back as %d", typ, v, got)
			}
		}
	}
	StoreInt(b, U64, 0, -1)
	if got := Load(b, U64, 0); got != 1<<64 {
		t.Errorf("the largest u64 loads as %v, want 2^64", got)
	}
	StoreInt(b, F32, 0, -7)
	if got := LoadInt(b, F32, 0); got != -7 {
		t.Errorf("-7 through f32 is %d", got)
	}
	Store(b, F64, 1, -9.99)
	if got := LoadInt(b, F64, 1); got != -9 {
		t.Errorf("-9.99 loads as the integer %d, want -9", got)
	}
}

// wantPanic runs f and checks that it panics with a message holding text.
func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, _ := recover().(string); !strings.Contains(s, text) {
			t.Errorf("panic message %q does not say %q", s, text)
		}
	}()
	f()
}

func TestMisuse(t *testing.T) {
	b := Bytes(make([]uint64, 2))
	wantPanic(t, "element counts differ", func() { Convert(b[:8], F32, b[:16], F64); Convert(b[:8], F32, b[:8], F64) })
	wantPanic(t, "not whole", func() { Convert(b[:7], F32, b[:8], F64) })
	wantPanic(t, "not an element type", func() { Convert(b[:8], F32, b[:8], Invalid) })
	wantPanic(t, "not an element type", func() { Store(b, Type(99), 0, 1) })
	wantPanic(t, "not an element type", func() { Load(b, Invalid, 0) })
	wantPanic(t, "not an element type", func() { StoreInt(b, Invalid, 0, 1) })
	wantPanic(t, "whole number of f32", func() { Slice[float32](b[:7]) })
	wantPanic(t, "not aligned for f64", func() { Slice[float64](b[1:9]) })
}
