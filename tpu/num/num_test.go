package num

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

// units are one per set of kernels that runs here.
func units() map[string]*Unit {
	list := map[string]*Unit{}
	for _, l := range []cpufeat.Level{cpufeat.Generic, cpufeat.AVX2, cpufeat.AVX512} {
		if cpufeat.Available(l) {
			u := NewUnit(l, nil)
			list[l.String()] = u
			if u.kernels.u8s8 != nil {
				without := *u.kernels
				without.u8s8 = nil
				list[l.String()+" without vnni"] = newUnit(&without, nil)
			}
		}
	}
	return list
}

var formats = []Format{
	{BF16, false, false},
	{Int8, true, true}, {Int8, false, true}, {Int8, true, false}, {Int8, false, false},
	{Int8x16, true, true}, {Int8x16, true, false}, {Int16, true, true},
}

// product is the definition, one element at a time: the exact sum with one rounding
// per addition for bf16, modulo 2^32 for integers.
func product(f Format, a, w []byte, k int, start uint32, order Order) uint32 {
	if f.Precision == BF16 {
		sum := float32(0)
		if order == Chain {
			sum = math.Float32frombits(start)
		}
		for i := range k {
			sum = fused(value(a[2*i:]), value(w[2*i:]), sum)
		}
		if order == Add {
			sum = math.Float32frombits(start) + sum
		}
		return math.Float32bits(sum)
	}
	sum := int64(0)
	for i := range k {
		sum += integer(a, i, f.ActivationBytes(), f.SignedA) * integer(w, i, f.WeightBytes(), f.SignedW)
	}
	if order != Replace {
		sum += int64(int32(start))
	}
	return uint32(sum)
}

func value(b []byte) float32 {
	v := math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	if v > -0x1p-126 && v < 0x1p-126 {
		return 0
	}
	return v
}

// fused is x·y + z with one rounding, by big floats.
func fused(x, y, z float32) float32 {
	p := float64(x) * float64(y) // exact
	s := p + float64(z)
	if s != s || math.IsInf(s, 0) || s == 0 {
		return float32(s)
	}
	b := new(big.Float).SetPrec(2000)
	b.Add(new(big.Float).SetPrec(2000).SetFloat64(p), new(big.Float).SetPrec(2000).SetFloat64(float64(z)))
	r, _ := b.Float32()
	return r
}

func integer(b []byte, i, size int, signed bool) int64 {
	if size == 2 {
		return int64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	}
	if signed {
		return int64(int8(b[i]))
	}
	return int64(b[i])
}

// operands are random bytes; bf16 gets a mixture of ordinary, tiny, huge and special
// values.
func operands(r *rand.Rand, n int, f Format) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if f.Precision == BF16 {
		for i := 0; i+1 < n; i += 2 {
			v := Narrow(float32(r.NormFloat64()))
			switch r.IntN(60) {
			case 0:
				v = uint16(r.Uint32())
			case 1:
				v = uint16(r.IntN(256)) // subnormal or tiny
			case 2:
				v = uint16(r.IntN(4) << 5) // zeros and small ones
			case 3:
				v = []uint16{0x7f80, 0xff80, 0x7fc0, 0x8000}[r.IntN(4)]
			}
			binary.LittleEndian.PutUint16(b[i:], v)
		}
	}
	return b
}

func sameBits(a, b uint32, float bool) bool {
	return a == b || float && math.Float32frombits(a) != math.Float32frombits(a) && math.Float32frombits(b) != math.Float32frombits(b)
}

// TestMatMul compares every unit with the definition, for every format and order, on
// random sizes, with guards around the result.
func TestMatMul(t *testing.T) {
	r := rand.New(rand.NewPCG(11, rand.Uint64()))
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for name, u := range units() {
		for _, f := range formats {
			var tile Tile
			for range rounds {
				rows, k, cols := 1+r.IntN(40), 1+r.IntN(70), 1+r.IntN(70)
				pa := k*f.ActivationBytes() + r.IntN(5)
				pw := cols*f.WeightBytes() + r.IntN(5)
				a, w := operands(r, rows*pa, f), operands(r, k*pw, f)
				order := Order(r.IntN(3))
				ld := cols + r.IntN(4)
				acc := make([]uint32, rows*ld)
				for i := range acc {
					acc[i] = math.Float32bits(float32(r.NormFloat64()))
				}
				before := append([]uint32(nil), acc...)
				u.Pack(&tile, w, pw, k, cols, f)
				u.MatMul(acc, ld, rows, a, pa, &tile, order)
				column := make([]byte, k*f.WeightBytes())
				for j := range ld {
					for i := range k {
						if j < cols {
							copy(column[i*f.WeightBytes():], w[i*pw+j*f.WeightBytes():][:f.WeightBytes()])
						}
					}
					for i := range rows {
						want := before[i*ld+j]
						if j < cols {
							want = product(f, a[i*pa:], column, k, want, order)
						}
						if got := acc[i*ld+j]; !sameBits(got, want, f.Precision == BF16) {
							t.Fatalf("%s %v order %d %d×%d×%d: element %d,%d is %#x, want %#x", name, f, order, rows, k, cols, i, j, got, want)
						}
					}
				}
			}
		}
	}
}

