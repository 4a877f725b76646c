package crease

import (
	"errors"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Try runs f and returns the error it panicked with: misuse of ops and failures
// of devices. Any other panic goes on.
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
	return is[*ops.ShapeError](err) || is[*ops.DTypeError](err) || is[*ops.AttrError](err) || is[*ops.GradError](err) ||
		is[*hal.DeviceError](err) || is[*hal.AbsentError](err) || is[*hal.SpecError](err) ||
		is[*exec.FallbackError](err) || is[*shape.Error](err) || is[*CompileError](err) || is[*NaNError](err) ||
		errors.Is(err, hal.ErrOutOfMemory) || errors.Is(err, hal.ErrDeviceLost) || errors.Is(err, hal.ErrClosed)
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
