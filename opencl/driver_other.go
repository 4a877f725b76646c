//go:build !((linux || darwin) && (amd64 || arm64))

package opencl

import (
	"runtime"

	"github.com/crease-ml/crease/hal"
)

const unsupported = "libraries cannot be opened without cgo on " + runtime.GOOS + "/" + runtime.GOARCH

func probe() []hal.Status { return absent(unsupported) }

func open(spec hal.Spec) (hal.Device, error) {
	return nil, &hal.AbsentError{Device: spec.String(), Reason: unsupported, Remedy: "Use linux or darwin on amd64 or arm64, or --device cpu."}
}
