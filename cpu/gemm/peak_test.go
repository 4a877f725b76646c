package gemm

import (
	"math"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

func isPeak(t *testing.T, what string, flops float64) {
	t.Helper()
	if !(flops > 0) || math.IsInf(flops, 0) {
		t.Errorf("%s: the limit is %v flop/s", what, flops)
	}
}

// The kernels of every level and both types have a limit, plain Go included.
func TestPeak(t *testing.T) {
	for _, level := range levels() {
		ctx := NewContext(nil, level)
		isPeak(t, level.String()+" f32", Peak[float32](ctx))
		isPeak(t, level.String()+" f64", Peak[float64](ctx))
	}
}

// Every thread of a pool has operands of its own, and a pool that has been closed
// is one thread.
func TestPeakOfAPool(t *testing.T) {
	pool := parallel.New(3)
	ctx := NewContext(pool, cpufeat.Best())
	isPeak(t, "3 threads", Peak[float32](ctx))
	pool.Close()
	isPeak(t, "a closed pool", Peak[float32](ctx))
}

// A level that this machine lacks is measured as plain Go, not run.
func TestPeakOfAnAbsentLevel(t *testing.T) {
	for l := cpufeat.Generic; l <= cpufeat.NEON; l++ {
		if !cpufeat.Available(l) {
			isPeak(t, l.String(), Peak[float32](NewContext(nil, l)))
			return
		}
	}
	t.Skip("no level is absent")
}
