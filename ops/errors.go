package ops

import (
	"errors"
	"fmt"
	"strings"
)

// ShapeError is a misuse of an op: shapes that its rule refuses.
type ShapeError struct {
	Op   string
	In   []Spec
	Rule string // what is wrong, in terms of the op's rule
}

func (e *ShapeError) Error() string { return describe(e.Op, e.In) + ": " + e.Rule }

// DTypeError is a misuse of an op: element types that its rule refuses.
type DTypeError struct {
	Op   string
	In   []Spec
	Rule string
}

func (e *DTypeError) Error() string { return describe(e.Op, e.In) + ": " + e.Rule }

// AttrError is a misuse of an op: an attribute out of range, or a value that
// cannot be an input.
type AttrError struct {
	Op     string
	Reason string
}

func (e *AttrError) Error() string { return e.Op + ": " + e.Reason }

// GradError is returned when a gradient is asked for that does not exist.
type GradError struct {
	Op     string
	Reason string
}

func (e *GradError) Error() string {
	if e.Op == "" {
		return "gradient: " + e.Reason
	}
	return fmt.Sprintf("gradient of %s does not exist: %s", e.Op, e.Reason)
}

func describe(op string, in []Spec) string {
	if len(in) == 0 {
		return op
	}
	parts := make([]string, len(in))
	for i, s := range in {
		parts[i] = s.String()
	}
	return op + "(" + strings.Join(parts, ", ") + ")"
}

// shapeErr and typeErr are what shape rules return; Op.Specs adds the op's
// name and inputs.
func shapeErr(format string, args ...any) error {
	return &ShapeError{Rule: fmt.Sprintf(format, args...)}
}
func typeErr(format string, args ...any) error {
	return &DTypeError{Rule: fmt.Sprintf(format, args...)}
}
func attrErr(format string, args ...any) error {
	return &AttrError{Reason: fmt.Sprintf(format, args...)}
}

// named gives a rule's error the op and its inputs. An error from package
// shape becomes a ShapeError.
func named(op string, in []Spec, err error) error {
	var s *ShapeError
	var d *DTypeError
	var a *AttrError
	switch {
	case errors.As(err, &s):
		return &ShapeError{Op: op, In: in, Rule: s.Rule}
	case errors.As(err, &d):
		return &DTypeError{Op: op, In: in, Rule: d.Rule}
	case errors.As(err, &a):
		return &AttrError{Op: op, Reason: a.Reason}
	}
	return &ShapeError{Op: op, In: in, Rule: err.Error()}
}
