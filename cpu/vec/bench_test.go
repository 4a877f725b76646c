package vec

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
)

// BenchmarkStrip runs primitives over one strip in the first-level cache.
// B/s counts the bytes of the result, or of the operand of a reduction.
func BenchmarkStrip(b *testing.B) {
	const n = 2048
	dst, x, y := make([]float32, n), make([]float32, n), make([]float32, n)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i], y[i] = rng.Float32()*4-2, rng.Float32()+0.5
	}
	for _, level := range []cpufeat.Level{cpufeat.Generic, cpufeat.AVX2, cpufeat.AVX512} {
		f := For(level)
		if f.Level != level {
			continue
		}
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"Add", func() { f.Add(dst, x, y) }},
			{"Div", func() { f.Div(dst, x, y) }},
			{"Max", func() { f.Max(dst, x, y) }},
			{"Lt", func() { f.Lt(dst, x, y) }},
			{"Where", func() { f.Where(dst, x, x, y) }},
			{"Sqrt", func() { f.Sqrt(dst, y) }},
			{"Exp", func() { f.Exp(dst, x) }},
			{"Log", func() { f.Log(dst, y) }},
			{"Tanh", func() { f.Tanh(dst, x) }},
			{"Erf", func() { f.Erf(dst, x) }},
			{"Sigmoid", func() { f.Sigmoid(dst, x) }},
			{"Gelu", func() { f.Gelu(dst, x) }},
			{"Sin", func() { f.Sin(dst, x) }},
			{"Sum", func() { f.Sum(x) }},
			{"Dot", func() { f.Dot(x, y) }},
			{"MaxVal", func() { f.MaxVal(x) }},
			{"ArgMax", func() { f.ArgMax(x) }},
			{"SoftmaxRow", func() { f.SoftmaxRow(dst, x) }},
			{"LogSoftmaxRow", func() { f.LogSoftmaxRow(dst, x) }},
			{"LayerNormRow", func() { f.LayerNormRow(dst, x, y, y, 1e-5) }},
		} {
			b.Run(level.String()+"/"+c.name, func(b *testing.B) {
				b.SetBytes(4 * n)
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}

// BenchmarkChain is relu(x*y+x) as a chain and as three primitives.
func BenchmarkChain(b *testing.B) {
	for _, level := range []cpufeat.Level{cpufeat.Generic, cpufeat.AVX2, cpufeat.AVX512} {
		f := For(level)
		if f.Level != level {
			continue
		}
		for _, n := range []int{8, 64, 100, 1024, 1 << 18} {
			x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
			for i := range x {
				x[i], y[i] = float32(i%13)-6, float32(i%7)-2
			}
			links := []Link{
				{Op: ChainGet, Mem: x}, {Op: ChainMul, Mem: y}, {Op: ChainAdd, Mem: x}, {Op: ChainMaxS},
				{Op: ChainPut, Mem: dst}, {Op: ChainEnd},
			}
			for _, c := range []struct {
				name string
				run  func()
			}{
				{"Chain", func() { f.Chain(links, n) }},
				{"Primitives", func() {
					f.Mul(dst, x, y)
					f.Add(dst, dst, x)
					f.MaxS(dst, dst, 0)
				}},
				{"Add", func() { f.Add(dst, x, y) }},
			} {
				b.Run(fmt.Sprintf("%v/%d/%s", level, n, c.name), func(b *testing.B) {
					b.SetBytes(int64(12 * n))
					for b.Loop() {
						c.run()
					}
				})
			}
		}
	}
}
