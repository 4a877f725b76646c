package cuda

import (
	"errors"
	"runtime"
	"testing"
	"time"

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

// TestFailuresEmulated lets every function of the emulated driver fail once, in the
// middle of work: the error comes back, and after Close nothing is left.
func TestFailuresEmulated(t *testing.T) {
	for _, function := range []string{"PrimaryContextRetain", "StreamCreate", "MemAllocAsync", "HostAlloc", "CopyIn", "CopyOut", "Copy",
		"EventCreate", "EventRecord", "EventSynchronize", "StreamSynchronize", "ModuleLoad", "ModuleFunction", "Launch"} {
		for _, code := range []driver.Result{driver.OutOfMemory, driver.InvalidValue, driver.LaunchFailed} {
			t.Run(function+" "+code.String(), func(t *testing.T) {
				drv := emulate.New(3)
				drv.FailNext(function, code, code)
				d, err := openDriver(func() (driver.Driver, error) { return drv, nil }, 0, emulated, false)
				if err == nil {
					err = everything(d)
					closing := d.Close()
					if code.Sticky() && !errors.Is(closing, hal.ErrDeviceLost) {
						t.Errorf("closing says %v", closing)
					}
				}
				retried := code == driver.OutOfMemory && function == "Launch"
				if err == nil && !retried {
					t.Error("nothing was noticed")
				}
				for range 50 {
					if runtime.GC(); drv.Live() == "" {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
				t.Errorf("left after Close: %s", drv.Live())
			})
		}
	}
}
