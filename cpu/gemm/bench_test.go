package gemm

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

func report(b *testing.B, flops float64) {
	b.ReportMetric(flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkKernel is the full tile alone on panels in the first-level cache: the
// ceiling of what the blocked product can reach on this machine.
func BenchmarkKernel(b *testing.B) {
	for _, level := range levels() {
		b.Run(level.String(), func(b *testing.B) {
			s := kernels[float32](level)
			const k = 256
			x, y, c := make([]float32, s.mr*k), make([]float32, s.nr*k), make([]float32, s.mr*s.nr)
			run, tail := s.tile(s.mr, s.nr)
			for b.Loop() {
				run(k, x, 1, s.mr, y, s.nr, c, s.nr, tail, true)
			}
			report(b, 2*work(s.mr, s.nr, k))
		})
	}
}

// BenchmarkShapes covers the small and skinny products of training.
func BenchmarkShapes(b *testing.B) {
	ctx := NewContext(nil, cpufeat.Best())
	for _, d := range []struct {
		m, n, k int
		ta, tb  bool
	}{
		{16, 16, 16, false, false}, {32, 32, 32, false, false}, {64, 64, 64, false, false}, {128, 128, 128, false, false},
		{1024, 64, 3, false, false}, {1024, 3, 64, false, false}, {64, 3, 1024, true, false}, {1024, 64, 3, false, true},
		{128, 512, 784, false, true}, {512, 784, 128, true, false}, {1, 1024, 1024, false, false}, {1, 1024, 1024, false, true}, {1024, 1, 1024, false, false},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d-%v-%v", d.m, d.n, d.k, d.ta, d.tb), func(b *testing.B) {
			x, y, c := make([]float32, d.m*d.k), make([]float32, d.k*d.n), make([]float32, d.m*d.n)
			lx, ly := RowMajor(d.k), RowMajor(d.n)
			if d.ta {
				lx = RowMajor(d.m).T()
			}
			if d.tb {
				ly = RowMajor(d.k).T()
			}
			for b.Loop() {
				Sgemm(ctx, d.m, d.n, d.k, x, lx, y, ly, c, d.n, false, nil)
			}
			report(b, 2*work(d.m, d.n, d.k))
		})
	}
}

// BenchmarkSquare is the large product on every level and one or two threads.
func BenchmarkSquare(b *testing.B) {
	for _, level := range levels() {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/threads=%d", level, threads), func(b *testing.B) {
				pool := parallel.New(threads)
				defer pool.Close()
				ctx := NewContext(pool, level)
				const n = 512
				x, c := make([]float32, n*n), make([]float32, n*n)
				for b.Loop() {
					Sgemm(ctx, n, n, n, x, RowMajor(n), x, RowMajor(n), c, n, false, nil)
				}
				report(b, 2*work(n, n, n))
			})
		}
	}
}
