package cuda

import (
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/cuda/emulate"
	"github.com/crease-ml/crease/hal"
)

// emulatedDevice is a device that nobody else has, and its driver.
func emulatedDevice(seed uint64) (*Device, *emulate.Driver, error) {
	drv := emulate.New(seed)
	d, err := openDriver(func() (driver.Driver, error) { return drv, nil }, 0, emulated, false)
	return d, drv, err
}

// contract is the emulated driver as the contract sees it.
func contract(seed uint64) conform.Driver {
	return conform.Driver{
		Name: emulated,
		Open: func() (hal.Device, error) {
			d, _, err := emulatedDevice(seed)
			return d, err
		},
		Small: func(bytes int) (hal.Device, error) {
			d, _, err := emulatedDevice(seed)
			if err == nil {
				d.pool.Limit = bytes
			}
			return d, err
		},
		Fail: func(s hal.Stream) {
			d := s.(*stream).dev
			d.drv.(*emulate.Driver).FailNext("StreamSynchronize", driver.LaunchFailed)
			_ = s.Sync()
		},
		Hold: func(s hal.Stream) func() {
			d := s.(*stream).dev
			return d.drv.(*emulate.Driver).Hold(d.queue)
		},
	}
}

// TestContract holds the queue and lets it fail, with streams in several orders.
func TestContract(t *testing.T) {
	for seed := range uint64(3) {
		conform.Contract(t, contract(seed))
	}
}
