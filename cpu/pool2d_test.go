package cpu

import (
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func TestPoolGeometries(t *testing.T) {
	devs := devices(t)
	r := newRand(98)
	for range 40 {
		sz := [2]int{1 + r.IntN(4), 1 + r.IntN(4)}
		if r.IntN(2) == 0 {
			sz = [2]int{2, 2}
		}
		a := ops.PoolAttrs{Size: sz, Stride: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, Pad: [4]int{r.IntN(sz[0]), r.IntN(sz[0]), r.IntN(sz[1]), r.IntN(sz[1])}}
		if r.IntN(3) == 0 {
			a.Pad = [4]int{}
			a.Stride = sz
		}
		x := []int{1 + r.IntN(3), 1 + r.IntN(3), 1 + r.IntN(22), 1 + r.IntN(22)}
		outs, err := ops.MaxPool2d.Specs(a, []ops.Spec{{DType: dtype.F32, Shape: x}})
		if err != nil {
			continue
		}
		y := outs[0].Shape
		g := ops.PoolGradAttrs{PoolAttrs: a, InShape: x}
		for _, dt := range []dtype.Type{dtype.F32, dtype.F64, dtype.F16} {
			againstRef(t, devs, ops.MaxPool2d, a, dt, ops.Arg{Shape: x, Special: true})
			againstRef(t, devs, ops.MaxPool2d, a, dt, ops.Arg{Shape: x})
			againstRef(t, devs, ops.AvgPool2d, a, dt, ops.Arg{Shape: x})
			againstRef(t, devs, ops.AvgPool2dGrad, g, dt, ops.Arg{Shape: y})
			againstRef(t, devs, ops.MaxPool2dGrad, g, dt, ops.Arg{Shape: y}, ops.Arg{Shape: y, DType: dtype.I64, Hi: float64(x[2] * x[3])})
		}
	}
}

func BenchmarkPool(b *testing.B) {
	two := ops.PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{2, 2}}
	three := ops.PoolAttrs{Size: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 1, 1, 1}}
	x, y := f32s(128, 32, 28, 28), f32s(128, 32, 14, 14)
	idx := ops.Spec{DType: dtype.I64, Shape: y.Shape}
	for i, a := range []ops.PoolAttrs{two, three} {
		name := []string{"/two", "/three"}[i]
		b.Run("max"+name, func(b *testing.B) { benchCall(b, ops.MaxPool2d, a, x) })
		b.Run("max-grad"+name, func(b *testing.B) {
			benchCall(b, ops.MaxPool2dGrad, ops.PoolGradAttrs{PoolAttrs: a, InShape: x.Shape}, y, idx)
		})
		b.Run("avg"+name, func(b *testing.B) { benchCall(b, ops.AvgPool2d, a, x) })
		b.Run("avg-grad"+name, func(b *testing.B) {
			benchCall(b, ops.AvgPool2dGrad, ops.PoolGradAttrs{PoolAttrs: a, InShape: x.Shape}, y)
		})
	}
	b.Run("global", func(b *testing.B) { benchCall(b, ops.GlobalAvgPool2d, nil, x) })
}
