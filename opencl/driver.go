package opencl

import (
	"github.com/crease-ml/crease/hal"
)

const kind = "opencl"

// Devices are opened by name only: an OpenCL device is often the processor again,
// by a slower way.
func init() {
	hal.Register(hal.Driver{Kind: kind, Preference: -1, Probe: probe, Open: open})
}

const remedy = "Install an OpenCL driver: the GPU vendor's, or PoCL for the processor (Debian: apt-get install ocl-icd-libopencl1 pocl-opencl-icd)."

func absent(reason string) []hal.Status {
	return []hal.Status{{Name: kind, Reason: reason, Remedy: remedy}}
}
