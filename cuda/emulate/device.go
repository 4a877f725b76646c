package emulate

import (
	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/internal/ptx"
)

// Init does nothing.
func (d *Driver) Init() driver.Result {
	r := d.enter("Init")
	defer d.mu.Unlock()
	return r
}

// DriverVersion is that of CUDA 12.8.
func (d *Driver) DriverVersion() (int, driver.Result) { return 12080, driver.Success }

// DeviceCount is 1.
func (d *Driver) DeviceCount() (int, driver.Result) {
	r := d.enter("DeviceCount")
	defer d.mu.Unlock()
	return 1, r
}

// DeviceGet is the device.
func (d *Driver) DeviceGet(ordinal int) (driver.Device, driver.Result) {
	if ordinal != 0 {
		return 0, driver.InvalidDevice
	}
	return 0, driver.Success
}

// DeviceName is what people read.
func (d *Driver) DeviceName(driver.Device) (string, driver.Result) {
	return "PTX interpreter", driver.Success
}

// DeviceAttribute answers for a small GPU of compute capability 9.0.
func (d *Driver) DeviceAttribute(a driver.Attribute, _ driver.Device) (int, driver.Result) {
	switch a {
	case driver.MaxThreadsPerBlock:
		return ptx.MaxThreads, driver.Success
	case driver.MaxSharedPerBlock:
		return 48 << 10, driver.Success
	case driver.MultiprocessorCount:
		return 2, driver.Success
	case driver.CapabilityMajor:
		return 9, driver.Success
	case driver.CapabilityMinor:
		return 0, driver.Success
	case driver.MemoryPoolsSupported:
		return 1, driver.Success
	}
	return 0, driver.InvalidValue
}

// DeviceMemory is a few gigabytes.
func (d *Driver) DeviceMemory(driver.Device) (int, driver.Result) { return memory, driver.Success }

// PrimaryContextRetain counts.
func (d *Driver) PrimaryContextRetain(driver.Device) (driver.Context, driver.Result) {
	r := d.enter("PrimaryContextRetain")
	defer d.mu.Unlock()
	if r != driver.Success {
		return 0, r
	}
	d.retained++
	return 1, driver.Success
}

// PrimaryContextRelease counts down; it works on a broken context too.
func (d *Driver) PrimaryContextRelease(driver.Device) driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.retained == 0 {
		return driver.InvalidContext
	}
	d.retained--
	return driver.Success
}

// SetCurrent does nothing: there is one context.
func (d *Driver) SetCurrent(driver.Context) driver.Result { return driver.Success }
