//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

func TestProbe(t *testing.T) {
	d := fresh(t, "opencl")
	all := probe()
	if len(all) == 0 || !all[0].Present || all[0].Name != "opencl:0" {
		t.Fatalf("the device that opens is not the first of %+v", all)
	}
	info := d.Info()
	if info.Kind != "opencl" || info.Name != "opencl" || info.Description == "" || info.Arch == "" || info.Threads < 1 || info.Memory < 1<<20 {
		t.Errorf("%+v", info)
	}
	if info.Alignment < 16 || info.Alignment&(info.Alignment-1) != 0 {
		t.Errorf("alignment %d", info.Alignment)
	}
	for dt, want := range map[dtype.Type]hal.Support{dtype.F32: hal.Accelerated, dtype.BF16: hal.Arithmetic, dtype.F8E4M3: hal.Storage, dtype.Bool: hal.Arithmetic} {
		if info.Supports(dt) != want {
			t.Errorf("%v: %v, want %v", dt, info.Supports(dt), want)
		}
	}
	c := d.caps()
	if c.Dialect != kernels.OpenCL || c.MaxGroup < 1 || c.Local < 1<<10 || c.Vendor == "" || c.Device == "" {
		t.Errorf("%+v", c)
	}
	if c.F64 != (info.Supports(dtype.F64) == hal.Arithmetic) {
		t.Errorf("double precision: %v and %v", c.F64, info.Supports(dtype.F64))
	}
}

func TestNames(t *testing.T) {
	d := fresh(t, "opencl")
	part, _, _ := strings.Cut(d.text(platformVendor), " ")
	for _, name := range []string{"opencl:0", "opencl:" + strings.ToUpper(part), "opencl@profile=1", "opencl:0@profile=0"} {
		if again := fresh(t, name); again.device != d.device || again.Info().Name != strings.ToLower(name) {
			t.Errorf("%s is device %s, %q", name, again.description(), again.Info().Name)
		}
	}
	if strings.Contains(d.text(platformVersion), "PoCL") {
		fresh(t, "opencl:pocl")
	}
	for name, want := range map[string]string{
		"opencl:99": "counted from 0", "opencl:nosuchthing": d.text(deviceName),
	} {
		_, err := hal.Open(name)
		var absent *hal.AbsentError
		if !errors.As(err, &absent) || !strings.Contains(absent.Reason, want) || absent.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"opencl/avx2", "opencl@threads=2", "opencl@profile=yes"} {
		_, err := hal.Open(name)
		var spec *hal.SpecError
		if !errors.As(err, &spec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An OpenCL device is never what auto takes.
func TestAutoLeavesOpenCLAlone(t *testing.T) {
	for _, d := range hal.Drivers() {
		if d.Kind == kind && d.Preference >= 0 {
			t.Errorf("preference %d", d.Preference)
		}
	}
}

func TestErrorCodes(t *testing.T) {
	for _, c := range []struct {
		code status
		lost bool
		want error
	}{
		{memAllocationFailure, false, hal.ErrOutOfMemory}, {memAllocationFailure, true, hal.ErrOutOfMemory},
		{outOfResources, false, hal.ErrOutOfMemory}, {outOfResources, true, hal.ErrDeviceLost},
		{outOfHostMemory, false, hal.ErrOutOfMemory}, {deviceNotAvailable, false, hal.ErrDeviceLost},
		{invalidCommandQueue, true, hal.ErrDeviceLost}, {execStatusError, true, hal.ErrDeviceLost}, {-9999, true, hal.ErrDeviceLost},
	} {
		err := error(&callError{"clCall", c.code, c.lost})
		for _, sentinel := range []error{hal.ErrOutOfMemory, hal.ErrDeviceLost, hal.ErrUnsupported} {
			if errors.Is(err, sentinel) != (sentinel == c.want) {
				t.Errorf("%v, lost %v: is %q: %v", err, c.lost, sentinel, errors.Is(err, sentinel))
			}
		}
	}
	if got := (&callError{call: "clFinish", code: outOfResources}).Error(); got != "clFinish: CL_OUT_OF_RESOURCES (-5)" {
		t.Error(got)
	}
	if got := (&callError{call: "clFinish", code: -9999}).Error(); got != "clFinish: error -9999" {
		t.Error(got)
	}
}