// Results do not depend on the number of threads.
func TestThreads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, rand.Uint64()))
	pool := parallel.New(3)
	defer pool.Close()
	f := Format{Precision: BF16}
	const rows, k, cols = 1000, 100, 90
	a, w := operands(r, rows*k*2, f), operands(r, k*cols*2, f)
	var results [2][]uint32
	for i, p := range []*parallel.Pool{nil, pool} {
		u := NewUnit(cpufeat.Best(), p)
		var tile Tile
		u.Pack(&tile, w, cols*2, k, cols, f)
		results[i] = make([]uint32, rows*cols)
		u.MatMul(results[i], cols, rows, a, k*2, &tile, Replace)
	}
	for i := range results[0] {
		if !sameBits(results[0][i], results[1][i], true) {
			t.Fatalf("element %d differs between 1 and 3 threads", i)
		}
	}
}

// The twin of the VNNI kernel is tested where VNNI is not.
func TestQuadTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(2, rand.Uint64()))
	k := generic
	k.u8s8 = func(steps int, a *byte, lda int, b *byte, c *int32, ldc int, column *int32, add bool) {
		u8s8Block(genericRows, genericCols, steps, a, lda, b, c, ldc, column, add)
	}
	u := NewUnit(cpufeat.Generic, nil)
	quad := newUnit(&k, nil)
	for _, f := range formats[1:3] {
		const rows, depth, cols = 9, 31, 13
		a, w := operands(r, rows*depth, f), operands(r, depth*cols, f)
		var t1, t2 Tile
		u.Pack(&t1, w, cols, depth, cols, f)
		quad.Pack(&t2, w, cols, depth, cols, f)
		x, y := make([]uint32, rows*cols), make([]uint32, rows*cols)
		u.MatMul(x, cols, rows, a, depth, &t1, Replace)
		quad.MatMul(y, cols, rows, a, depth, &t2, Replace)
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("%v: element %d is %d, want %d", f, i, int32(y[i]), int32(x[i]))
			}
		}
	}
}

