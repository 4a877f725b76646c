package gemm

import (
	"fmt"
	"math"
	"testing"

	"github.com/crease-ml/crease/internal/parallel"
)

// Peak is a number of flop/s for the kernels of every level and both types, on
// the caller alone and on a pool.
func TestPeak(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	for _, level := range levels() {
		for name, ctx := range map[string]*Context{"alone": NewContext(nil, level), "pool": NewContext(pool, level)} {
			t.Run(fmt.Sprintf("%v/%s", level, name), func(t *testing.T) {
				for dt, got := range map[string]float64{"f32": Peak[float32](ctx), "f64": Peak[float64](ctx)} {
					if !(got > 0) || math.IsInf(got, 0) {
						t.Errorf("the limit of %s is %v flop/s", dt, got)
					}
				}
			})
		}
	}
}
