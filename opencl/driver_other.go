//go:build !((linux || darwin) && (amd64 || arm64))

package opencl

import (
	"runtime"

	"github.com/crease-ml/crease/hal"
)

const (
	unsupported = "the OpenCL library is opened by dlopen, on linux and darwin with amd64 or arm64; this is " + runtime.GOOS + "/" + runtime.GOARCH
	remedy      = "Use --device cpu."
)

func probe() []hal.Status {
	return []hal.Status{{Name: kind, Reason: unsupported, Remedy: remedy}}
}

func open(spec hal.Spec) (hal.Device, error) {
	return nil, &hal.AbsentError{Device: spec.String(), Reason: unsupported, Remedy: remedy}
}
