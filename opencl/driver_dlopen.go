//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/hal"
)

const (
	remedy      = "Install an OpenCL driver: the GPU vendor's, or PoCL for the processor (Debian: apt-get install ocl-icd-libopencl1 pocl-opencl-icd)."
	update      = "Update its driver, or use another device."
	seeDevices  = `See "crease devices".`
	optProfile  = "profile"
	profileNote = "profile is 0 or 1: whether events carry times of the device's clock"
)

// list returns every device. Processors come last, so that device 0 is a GPU where there is
// one. If there is no device, the error says why; otherwise it says which platforms could
// not be asked, if any.
func list() ([]found, error) {
	lib, err := load()
	if err != nil {
		return nil, err
	}
	all, trouble := lib.find()
	if len(all) == 0 && len(trouble) == 0 {
		return nil, errors.New("the OpenCL library has no platform: no driver is installed (clGetPlatformIDs: CL_PLATFORM_NOT_FOUND_KHR)")
	}
	slices.SortStableFunc(all, func(a, b found) int { return rank(a) - rank(b) })
	return all, errors.Join(trouble...)
}

func rank(f found) int {
	if f.processor() && f.number(deviceType)&typeGPU == 0 {
		return 1
	}
	return 0
}

// line returns the text of an error on one line.
func line(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func probe() []hal.Status {
	all, err := list()
	var out []hal.Status
	for i, f := range all {
		s := hal.Status{Name: fmt.Sprintf("%s:%d", kind, i)}
		if why := f.unfit(); why != "" {
			s.Reason, s.Remedy = f.description()+": "+why, update
		} else {
			s.Present, s.Info = true, f.info(s.Name)
		}
		out = append(out, s)
	}
	if err != nil {
		out = append(out, hal.Status{Name: kind, Reason: line(err), Remedy: remedy})
	}
	return out
}

func open(spec hal.Spec) (hal.Device, error) {
	if spec.Arch != "" {
		return nil, &hal.SpecError{Spec: spec.String(), Reason: "an OpenCL device has no arch to choose"}
	}
	if err := spec.CheckOptions(optProfile); err != nil {
		return nil, err
	}
	profile, ok := map[string]bool{"": false, "0": false, "1": true}[spec.Options[optProfile]]
	if !ok {
		return nil, &hal.SpecError{Spec: spec.String(), Reason: profileNote}
	}
	all, err := list()
	if len(all) == 0 {
		return nil, &hal.AbsentError{Device: spec.String(), Reason: line(err), Remedy: remedy}
	}
	f, err := choose(all, spec)
	if err != nil {
		return nil, err
	}
	if why := f.unfit(); why != "" {
		return nil, &hal.AbsentError{Device: spec.String(), Reason: f.description() + ": " + why, Remedy: update + " " + seeDevices}
	}
	d, err := newDevice(f, spec.String(), profile)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// choose returns the device that a name stands for.
func choose(all []found, spec hal.Spec) (found, error) {
	if spec.Index == "" {
		first := slices.IndexFunc(all, func(f found) bool { return f.unfit() == "" })
		return all[max(first, 0)], nil
	}
	if i, err := strconv.Atoi(spec.Index); err == nil {
		if 0 <= i && i < len(all) {
			return all[i], nil
		}
		return found{}, &hal.AbsentError{Device: spec.String(), Reason: fmt.Sprintf("the number of OpenCL devices here is %d, counted from 0", len(all)), Remedy: seeDevices}
	}
	var names []string
	for _, f := range all {
		if strings.Contains(strings.ToLower(f.full()), strings.ToLower(spec.Index)) {
			return f, nil
		}
		names = append(names, f.full())
	}
	return found{}, &hal.AbsentError{Device: spec.String(), Reason: fmt.Sprintf("no OpenCL device or platform has %q in its name; there are: %s", spec.Index, strings.Join(names, "; ")), Remedy: seeDevices}
}
