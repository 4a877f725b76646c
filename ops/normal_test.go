package ops_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// NormalPair is Box and Muller's transform: against float64's library functions.
func TestNormalPairIsBoxMuller(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	worst := 0.0
	for i := range 200_000 {
		u, w := r.Uint32(), r.Uint32()
		switch i {
		case 0:
			u = 0
		case 1:
			u = math.MaxUint32
		case 2:
			u = math.MaxUint32 - 256
		}
		radius := math.Sqrt(-2 * math.Log(float64(u>>8+1)*0x1p-24))
		sin, cos := math.Sincos(2 * math.Pi * float64(w>>8) * 0x1p-24)
		a, b := ops.NormalPair(u, w)
		for _, d := range []float64{float64(a) - radius*cos, float64(b) - radius*sin} {
			worst = max(worst, math.Abs(d)/max(radius, 0x1p-12))
		}
	}
	if !(worst < 6*0x1p-24) {
		t.Errorf("an error of %v of the radius, %.1f units in the last place", worst, worst/0x1p-24)
	}
}

// The 128-bit product of RandInt, against a small range whose numbers are counted.
func TestRandIntCoversItsRangeEvenly(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 2))
	for _, a := range []ops.RandIntAttrs{
		{DType: dtype.I64, First: 1 << 52, Last: 1<<52 + 2},
		{DType: dtype.I64, First: math.MaxInt64 - 2, Last: math.MaxInt64},
		{DType: dtype.U64, First: -3, Last: -1},
	} {
		var count [3]int
		const n = 90_000
		for range n {
			count[a.Draw([4]uint32{r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()})-a.First]++
		}
		for i, c := range count {
			if math.Abs(float64(c)-n/3) > 6*math.Sqrt(n*2/9.0) {
				t.Errorf("%+v: number %d came %d times in %d", a, i, c, n)
			}
		}
	}
}
