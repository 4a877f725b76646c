package exec

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Engine runs ops on one device through one stream. It is the eager
// ops.Builder. It is safe for concurrent use; calls of different goroutines
// take turns on the stream.
type Engine struct {
	dev    hal.Device
	mu     sync.Mutex // guards stream
	stream hal.Stream
	stats  stats
}

var engines sync.Map // hal.Device to *Engine

// On is the engine of a device; a device has one.
func On(dev hal.Device) (*Engine, error) {
	if e, ok := engines.Load(dev); ok {
		return e.(*Engine), nil
	}
	if err := loadSettings(); err != nil {
		return nil, err
	}
	s, err := dev.NewStream()
	if err != nil {
		return nil, err
	}
	e, _ := engines.LoadOrStore(dev, &Engine{dev: dev, stream: s})
	return e.(*Engine), nil
}

// Device is the device the engine runs on.
func (e *Engine) Device() hal.Device { return e.dev }

// Apply runs an op. Inputs are arrays of this engine. It panics as described at
// ops.Builder.
func (e *Engine) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	ops.CheckInputs(op, in)
	arrays := make([]*Array, len(in))
	for i, v := range in {
		arrays[i] = e.mine(op, i, v)
	}
	specs, err := op.Specs(attrs, ops.SpecsOf(in))
	if err != nil {
		panic(err)
	}
	out, err := e.dispatch(op, attrs, arrays, specs)
	if err != nil {
		panic(err)
	}
	return values(out)
}

// ApplyWith runs an op by one kernel, whatever dispatch would choose. The error is
// hal.ErrUnsupported where the kernel does not take these inputs.
func (e *Engine) ApplyWith(k *hal.Kernel, op *ops.Op, attrs any, in ...ops.Value) ([]ops.Value, error) {
	ops.CheckInputs(op, in)
	arrays := make([]*Array, len(in))
	for i, v := range in {
		arrays[i] = e.mine(op, i, v)
	}
	specs, err := op.Specs(attrs, ops.SpecsOf(in))
	if err != nil {
		return nil, err
	}
	c, err := call(op, attrs, arrays, specs)
	if err != nil {
		return nil, err
	}
	if !k.Takes(c) {
		return nil, hal.ErrUnsupported
	}
	out, err := e.run(op, k, c, specs)
	runtime.KeepAlive(arrays) // the call holds buffers, not the blocks that own them
	return values(out), err
}

// mine checks that an input is a live array of this engine.
func (e *Engine) mine(op *ops.Op, i int, v ops.Value) *Array {
	a, ok := v.(*Array)
	switch {
	case !ok:
		panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("input %d is a %T, not an array of device %s", i, v, e.dev.Info().Name)})
	case a.engine != e:
		panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("input %d is on device %s and others on %s: move one with To", i, a.engine.dev.Info().Name, e.dev.Info().Name)})
	case a.Released():
		panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("input %d has been freed", i)})
	}
	return a
}

// Const uploads a host array.
func (e *Engine) Const(h ops.Host) ops.Value {
	a, err := e.Upload(h)
	if err != nil {
		panic(err)
	}
	return a
}

// Begin makes the engine an ops.Scoper.
func (e *Engine) Begin() (ops.Builder, func(keep ...ops.Value)) {
	s := &scope{Engine: e}
	return s, s.end
}

// scope remembers what is made through it.
type scope struct {
	*Engine
	made []ops.Value
}

func (s *scope) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	out := s.Engine.Apply(op, attrs, in...)
	s.made = append(s.made, out...)
	return out
}

func (s *scope) Const(h ops.Host) ops.Value {
	v := s.Engine.Const(h)
	s.made = append(s.made, v)
	return v
}

func (s *scope) end(keep ...ops.Value) {
	for _, v := range s.made {
		if !contains(keep, v) {
			v.(*Array).Release()
		}
	}
	s.made = nil
}

func contains(list []ops.Value, v ops.Value) bool {
	for _, k := range list {
		if k == v {
			return true
		}
	}
	return false
}

func values(in []*Array) []ops.Value {
	out := make([]ops.Value, len(in))
	for i, a := range in {
		out[i] = a
	}
	return out
}

// alloc makes a dense array with undefined contents.
func (e *Engine) alloc(s ops.Spec) (*Array, error) {
	n, err := shape.Bytes(s.DType, s.Shape)
	if err != nil {
		return nil, err
	}
	buf, err := e.dev.Alloc(n)
	if err != nil {
		return nil, e.deviceError("", "", err)
	}
	return &Array{engine: e, block: newBlock(buf), spec: s, strides: shape.Strides(s.Shape)}, nil
}

func (e *Engine) deviceError(op, kernel string, err error) error {
	var d *hal.DeviceError
	if errors.As(err, &d) {
		return err
	}
	return &hal.DeviceError{Device: e.dev.Info().Name, Op: op, Kernel: kernel, Err: err}
}

// Run dispatches an op whose specs were inferred when it was recorded; graphs
// replay through it. The caller owns the results.
func (e *Engine) Run(op *ops.Op, attrs any, in []*Array, specs []ops.Spec) ([]*Array, error) {
	return e.dispatch(op, attrs, in, specs)
}
