package crease_test

import (
	"errors"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
)

// Whatever is asked of a closed device is an error, and the same name opens a new one.
func TestCloseAndOpenAgain(t *testing.T) {
	const name = "cpu/generic@threads=3"
	d, err := crease.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	x := crease.From([]float32{1, 2}, nil, crease.On(d))
	w := crease.From([]float32{3, 4}, nil, crease.On(d)).RequireGrad()
	y := w.Mul(x).Sum()
	c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0].AddScalar(1)} })
	near(t, "before", c.Call(x)[0].Floats(), []float64{2, 3})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for what, f := range map[string]func(){
		"making a tensor": func() { crease.Zeros([]int{2}, crease.On(d)) },
		"an op":           func() { x.Add(x) },
		"a reduction":     func() { x.Sum() },
		"an assignment":   func() { x.Assign(x.Detach().T()); x.Narrow(0, 0, 1).Assign(x.Narrow(0, 1, 1)) },
		"reading":         func() { x.Floats() },
		"a gradient":      func() { y.Backward() },
		"a compiled call": func() { c.Call(x) },
		"moving":          func() { x.To(other(t)) },
		"a sync": func() {
			if err := d.Sync(); err != nil {
				panic(err)
			}
		},
	} {
		if err := crease.Try(f); !errors.Is(err, hal.ErrClosed) {
			t.Errorf("%s on a closed device: %v", what, err)
		}
	}
	x.Free()
	w.Free()
	if err := d.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	again, err := crease.Open(name)
	if err != nil || again == d {
		t.Fatalf("opened again it is %v (%v)", again, err)
	}
	near(t, "on the new device", crease.From([]float32{1, 2}, nil, crease.On(again)).AddScalar(1).Floats(), []float64{2, 3})
	if m := again.Memory(); m.Allocs == 0 {
		t.Errorf("the new device has no memory of its own: %+v", m)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func other(t *testing.T) *crease.Device {
	d, err := crease.Open("cpu/generic@threads=2")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A default device that was closed is opened anew by the next tensor.
func TestClosedDefault(t *testing.T) {
	old, err := crease.Default()
	if err != nil {
		t.Fatal(err)
	}
	defer crease.SetDefault(old)
	d, err := crease.Open("cpu/generic@threads=4")
	if err != nil {
		t.Fatal(err)
	}
	crease.SetDefault(d)
	if x := crease.Ones([]int{1}); x.Device() != d {
		t.Fatalf("the default is %v", x.Device())
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if x := crease.Ones([]int{1}); x.Device() == d || x.Item() != 1 {
		t.Errorf("after the default was closed, a tensor is on %v", x.Device())
	}
}
