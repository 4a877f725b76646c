package exec

import (
	"errors"
	"sync"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Engine runs ops on one device through one stream. It is the eager
// ops.Builder. It is safe for concurrent use: calls of different goroutines take
// turns on the stream, and none holds up the others while it waits for the device.
// A device may have several engines, whose work overlaps where the device can.
type Engine struct {
	dev  hal.Device
	name string

	mu     sync.Mutex // held while work is queued: guards stream, at and what launches keep
	stream hal.Stream
	at     []hal.Operand // of the launch that is being queued

	loading sync.Mutex // held while a large array is uploaded: guards loader
	loader  hal.Stream // made with the first of them

	planning sync.Mutex // guards plans
	plans    planCache

	stats stats
}

var engines sync.Map // hal.Device to *Engine

// On returns the engine that all users of a device share. It is made on first use.
func On(dev hal.Device) (*Engine, error) {
	if e, ok := engines.Load(dev); ok {
		return e.(*Engine), nil
	}
	made, err := New(dev)
	if err != nil {
		return nil, err
	}
	e, _ := engines.LoadOrStore(dev, made)
	return e.(*Engine), nil
}

// New returns a further engine of a device, with a stream of its own.
func New(dev hal.Device) (*Engine, error) {
	if err := loadSettings(); err != nil {
		return nil, err
	}
	s, err := dev.NewStream()
	if err != nil {
		return nil, err
	}
	return &Engine{dev: dev, name: dev.Info().Name, stream: s}, nil
}

// Forget drops the shared engine of a device that has been closed, so that On makes a new one.
func Forget(dev hal.Device) { engines.Delete(dev) }

// Device returns the device that the engine runs on.
func (e *Engine) Device() hal.Device { return e.dev }

// ApplyWith runs an op with the given kernel instead of the one that dispatch would choose.
// The error is hal.ErrUnsupported if the kernel does not take these inputs.
func (e *Engine) ApplyWith(k *hal.Kernel, op *ops.Op, attrs any, in ...ops.Value) ([]ops.Value, error) {
	arrays, err := e.arrays(op, in, nil)
	if err != nil {
		return nil, err
	}
	p, err := e.planWith(k, op, attrs, layouts(arrays))
	if err != nil {
		return nil, err
	}
	if err := e.ready(op, arrays); err != nil {
		return nil, err
	}
	out, err := e.run(p, arrays, nil)
	return values(out), err
}

// arrays appends the inputs to out and returns an error for one that is no array.
func (e *Engine) arrays(op *ops.Op, in []ops.Value, out []*Array) ([]*Array, error) {
	if err := ops.InputError(op, in); err != nil {
		return nil, err
	}
	for i, v := range in {
		a, ok := v.(*Array)
		if !ok {
			return nil, notAnArray(op, i, v, e)
		}
		out = append(out, a)
	}
	return out, nil
}

func values(in []*Array) []ops.Value {
	out := make([]ops.Value, len(in))
	for i, a := range in {
		out[i] = a
	}
	return out
}

// Empty makes a dense array with undefined contents.
func (e *Engine) Empty(s ops.Spec) (*Array, error) {
	l, err := NewLayout(ops.Spec{DType: s.DType, Shape: shape.Clone(s.Shape)}, nil)
	if err != nil {
		return nil, err
	}
	return e.alloc(l)
}

// alloc makes an array of a dense layout with undefined contents.
func (e *Engine) alloc(l *Layout) (*Array, error) {
	buf, err := e.dev.Alloc(l.bytes)
	if err != nil {
		return nil, e.failure("", "", err)
	}
	b := newBlock(buf)
	b.engine.Store(e)
	return b.On(l, 0), nil
}

// failure makes err a *hal.DeviceError that says what the engine was doing.
func (e *Engine) failure(op, kernel string, err error) error {
	var d *hal.DeviceError
	if errors.As(err, &d) {
		return err
	}
	return &hal.DeviceError{Device: e.name, Op: op, Kernel: kernel, Err: err}
}

// record returns an event behind all that has been queued so far.
func (e *Engine) record() (hal.Event, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stream.Record()
}

// await makes what is queued from now on wait for an event. The host does not wait.
func (e *Engine) await(ev hal.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stream.Wait(ev)
}

// Sync waits for all queued work.
func (e *Engine) Sync() error {
	ev, err := e.record()
	if err == nil {
		err = ev.Wait()
	}
	if err != nil {
		return e.failure("sync", "", err)
	}
	return nil
}
