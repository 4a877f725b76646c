//go:build linux && (amd64 || arm64)

package opencl

import (
	"errors"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
)

// Nothing is there: every way says what was looked for and what to do.
func TestAbsent(t *testing.T) {
	check := func(t *testing.T, wants ...string) {
		t.Helper()
		_, err := hal.Open("opencl")
		var absent *hal.AbsentError
		if !errors.As(err, &absent) || absent.Device != "opencl" || absent.Remedy == "" {
			t.Fatalf("%v", err)
		}
		all := probe()
		if len(all) != 1 || all[0].Present || all[0].Remedy == "" {
			t.Fatalf("%+v", all)
		}
		for _, want := range append(wants, "pocl-opencl-icd") {
			if !strings.Contains(err.Error(), want) || !strings.Contains(all[0].Reason+all[0].Remedy, want) {
				t.Errorf("%q is missing in %q and %q", want, err, all[0].Reason)
			}
		}
	}
	t.Run("library", func(t *testing.T) {
		if elsewhere(t, "CREASE_OPENCL=/nonexistent/libOpenCL.so.1") {
			check(t, "/nonexistent/libOpenCL.so.1", "CREASE_OPENCL", "No such file")
		}
	})
	t.Run("symbols", func(t *testing.T) {
		if elsewhere(t, "CREASE_OPENCL=libc.so.6") {
			check(t, "libc.so.6", "OpenCL 1.2", "undefined symbol: cl")
		}
	})
	t.Run("platform", func(t *testing.T) {
		withFake(t, "clGetPlatformIDs=-1001", func(t *testing.T) { check(t, "no platform") })
	})
	t.Run("platforms fail", func(t *testing.T) {
		withFake(t, "clGetPlatformIDs=-6", func(t *testing.T) { check(t, "clGetPlatformIDs: CL_OUT_OF_HOST_MEMORY") })
	})
	t.Run("device", func(t *testing.T) {
		withFake(t, "clGetDeviceIDs=-1", func(t *testing.T) { check(t, "platform Fake Platform has no device") })
	})
	t.Run("devices fail", func(t *testing.T) {
		withFake(t, "clGetDeviceIDs=-5@2-2,clGetDeviceIDs=-5@4-4", func(t *testing.T) { check(t, "Fake Platform: clGetDeviceIDs: CL_OUT_OF_RESOURCES") })
	})
	t.Run("old", func(t *testing.T) {
		withFake(t, "", func(t *testing.T) {
			_, err := hal.Open("opencl:fake")
			all := probe()
			if err == nil || !strings.Contains(err.Error(), "OpenCL 1.1, and 1.2 is the least") || len(all) != 1 || all[0].Present || !strings.Contains(all[0].Reason, "1.1") {
				t.Errorf("%v, %+v", err, all)
			}
		}, "FAKECL_VERSION=OpenCL 1.1 fake")
	})
}

// A driver that fails while a device is opened leaves nothing behind.
func TestOpenFails(t *testing.T) {
	for function, want := range map[string]error{"clCreateContext": hal.ErrDeviceLost, "clCreateCommandQueue": hal.ErrDeviceLost} {
		t.Run(function, func(t *testing.T) {
			withFake(t, function+"=-2", func(t *testing.T) {
				_, err := hal.Open("opencl")
				var de *hal.DeviceError
				if !errors.Is(err, want) || !errors.As(err, &de) || !strings.Contains(err.Error(), function+": CL_DEVICE_NOT_AVAILABLE") {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// Processors come last, so that the first device is a GPU where there is one.
func TestOrder(t *testing.T) {
	withFake(t, "", func(t *testing.T) {
		var got []string
		for _, s := range probe() {
			name, _, _ := strings.Cut(s.Info.Description, ",")
			got = append(got, s.Name+" "+name)
		}
		if want := "opencl:0 Fake Device 1|opencl:1 Fake Device 2|opencl:2 Fake Device 0|opencl:3 Fake Device 3"; strings.Join(got, "|") != want {
			t.Errorf("%v, want %s", got, want)
		}
		for name, want := range map[string]string{"opencl": "Fake Device 1", "opencl:2": "Fake Device 0", "opencl:DEVICE": "Fake Device 1"} {
			d := fresh(t, name)
			if d.text(deviceName) != want {
				t.Errorf("%s is %s", name, d.text(deviceName))
			}
			if cpu := d.caps().CPU; cpu != (want == "Fake Device 0") {
				t.Errorf("%s is a processor: %v", want, cpu)
			}
			must(t, d.Close())
		}
	}, "FAKECL_TYPES=2462") // a processor, a GPU, a simulator that is both, a processor
}
