package opencl_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	_ "github.com/crease-ml/crease/opencl"
)

// Tensors of every type go from device to device and back with all their bits,
// also views, and those that something is still being computed for.
func TestTo(t *testing.T) {
	cpu, err := crease.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu@threads=1", "opencl", "opencl:0"} {
		t.Run(name, func(t *testing.T) {
			dev, err := crease.Wrap(conform.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, dt := range dtype.All() {
				x := crease.From([]float64{0, 1, 2, 3, 100, 1}, []int{2, 3}, crease.On(cpu), crease.As(dt))
				for what, v := range map[string]*crease.Tensor{"whole": x, "transposed": x.T(), "row": x.Slice(crease.At(1)), "empty": x.Slice(crease.Span(1, 1))} {
					there := v.To(dev)
					if there.Device() != dev || there.DType() != dt || there.To(dev) != there {
						t.Errorf("%v, %s: is %v on %v", dt, what, there.DType(), there.Device())
					}
					if back := there.To(cpu); back.Device() != cpu || !bytes.Equal(back.Host().Data, v.Host().Data) {
						t.Errorf("%v, %s: came back as %v, was %v", dt, what, back, v)
					}
				}
			}
			var odd []float32 // NaN with a payload, -Inf, -0, the least subnormal
			for _, bits := range []uint32{0x7fc00001, 0xff800000, 0x80000000, 1} {
				odd = append(odd, math.Float32frombits(bits))
			}
			special := crease.From(odd, nil, crease.On(cpu))
			if back := special.To(dev).To(cpu); !bytes.Equal(back.Host().Data, special.Host().Data) {
				t.Errorf("bits came back as %x, were %x", back.Host().Data, special.Host().Data)
			}
			// The view is made, and the sum queued, on the device.
			y := crease.Arange(0, 12, 1, crease.On(dev), crease.As(dtype.F32)).Reshape(3, 4)
			if got := y.T().Add(y.T()).Slice(crease.Span(1, 3)).To(cpu).Floats(); len(got) != 6 || got[0] != 2 || got[5] != 20 {
				t.Errorf("queued work came as %v", got)
			}
			if err := crease.Try(func() { y.Add(crease.Scalar(1, crease.On(cpu))) }); err == nil {
				t.Error("tensors of two devices were added")
			}
			w := crease.Scalar(3, crease.On(dev)).RequireGrad()
			w.Square().To(cpu).MulScalar(2).Backward() // the gradient goes back to the device
			if g := w.Grad(); g.Device() != dev || math.Abs(g.To(cpu).Item()-12) > 1e-6 {
				t.Errorf("a gradient between devices is %v", g)
			}
			w.ZeroGrad()
			w.Square().Backward()
			if g := w.Grad().To(cpu).Item(); math.Abs(g-6) > 1e-6 {
				t.Errorf("the gradient of the square of 3 is %v", g)
			}
		})
	}
}
