package conform_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	_ "github.com/crease-ml/crease/hal/null"
)

// small opens a device of host memory that gives at most so many bytes.
func small(open func() (hal.Device, error)) func(int) (hal.Device, error) {
	return func(bytes int) (hal.Device, error) {
		d, err := open()
		if err == nil {
			d.(interface{ Limit(int) }).Limit(bytes)
		}
		return d, err
	}
}

func TestContractOfCPU(t *testing.T) {
	for _, d := range hal.Drivers() {
		if d.Kind != "cpu" {
			continue
		}
		for _, s := range d.Probe() {
			t.Run(s.Name, func(t *testing.T) {
				name := s.Name + "@threads=3" // the shared device of this name is closed
				conform.Contract(t, conform.Driver{Name: name, Small: small(func() (hal.Device, error) { return hal.OpenNew(name) })})
			})
		}
	}
}

func TestContractOfHostdev(t *testing.T) {
	open := func() (hal.Device, error) {
		return hostdev.New(hal.Info{Name: "host", Kind: "host", Alignment: 64, DTypes: map[dtype.Type]hal.Support{dtype.F32: hal.Storage}}), nil
	}
	conform.Contract(t, conform.Driver{Open: open, Small: small(open)})
}

func TestContractOfToy(t *testing.T) { conform.Contract(t, toyDriver(none)) }

func TestContractOfNull(t *testing.T) {
	conform.Contract(t, conform.Driver{Name: "null", NoContents: true})
}

// Tensors of a device that was closed give its error; the name opens a device that works.
func TestTensorsAfterReopening(t *testing.T) {
	const name = "cpu@threads=5"
	old, err := crease.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	x := crease.Full([]int{3}, 2, crease.On(old))
	if err := old.HAL().Close(); err != nil {
		t.Fatal(err)
	}
	for what, f := range map[string]func(){
		"Add":       func() { x.Add(x) },
		"Floats":    func() { x.Floats() },
		"creation":  func() { crease.Full([]int{3}, 2, crease.On(old)) },
		"a product": func() { x.Reshape(1, 3).MatMul(x.Reshape(3, 1)) },
	} {
		if err := crease.Try(f); !errors.Is(err, hal.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	dev, err := crease.Open(name)
	if err != nil || dev == old {
		t.Fatalf("after Close, Open gives %p and was %p (%v)", dev, old, err)
	}
	y := crease.Full([]int{3}, 2, crease.On(dev))
	if got := y.Add(y).Floats(); !slices.Equal(got, []float64{4, 4, 4}) {
		t.Errorf("on the device opened anew, 2+2 is %v", got)
	}
	if err := dev.HAL().Close(); err != nil {
		t.Error(err)
	}
}
