package conform_test

import (
	"testing"

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
