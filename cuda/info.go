package cuda

import (
	"fmt"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/devicec"
	"github.com/crease-ml/crease/kernels"
)

// found holds a device that a driver has, before it is opened.
type found struct {
	drv          driver.Driver
	dev          driver.Device
	name         string
	major, minor int
	version      int // of the driver's API, 12040
}

func find(drv driver.Driver, ordinal int) (f found, err error) {
	f.drv = drv
	var r driver.Result
	if f.dev, r = drv.DeviceGet(ordinal); r != driver.Success {
		return f, fmt.Errorf("cuDeviceGet %d: %s", ordinal, r)
	}
	if f.name, r = drv.DeviceName(f.dev); r != driver.Success {
		return f, fmt.Errorf("cuDeviceGetName %d: %s", ordinal, r)
	}
	if f.version, r = drv.DriverVersion(); r != driver.Success {
		return f, fmt.Errorf("cuDriverGetVersion: %s", r)
	}
	f.major, f.minor = f.number(driver.CapabilityMajor), f.number(driver.CapabilityMinor)
	return f, nil
}

// number returns an attribute of the device, 0 if the driver does not tell it.
func (f found) number(a driver.Attribute) int {
	v, r := f.drv.DeviceAttribute(a, f.dev)
	if r != driver.Success {
		return 0
	}
	return v
}

// unfit returns why a device cannot be used, nil if it can.
func (f found) unfit() error {
	switch {
	case f.major < 6:
		return fmt.Errorf("%s has compute capability %d.%d, and 6.0 is the least", f.name, f.major, f.minor)
	case f.version < 11020:
		return fmt.Errorf("the driver is of CUDA %d.%d, and 11.2 is the least: update it", f.version/1000, f.version%1000/10)
	case f.number(driver.MemoryPoolsSupported) == 0:
		return fmt.Errorf("%s has no memory pools (cuMemAllocAsync)", f.name)
	}
	return nil
}

func (f found) arch() string { return fmt.Sprintf("sm_%d%d", f.major, f.minor) }

// target returns what programs are compiled for. It is the oldest architecture that has all
// that they use, so that newer drivers and GPUs accept them too.
func (f found) target() devicec.Target {
	if f.major >= 8 {
		return devicec.Target{PTX: 70, SM: 80}
	}
	return devicec.Target{PTX: 60, SM: 60}
}

// tensor returns the generation of tensor cores that kernels may use.
func (f found) tensor() int {
	if f.major >= 8 {
		return 80
	}
	return 0
}

func (f found) info(name string) hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, t := range dtype.All() {
		types[t] = hal.Arithmetic // 16-bit floats compute as float
	}
	types[dtype.F8E4M3], types[dtype.F8E5M2] = hal.Storage, hal.Storage
	types[dtype.F32] = hal.Accelerated
	memory, _ := f.drv.DeviceMemory(f.dev)
	return hal.Info{
		Name: name, Kind: kind, Arch: f.arch(), Description: f.name, Threads: f.number(driver.MultiprocessorCount),
		Memory: memory, Alignment: 256, DTypes: types,
	}
}

// caps returns what the portable kernels need to know about the device. It allows a block
// 48 KiB of shared memory: a kernel must ask for more than that, and portable ones do not.
func (f found) caps() kernels.Caps {
	return kernels.Caps{
		Dialect: kernels.CUDA, F64: true, Tensor: f.tensor(), MaxGroup: f.number(driver.MaxThreadsPerBlock), Local: min(f.number(driver.MaxSharedPerBlock), 48<<10),
		Vendor: "nvidia", Arch: f.arch(), Device: f.name,
	}
}