func TestMisuse(t *testing.T) {
	u := NewUnit(cpufeat.Best(), nil)
	var tile Tile
	u.Pack(&tile, make([]byte, 64), 8, 8, 8, Format{Int8, true, true})
	for name, f := range map[string]func(){
		"short weights":     func() { u.Pack(new(Tile), make([]byte, 63), 8, 8, 8, Format{Int8, true, true}) },
		"no rows":           func() { u.Pack(new(Tile), nil, 0, 0, 1, Format{}) },
		"short activations": func() { u.MatMul(make([]uint32, 16), 8, 2, make([]byte, 15), 8, &tile, Replace) },
		"short sums":        func() { u.MatMul(make([]uint32, 15), 8, 2, make([]byte, 16), 8, &tile, Replace) },
		"another unit": func() {
			NewUnit(cpufeat.Generic, nil).MatMul(make([]uint32, 16), 8, 2, make([]byte, 16), 8, &Tile{Rows: 8, Cols: 8}, Replace)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// Narrow is the rounding of big floats, for every bit pattern near a boundary.
func TestNarrow(t *testing.T) {
	for h := range 1 << 16 {
		for _, low := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff} {
			f := math.Float32frombits(uint32(h)<<16 | low)
			got := Narrow(f)
			if f != f {
				if got != 0x7fc0 {
					t.Fatalf("NaN %#x becomes %#x", math.Float32bits(f), got)
				}
				continue
			}
			// Nearest of the value below and above in magnitude, ties to even.
			below := uint16(h)
			want := below
			if low > 0x8000 || low == 0x8000 && below&1 == 1 {
				want = below + 1
			}
			if got != want {
				t.Fatalf("%#x becomes %#x, want %#x", math.Float32bits(f), got, want)
			}
		}
	}
	if Narrow(math.MaxFloat32) != 0x7f80 || Widen(0x0001) != 0 || Widen(0x0080) != 0x1p-126 {
		t.Error("overflow or subnormals")
	}
}

// Requantisation with integers is that of exact arithmetic.
func TestRequant(t *testing.T) {
	r := rand.New(rand.NewPCG(3, rand.Uint64()))
	clip := func(x *big.Int, zero int32, signed bool) int8 {
		x.Add(x, big.NewInt(int64(zero)))
		lo, hi := int64(0), int64(255)
		if signed {
			lo, hi = -128, 127
		}
		v := hi
		if x.IsInt64() {
			v = min(max(x.Int64(), lo), hi)
		} else if x.Sign() < 0 {
			v = lo
		}
		return int8(uint8(v))
	}
	for range 20000 {
		sum, m := int32(r.Uint32())>>r.IntN(32), int32(r.Uint32()>>1)
		shift, zero, signed := uint(r.IntN(63)), int32(r.IntN(256)-128), r.IntN(2) == 0
		for _, mode := range []Rounding{FixedQ31, ShiftEven} {
			x := big.NewInt(int64(sum))
			if mode == FixedQ31 {
				x.Mul(x, big.NewInt(int64(m)))
			}
			// floor((2x + 2^shift) / 2^(shift+1)) rounds half upwards.
			n := new(big.Int).Lsh(x, 1)
			n.Add(n, new(big.Int).Lsh(big.NewInt(1), shift))
			q, rest := new(big.Int).DivMod(n, new(big.Int).Lsh(big.NewInt(1), shift+1), new(big.Int))
			if mode == ShiftEven && shift > 0 && rest.Sign() == 0 && q.Bit(0) == 1 {
				q.Sub(q, big.NewInt(1))
			}
			if got, want := RequantFixed(sum, m, shift, mode, zero, signed), clip(q, zero, signed); got != want {
				t.Fatalf("%v of %d·%d·2^-%d + %d: %d, want %d", mode, sum, m, shift, zero, got, want)
			}
		}
	}
	for _, c := range []struct {
		x      float32
		zero   int32
		signed bool
		want   int8
	}{{0.5, 0, true, 0}, {1.5, 0, true, 2}, {-2.5, 0, true, -2}, {1e30, 0, true, 127}, {-1e30, 5, true, -128},
		{float32(math.NaN()), 3, true, 3}, {300, 0, false, -1}, {-3, 10, false, 7}, {float32(math.Inf(-1)), 0, false, 0}} {
		if got := Requant(c.x, c.zero, c.signed); got != c.want {
			t.Errorf("Requant(%v, %d, %v) is %d, want %d", c.x, c.zero, c.signed, got, c.want)
		}
	}
}

func TestFunctions(t *testing.T) {
	for f := range functions {
		nan := f.Apply(float32(math.NaN()), 0.1)
		if nan == nan {
			t.Errorf("%v of NaN is %v", f, nan)
		}
	}
	for _, c := range []struct {
		f    Function
		x, y float32
	}{{ReLU, -3, 0}, {ReLU6, 9, 6}, {Leaky, -2, -0.5}, {Sigmoid, 0, 0.5}, {Tanh, 1, 0.7615942}, {GELU, 1, 0.8413447}, {SiLU, 1, 0.7310586}, {SiLU, -200, 0}} {
		if got := c.f.Apply(c.x, 0.25); math.Abs(float64(got-c.y)) > 1e-7 {
			t.Errorf("%v(%v) is %v, want %v", c.f, c.x, got, c.y)
		}
	}
	for f := range functions {
		x := []float32{-2, float32(math.Copysign(0, -1)), 0.5, 7, float32(math.NaN())}
		y := append([]float32(nil), x...)
		f.ApplyAll(y, 0.25)
		for i := range x {
			if !sameBits(math.Float32bits(y[i]), math.Float32bits(f.Apply(x[i], 0.25)), true) {
				t.Errorf("%v of all: %v is %v", f, x[i], y[i])
			}
		}
	}
	if Function(200).Valid() || Rounding(9).Valid() || fmt.Sprint(Function(200), Rounding(9), Precision(7)) == "" {
		t.Error("what does not exist is valid")
	}
}

// Speed on full 256×256 tiles, beside the peak of the same kernel.
func BenchmarkTiles(b *testing.B) {
	for _, level := range []cpufeat.Level{cpufeat.AVX512, cpufeat.AVX2, cpufeat.Generic} {
		if !cpufeat.Available(level) {
			continue
		}
		for _, f := range []Format{{Int8, true, true}, {Int16, true, true}, {BF16, false, false}} {
			for _, side := range []int{128, 256} {
				b.Run(fmt.Sprintf("%v/%v/%d", level, f.Precision, side), func(b *testing.B) {
					u := NewUnit(level, nil)
					rows := 2048
					a, w := make([]byte, rows*side*f.ActivationBytes()), make([]byte, side*side*f.WeightBytes())
					acc := make([]uint32, rows*side)
					var tile Tile
					peak := u.Peak(f)
					for b.Loop() {
						u.Pack(&tile, w, side*f.WeightBytes(), side, side, f)
						u.MatMul(acc, side, rows, a, side*f.ActivationBytes(), &tile, Add)
					}
					rate := float64(rows*side*side) * float64(b.N) / b.Elapsed().Seconds()
					b.ReportMetric(rate/1e9, "GMAC/s")
					b.ReportMetric(100*rate/peak, "%peak")
				})
			}
		}
	}
}
