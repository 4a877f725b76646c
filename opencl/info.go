//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// unfit returns why a device cannot be used, "" if it can.
func (f found) unfit() string {
	version := f.text(deviceVersion) // "OpenCL 1.2 and more"
	var major, minor int
	_, err := fmt.Sscanf(version, "OpenCL %d.%d", &major, &minor)
	switch {
	case err != nil:
		return fmt.Sprintf("its version is %q, not that of an OpenCL device", version)
	case major == 1 && minor < 2:
		return fmt.Sprintf("it offers OpenCL %d.%d, and 1.2 is the least", major, minor)
	case f.number(deviceAvailable) == 0:
		return "its driver says that it is not available (CL_DEVICE_AVAILABLE)"
	case f.number(deviceHasCompiler) == 0:
		return "its driver has no compiler (CL_DEVICE_COMPILER_AVAILABLE)"
	case f.number(deviceLittleEndian) == 0:
		return "it is big-endian"
	}
	return ""
}

// full returns the text that a name in the device grammar is looked for in. It includes the
// version of the platform, where alone PoCL names itself.
func (f found) full() string {
	return strings.Join([]string{f.text(platformName), f.text(platformVendor), f.text(deviceName), f.text(platformVersion)}, ", ")
}

// description returns the name that people know the device by.
func (f found) description() string { return f.text(deviceName) + ", " + f.text(platformName) }

// doubles reports double precision.
func (f found) doubles() bool { return f.extension("cl_khr_fp64") }

// processor reports whether a device is the machine's own processor. The simulator oclgrind
// claims to be a device of every type, so it checks the kernels that are made for processors.
func (f found) processor() bool { return f.number(deviceType)&typeCPU != 0 }

// vendors holds words that CL_DEVICE_VENDOR may contain, with the vendor that each means.
var vendors = [][2]string{
	{"nvidia", "nvidia"}, {"advanced micro devices", "amd"}, {"amd", "amd"}, {"intel", "intel"}, {"apple", "apple"},
	{"arm", "arm"}, {"qualcomm", "qualcomm"}, {"imagination", "imagination"},
}

func (f found) vendor() string {
	v := strings.ToLower(f.text(deviceVendor))
	for _, known := range vendors {
		if strings.Contains(v, known[0]) {
			return known[1]
		}
	}
	return v
}

// arch returns the architecture in the words of the vendor's compiler, such as "sm_90" or
// "gfx90a", where the driver tells it.
func (f found) arch() string {
	if major := f.number(deviceCapabilityMain); major > 0 && f.extension("cl_nv_device_attribute_query") {
		return fmt.Sprintf("sm_%d%d", major, f.number(deviceCapabilitySub))
	}
	if name := f.text(deviceName); strings.HasPrefix(name, "gfx") {
		name, _, _ = strings.Cut(name, ":") // without its feature list
		return name
	}
	return ""
}

func (f found) info(name string) hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, t := range dtype.All() {
		types[t] = hal.Arithmetic // 16-bit floats compute as float
	}
	types[dtype.F8E4M3], types[dtype.F8E5M2] = hal.Storage, hal.Storage
	types[dtype.F32] = hal.Accelerated
	if !f.doubles() {
		types[dtype.F64] = hal.Storage
	}
	arch := f.arch()
	if arch == "" {
		arch = f.text(deviceVersion)
	}
	return hal.Info{
		Name: name, Kind: kind, Arch: arch, Description: f.description(), Threads: f.number(deviceComputeUnits),
		Memory: f.number(deviceMemory), Alignment: max(f.number(deviceAlignment)/8, 1), DTypes: types,
	}
}

// caps returns what the portable kernels need to know about the device.
func (f found) caps() kernels.Caps {
	return kernels.Caps{
		Dialect: kernels.OpenCL, F64: f.doubles(), CPU: f.processor(),
		MaxGroup: min(f.number(deviceMaxGroup), f.number(deviceMaxItems)), Local: f.number(deviceLocalMemory),
		Vendor: f.vendor(), Arch: f.arch(), Device: f.text(deviceName),
	}
}
