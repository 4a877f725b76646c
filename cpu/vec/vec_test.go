package vec

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
)

// eachLevel runs f on the table of every level this machine and build have.
func eachLevel(t *testing.T, f func(t *testing.T, fn *Funcs)) {
	for _, l := range []cpufeat.Level{cpufeat.Generic, cpufeat.AVX2, cpufeat.AVX512, cpufeat.NEON} {
		t.Run(l.String(), func(t *testing.T) {
			fn := For(l)
			if fn.Level != l {
				t.Skipf("no %s table on this machine and build", l)
			}
			f(t, fn)
		})
	}
}

// primitives returns the exported primitives of type F by field name.
func primitives[F any](fn *Funcs) map[string]F {
	m := make(map[string]F)
	v := reflect.ValueOf(fn).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			if p, ok := v.Field(i).Interface().(F); ok {
				m[f.Name] = p
			}
		}
	}
	return m
}

func TestForFallsBackToGeneric(t *testing.T) {
	if got := For(cpufeat.Level(99)).Level; got != cpufeat.Generic {
		t.Errorf("For(unknown).Level = %v, want generic", got)
	}
}

func TestTablesAreComplete(t *testing.T) {
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		v := reflect.ValueOf(fn).Elem()
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.Func && v.Field(i).IsNil() {
				t.Errorf("%s is missing", v.Type().Field(i).Name)
			}
		}
	})
}

// specials are the values that take a path of their own somewhere.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	math.MaxFloat32, -math.MaxFloat32, 0x1p-126, -0x1p-126,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1.8p-130,
	8388607.5, 8388609, -8388609, 1e10, -1e10, 88.72283, 88.72284, -87.4, -103.97, -104,
	0.625, 0.9277344, 4, -4,
}

// fill sets a to a mixture of specials and values of every magnitude.
func fill(rng *rand.Rand, a []float32) {
	for i := range a {
		switch rng.IntN(8) {
		case 0:
			a[i] = specials[rng.IntN(len(specials))]
		case 1:
			a[i] = math.Float32frombits(rng.Uint32())
		default:
			a[i] = float32(rng.NormFloat64() * 4)
		}
	}
}

// same reports equality of bits, any two NaNs being equal.
func same(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || (x != x && y != y)
}

// ulps is the distance between x and y counted in float32 values. It is 0 for
// two NaNs and huge for one, or for an infinity and anything else.
func ulps(x, y float32) uint64 {
	const far = math.MaxUint32
	switch {
	case same(x, y):
		return 0
	case x != x || y != y:
		return far
	case math.IsInf(float64(x), 0) || math.IsInf(float64(y), 0):
		return far
	}
	d := order(x) - order(y)
	return uint64(max(d, -d))
}

// order maps float32 to integers monotonically, both zeros to 0.
func order(x float32) int64 {
	b := int64(math.Float32bits(x))
	if b >= 1<<31 {
		return 1<<31 - b
	}
	return b
}

// lengths covers every tail, every unrolled loop and a strip.
func lengths() []int {
	var n []int
	for i := range 133 {
		n = append(n, i)
	}
	return append(n, 255, 256, 257, 1023)
}
