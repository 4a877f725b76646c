package crease

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// NaNError is the first op that gave something that is not a number.
type NaNError struct {
	Op       string
	In       []ops.Spec
	Output   int    // which of its results
	Element  int    // of the result, in row-major order
	Given    int    // the input that has one already, or -1: the op made it
	Backward bool   // in a backward pass
	Caller   string // file:line of the first caller outside of crease's packages, or ""
}

func (e *NaNError) Error() string {
	s := fmt.Sprintf("result %d of %s", e.Output, (&ops.ShapeError{Op: e.Op, In: e.In, Rule: "not a number"}).Error())
	s += fmt.Sprintf(" at element %d", e.Element)
	if e.Backward {
		s += ", in a backward pass"
	}
	if e.Given >= 0 {
		s += fmt.Sprintf("; input %d has one already, from outside", e.Given)
	}
	if e.Caller != "" {
		s += "; called at " + e.Caller
	}
	return s
}

// FindNaN runs f and looks at the results of every op in it, also in backward passes and
// steps of optimisers: the first that is not a number panics with a *NaNError, which [Try]
// returns. It waits for the device after every op, and runs compiled functions eagerly,
// which gives the same bits: it is for finding a fault and not for training. It concerns
// the calling goroutine.
func FindNaN(f func()) {
	l, leave := enter()
	defer leave()
	l.checks++
	defer func() { l.checks-- }()
	f()
}

// checking reports whether the goroutine is in FindNaN.
func (l *local) checking() bool { return l != nil && l.checks > 0 }

// checker is a builder that looks at results.
type checker struct{ engine ops.Builder }

func (c checker) Const(h ops.Host) ops.Value { return c.engine.Const(h) }

func (c checker) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	out := c.engine.Apply(op, attrs, in...)
	lookAt(op, in, out, true)
	return out
}

// lookAt panics for a result that is not a number.
func lookAt[I, O ops.Value](op *ops.Op, in []I, out []O, backward bool) {
	for i, v := range out {
		at := nanIn(v)
		if at < 0 {
			continue
		}
		e := &NaNError{Op: op.Name, Output: i, Element: at, Given: -1, Backward: backward, Caller: caller()}
		for k, v := range in {
			e.In = append(e.In, v.Spec())
			if e.Given < 0 && nanIn(v) >= 0 {
				e.Given = k
			}
		}
		panic(e)
	}
}

// nanIn is the first element of an array that is not a number, or -1.
func nanIn(v ops.Value) int {
	a, ok := v.(*exec.Array)
	if !ok || !a.Spec().DType.IsFloat() || a.Released() {
		return -1
	}
	h, err := a.Host()
	if err != nil {
		panic(err)
	}
	for i := range h.Elements() {
		if math.IsNaN(h.At(i)) {
			return i
		}
	}
	return -1
}

// caller is the place outside of crease's own packages that led here.
func caller() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	for {
		f, more := frames.Next()
		inside := strings.HasPrefix(f.Function, "github.com/crease-ml/crease.") || strings.HasPrefix(f.Function, "runtime.")
		for _, p := range []string{"autograd", "exec", "graph", "ops", "nn", "optim", "train"} {
			inside = inside || strings.HasPrefix(f.Function, "github.com/crease-ml/crease/"+p+".")
		}
		if !inside && f.File != "" {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return ""
		}
	}
}
