package cuda

import (
	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/hal"
)

// callError is returned when a function of the driver fails.
type callError struct {
	call string
	code driver.Result
	more string // what the driver says besides
}

func (e *callError) Error() string {
	s := e.call + ": " + e.code.String()
	if e.more != "" {
		s += ": " + e.more
	}
	return s
}

// Is makes the codes what callers of hal test for.
func (e *callError) Is(target error) bool {
	switch target {
	case hal.ErrDeviceLost:
		return e.code.Sticky()
	case hal.ErrOutOfMemory:
		return e.code == driver.OutOfMemory
	}
	return false
}

// check turns a result into an error.
func (d *Device) check(call string, r driver.Result) error {
	if r == driver.Success {
		return nil
	}
	e := &callError{call: call, code: r}
	if x, ok := d.drv.(driver.Explainer); ok {
		e.more = x.Explain()
	}
	return e
}
