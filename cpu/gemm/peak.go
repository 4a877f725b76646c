package gemm

import "time"

// Peak measures the arithmetic limit of a context in flop/s: the micro-kernel of
// its level on operands that stay in the first-level cache, on all its threads at
// once, the best of a few rounds. Nothing built on the micro-kernel can be
// faster; one wave of products spends its time on loads that the limit does not have.
func Peak[T Float](ctx *Context) float64 {
	set := kernels[T](ctx.Level)
	const (
		k      = 192 // A and B panels of this depth fit the cache together
		calls  = 2000
		rounds = 40
	)
	threads := ctx.Pool.Threads()
	type operands struct{ a, b, c []T }
	work := make([]operands, threads)
	for i := range work {
		work[i] = operands{make([]T, set.mr*k), make([]T, set.nr*k), make([]T, set.mr*set.nr)}
	}
	kernel, tail := set.tile(set.mr, set.nr)
	best := 0.0
	for range rounds {
		start := time.Now()
		ctx.Pool.For(threads, func(i int) {
			w := work[i]
			for range calls {
				kernel(k, w.a, 1, set.mr, w.b, set.nr, w.c, set.nr, tail, false)
			}
		})
		flops := 2 * float64(threads*calls*set.mr*set.nr*k)
		best = max(best, flops/time.Since(start).Seconds())
	}
	return best
}
