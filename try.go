package crease

import (
	"errors"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Try runs f and returns the error it panicked with: a misuse (see ops.IsMisuse) or a
// failure of a device. Any other panic goes on.
func Try(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			if !ok || !ours(e) {
				panic(r)
			}
			err = e
		}
	}()
	f()
	return nil
}

// ours reports whether crease panics with errors of this kind.
func ours(err error) bool {
	return ops.IsMisuse(err) ||
		is[*hal.DeviceError](err) || is[*hal.AbsentError](err) || is[*hal.SpecError](err) ||
		is[*exec.FallbackError](err) || is[*NaNError](err) ||
		errors.Is(err, hal.ErrOutOfMemory) || errors.Is(err, hal.ErrDeviceLost) || errors.Is(err, hal.ErrClosed)
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
