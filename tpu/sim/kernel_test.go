package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
)

// Every assembled kernel does what its plain twin does, in its place and nowhere
// else.
func TestKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, rand.Uint64()))
	for _, level := range []cpufeat.Level{cpufeat.AVX2, cpufeat.AVX512} {
		if !cpufeat.Available(level) {
			continue
		}
		k := meshKernelsOf(level)
		for range 2000 {
			float := r.IntN(2) == 0
			rows, n := 1<<r.IntN(len(k.float)), 1+r.IntN(20)
			wide := k.lanes + r.IntN(8)
			line := n + k.lanes + r.IntN(9)
			fill := func(size int) []uint32 {
				v := make([]uint32, size)
				for i := range v {
					if v[i] = uint32(uint16(r.Uint32())); float {
						v[i] = bitsOf(float32(int8(r.Uint32())) / 16)
					}
				}
				return v
			}
			w, next := fill(rows*wide), fill(rows*wide)
			var results [2][]uint32
			lines, in := fill(rows*line), fill(n*k.lanes)
			sums := fill(rows * wide)
			lead := int32(r.IntN(2*k.lanes+8) - 8)
			change := r.IntN(2) == 0
			for i, kernels := range []*meshKernels{k, {lanes: k.lanes, rows: k.rows}} {
				s, out := slices.Clone(sums), make([]uint32, n*k.lanes+3)
				b := block{rows: rows, a: lines, aStride: line, sums: s, stride: wide, in: in, out: out}
				var p *uint32
				if change {
					p = &next[0]
				}
				kernels.run(float, &b, b.lineOf(0, n), 0, n, &w[0], p, lead)
				results[i] = append(s, out...)
			}
			if !slices.Equal(results[0], results[1]) {
				t.Fatalf("%v float %v, %d rows, %d cycles, change %v at %d:\n%x\n%x", level, float, rows, n, change, lead, results[0], results[1])
			}
		}
	}
}
