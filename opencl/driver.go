package opencl

import "github.com/crease-ml/crease/hal"

const kind = "opencl"

// Devices are opened by name only: an OpenCL device is often the processor again,
// by a slower way, and a driver has one preference for all its devices.
func init() {
	hal.Register(hal.Driver{Kind: kind, Preference: -1, Probe: probe, Open: open})
}
