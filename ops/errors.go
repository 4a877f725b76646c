package ops

import (
	"errors"
	"fmt"
	"strings"
)

// Misuse is implemented by errors that a mistake in the calling program leads to, and no
// failure of the world: *UsageError, *ShapeError, *DTypeError, *AttrError and *GradError
// here, and those of other packages with the method. Such errors are what crease panics
// with; see [IsMisuse].
type Misuse interface {
	error
	Misuse()
}

// IsMisuse reports whether an error, or one that it wraps, is a mistake of the caller.
func IsMisuse(err error) bool {
	var m Misuse
	return errors.As(err, &m)
}

// UsageError is something given to an op, a module or an optimiser that it cannot work on,
// whatever its shape and type: a tensor or module that is nil, the zero Tensor, a tensor
// that has been freed, that is on another device, or that belongs to a function being
// compiled.
type UsageError struct {
	Op     string // what was asked for
	Reason string // what was given, and what to do
}

func (e *UsageError) Error() string { return e.Op + ": " + e.Reason }

// Misuse marks a mistake of the caller.
func (*UsageError) Misuse() {}

// Misuse marks a mistake of the caller.
func (*ShapeError) Misuse() {}

// Misuse marks a mistake of the caller.
func (*DTypeError) Misuse() {}

// Misuse marks a mistake of the caller.
func (*AttrError) Misuse() {}

// Misuse marks a mistake of the caller.
func (*GradError) Misuse() {}

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

// AttrError is a misuse of an op: an attribute out of range.
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
	var u *UsageError
	switch {
	case errors.As(err, &s):
		return &ShapeError{Op: op, In: in, Rule: s.Rule}
	case errors.As(err, &d):
		return &DTypeError{Op: op, In: in, Rule: d.Rule}
	case errors.As(err, &a):
		return &AttrError{Op: op, Reason: a.Reason}
	case errors.As(err, &u):
		return u
	}
	return &ShapeError{Op: op, In: in, Rule: err.Error()}
}
