//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// list is every device, or the reason why there is none.
func list() ([]found, string) {
	lib, err := load()
	if err != nil {
		return nil, err.Error()
	}
	all, err := lib.find()
	switch {
	case err != nil:
		return nil, err.Error()
	case len(all) == 0:
		return nil, "the OpenCL library has no platform with a device"
	}
	return all, ""
}

func probe() []hal.Status {
	all, why := list()
	if why != "" {
		return absent(why)
	}
	var out []hal.Status
	for i, f := range all {
		name := fmt.Sprintf("%s:%d", kind, i)
		out = append(out, hal.Status{Name: name, Present: true, Info: f.info(name)})
	}
	return out
}

func open(spec hal.Spec) (hal.Device, error) {
	if spec.Arch != "" {
		return nil, &hal.SpecError{Spec: spec.String(), Reason: "an OpenCL device has no arch"}
	}
	if err := spec.CheckOptions(); err != nil {
		return nil, err
	}
	all, why := list()
	if why != "" {
		return nil, &hal.AbsentError{Device: spec.String(), Reason: why, Remedy: remedy}
	}
	f, err := choose(all, spec)
	if err != nil {
		return nil, err
	}
	return newDevice(f, spec.String())
}

// choose is the device that a name means.
func choose(all []found, spec hal.Spec) (found, error) {
	if spec.Index == "" {
		return all[0], nil
	}
	if i, err := strconv.Atoi(spec.Index); err == nil {
		if i < len(all) {
			return all[i], nil
		}
		return found{}, &hal.AbsentError{Device: spec.String(), Reason: fmt.Sprintf("OpenCL has %d devices, numbered from 0", len(all)), Remedy: `See "crease devices".`}
	}
	var names []string
	for _, f := range all {
		full := f.text(platformName) + " " + f.text(deviceName)
		if strings.Contains(strings.ToLower(full), strings.ToLower(spec.Index)) {
			return f, nil
		}
		names = append(names, full)
	}
	return found{}, &hal.AbsentError{Device: spec.String(), Reason: "no OpenCL device has that in its name; there are: " + strings.Join(names, ", "), Remedy: `See "crease devices".`}
}

func (f found) doubles() bool { return f.extension("cl_khr_fp64") }

// processor is true of a device that is the machine's own processor.
func (f found) processor() bool { return f.number(deviceType)&typeCPU != 0 }

func (f found) info(name string) hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, t := range dtype.All() {
		types[t] = hal.Arithmetic
	}
	types[dtype.F8E4M3], types[dtype.F8E5M2] = hal.Storage, hal.Storage
	types[dtype.F32] = hal.Accelerated
	if !f.doubles() {
		types[dtype.F64] = hal.Storage
	}
	return hal.Info{
		Name: name, Kind: kind, Arch: f.text(deviceVersion), Description: f.text(deviceName) + ", " + f.text(platformName),
		Threads: f.number(deviceComputeUnits), Memory: f.number(deviceMemory), Alignment: max(f.number(deviceAlignment)/8, 1), DTypes: types,
	}
}

func (f found) caps() kernels.Caps {
	return kernels.Caps{
		Dialect: kernels.OpenCL, F64: f.doubles(), MaxGroup: f.number(deviceMaxGroup), Local: f.number(deviceLocalMemory),
		CPU: f.processor(), Vendor: strings.ToLower(f.text(deviceVendor)), Device: f.text(deviceName),
	}
}
