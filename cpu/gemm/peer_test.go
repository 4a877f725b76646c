//go:build linux && amd64

package gemm

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

// openBLAS is the peer: OpenBLAS through its C interface.
type openBLAS struct {
	setThreads func(int32)
	sgemm      func(order, ta, tb, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32)
}

// loadOpenBLAS skips the benchmark where the library is not installed.
func loadOpenBLAS(tb testing.TB) *openBLAS {
	tb.Helper()
	lib, err := purego.Dlopen("libopenblas.so.0", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		tb.Skipf("no OpenBLAS to compare with (install libopenblas0-pthread): %v", err)
	}
	p := new(openBLAS)
	purego.RegisterLibFunc(&p.setThreads, lib, "openblas_set_num_threads")
	purego.RegisterLibFunc(&p.sgemm, lib, "cblas_sgemm")
	return p
}

// multiply computes C = A·B for row-major squares.
func (p *openBLAS) multiply(n int, a, b, c []float32) {
	const rowMajor, noTrans = 101, 111
	p.sgemm(rowMajor, noTrans, noTrans, int32(n), int32(n), int32(n), 1, &a[0], int32(n), &b[0], int32(n), 0, &c[0], int32(n))
}

// BenchmarkAgainstOpenBLAS reports the ratio of median times, the two taking turns.
func BenchmarkAgainstOpenBLAS(b *testing.B) {
	peer := loadOpenBLAS(b)
	for _, threads := range []int{1, 2} {
		pool := parallel.New(threads)
		peer.setThreads(int32(threads))
		ctx := NewContext(pool, cpufeat.Best())
		for _, n := range []int{512, 1024, 2048} {
			b.Run(fmt.Sprintf("threads=%d/n=%d", threads, n), func(b *testing.B) {
				x, y := make([]float32, n*n), make([]float32, n*n)
				ours, theirs := make([]float32, n*n), make([]float32, n*n)
				for i := range x {
					x[i], y[i] = float32(i%13)-6, float32(i%7)-3
				}
				var mine, its []time.Duration
				us := func() {
					Sgemm(ctx, n, n, n, x, RowMajor(n), y, RowMajor(n), ours, n, false, nil)
				}
				them := func() { peer.multiply(n, x, y, theirs) }
				// Runs of a few tens of milliseconds, of which the first half only
				// gets the threads back onto their cores.
				calls := max(1, int(2e9/work(n, n, n)))
				for b.Loop() {
					if threads > 1 {
						// OpenBLAS's idle threads spin for a while and would take
						// a core from whoever is measured next.
						time.Sleep(150 * time.Millisecond)
					}
					mine = append(mine, secondHalf(calls, us)...)
					its = append(its, secondHalf(calls, them)...)
				}
				// Small integers: both results are exact.
				if !slices.Equal(ours, theirs) {
					b.Fatal("the results differ")
				}
				slices.Sort(mine)
				slices.Sort(its)
				m, p := mine[len(mine)/2], its[len(its)/2]
				flops := 2 * work(n, n, n)
				b.ReportMetric(flops/float64(m.Nanoseconds()), "GFLOP/s")
				b.ReportMetric(flops/float64(p.Nanoseconds()), "OpenBLAS-GFLOP/s")
				b.ReportMetric(float64(p)/float64(m), "x-OpenBLAS")
			})
		}
		pool.Close()
	}
}

// secondHalf runs f 2n times and returns the times of the last n.
func secondHalf(n int, f func()) []time.Duration {
	for range n {
		f()
	}
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		f()
		times[i] = time.Since(start)
	}
	return times
}
