package train

import (
	"fmt"
	"math"
)

// DivergedError ends a run whose loss is no finite number any more: the weights are lost, and
// steps to come would only be more of the same.
type DivergedError struct {
	Step int
	Loss float64
	Kept string // the last checkpoint, "" for none
}

func (e *DivergedError) Error() string {
	s := fmt.Sprintf("training diverged: the loss of step %d is %v. Lower the learning rate", e.Step, e.Loss)
	if e.Kept != "" {
		return s + ". The checkpoint before that is kept: " + e.Kept
	}
	return s
}

// ExitCode is that of a failed run.
func (e *DivergedError) ExitCode() int { return 1 }

// converging returns an error for a loss that is no finite number, before anything is reported
// or saved.
func (l *Loop) converging(step int, loss float64) error {
	if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		return nil
	}
	return &DivergedError{Step: step, Loss: loss, Kept: l.kept}
}
