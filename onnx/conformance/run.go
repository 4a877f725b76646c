package conformance

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/onnx"
	"github.com/crease-ml/crease/ops"
)

// Status is how a case ended.
type Status string

// Ends of a case.
const (
	Passed    Status = "passed"
	NoOp      Status = "no op"     // an operator is missing
	Attribute Status = "attribute" // an attribute, or a value of it, is not done
	Type      Status = "type"      // an element type is not computed with
	Wrong     Status = "wrong"     // the results differ
	Failed    Status = "error"     // anything else
)

// Result is how a case ended.
type Result struct {
	Case
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Error is the largest relative error of a case that passed.
	Error    float64  `json:"error,omitempty"`
	Seconds  float64  `json:"seconds"`
	Fallback []string `json:"fallback,omitempty"` // ops that ran on the host, of devices that are not the host
}

// Options say how cases are run.
type Options struct {
	Device   *crease.Device
	Compiled bool
	Timeout  time.Duration // 0: none
}

// Run runs a case. It does not panic, whatever the model does.
func Run(d *Data, c Case, o Options) Result {
	start := time.Now()
	done := make(chan Result, 1)
	go func() { done <- run(d, c, o) }()
	var r Result
	if o.Timeout > 0 {
		select {
		case r = <-done:
		case <-time.After(o.Timeout):
			r = Result{Status: Failed, Detail: fmt.Sprintf("it ran for more than %v", o.Timeout)}
		}
	} else {
		r = <-done
	}
	r.Case, r.Seconds = c, time.Since(start).Seconds()
	return r
}

func run(d *Data, c Case, o Options) (r Result) {
	defer func() {
		if p := recover(); p != nil {
			r = Result{Status: Failed, Detail: fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	model, in, out, err := d.load(c)
	if err != nil {
		return failed(err)
	}
	m, err := onnx.Decode(model)
	if err != nil {
		return failed(err)
	}
	s, err := onnx.NewSession(m, o.Device)
	if err != nil {
		return failed(err)
	}
	defer s.Close()
	inputs, err := inputsOf(m, in, o.Device)
	if err != nil {
		return failed(err)
	}
	call := s.Run
	if o.Compiled {
		call = s.RunCompiled
	}
	got, err := call(inputs...)
	if err != nil {
		return failed(err)
	}
	if len(out) > len(got) {
		return Result{Status: Wrong, Detail: fmt.Sprintf("%d outputs, want %d", len(got), len(out))}
	}
	r.Status = Passed
	for i, b := range out {
		want, err := onnx.ReadData(b, m.Outputs()[i])
		if err != nil {
			return failed(err)
		}
		have, err := got[i].Data()
		if err != nil {
			return failed(err)
		}
		why, e := difference(have, want)
		if why != "" {
			return Result{Status: Wrong, Detail: fmt.Sprintf("output %d: %s", i, why)}
		}
		r.Error = max(r.Error, e)
	}
	for _, v := range got {
		v.Free()
	}
	for _, v := range inputs {
		v.Free()
	}
	return r
}

// failed sorts an error.
func failed(err error) Result {
	r := Result{Status: Failed, Detail: err.Error()}
	var missing *onnx.UnsupportedError
	var attribute *onnx.AttributeError
	var elem *onnx.TypeError
	var dt *ops.DTypeError
	switch {
	case errors.As(err, &missing):
		r.Status = NoOp
	case errors.As(err, &attribute):
		r.Status = Attribute
	case errors.As(err, &elem), errors.As(err, &dt):
		r.Status = Type
	}
	return r
}

func inputsOf(m *onnx.Model, files [][]byte, dev *crease.Device) ([]onnx.Value, error) {
	var out []onnx.Value
	for i, want := range m.Inputs() {
		if files == nil {
			out = append(out, onnx.Of(ramp(want, dev)))
			continue
		}
		if i >= len(files) {
			return nil, fmt.Errorf("the model has %d inputs, the case gives %d", len(m.Inputs()), len(files))
		}
		data, err := onnx.ReadData(files[i], want)
		if err != nil {
			return nil, err
		}
		out = append(out, data.To(dev))
	}
	return out, nil
}

// ramp is the input of light models.
func ramp(d onnx.Declared, dev *crease.Device) *crease.Tensor {
	dims := make([]int, len(d.Shape))
	n := 1
	for i, v := range d.Shape {
		dims[i] = max(v, 1)
		n *= dims[i]
	}
	h := ops.NewHost(ops.Spec{DType: dtype.F32, Shape: dims})
	for i := range n {
		h.Set(i, float64(i)/float64(n))
	}
	return crease.FromHost(h, crease.On(dev))
}
