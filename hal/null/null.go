// Package null is a device that computes nothing: it hands out buffers without
// memory, accepts every op and writes down what it was asked. It answers how many
// bytes a computation needs and which calls it makes, without the time or the
// memory for it. Reading results from it is an error.
//
// Importing the package makes "null" a device name; it is never chosen by "auto".
package null

import (
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

const kind = "null"

func init() {
	hal.Register(hal.Driver{
		Kind: kind, Preference: -1,
		Probe: func() []hal.Status { return []hal.Status{{Name: kind, Present: true, Info: info(kind)}} },
		Open: func(s hal.Spec) (hal.Device, error) {
			if s.Index != "" || s.Arch != "" || len(s.Options) > 0 {
				return nil, &hal.SpecError{Spec: s.String(), Reason: "the null device has no index, arch or options"}
			}
			return New(s.String()), nil
		},
	})
}

func info(name string) hal.Info {
	types := map[dtype.Type]hal.Support{}
	for _, t := range dtype.All() {
		types[t] = hal.Arithmetic
	}
	return hal.Info{Name: name, Kind: kind, Description: "computes nothing", Alignment: 1, DTypes: types}
}

// Device is a null device.
type Device struct {
	name    string
	kernels hal.Registry
	pool    hal.Pool[struct{}]
	closed  atomic.Bool

	mu    sync.Mutex
	calls []Call
}

// Call is one launch.
type Call struct {
	Op      string
	In, Out []ops.Spec
}

// New is a null device of its own.
func New(name string) *Device {
	d := &Device{name: name}
	d.pool = hal.Pool[struct{}]{New: func(int) (struct{}, error) { return struct{}{}, nil }, Drop: func(struct{}) {}}
	for _, op := range ops.All() {
		d.kernels.Add(&hal.Kernel{
			Key: hal.Key{Op: op.Name, Layout: hal.Strided}, Name: op.Name + "_null",
			Run: func(_ hal.Stream, c *hal.Call) error {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.calls = append(d.calls, Call{c.Op, specs(c.In), specs(c.Out)})
				return nil
			},
		})
	}
	return d
}

func specs(views []hal.View) []ops.Spec {
	out := make([]ops.Spec, len(views))
	for i, v := range views {
		out[i] = ops.Spec{DType: v.DType, Shape: v.Shape}
	}
	return out
}

// Calls lists the launches so far.
func (d *Device) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Call{}, d.calls...)
}

// Info, Kernels, Memory and ResetHighWater are those of hal.Device and hal.Meter.
func (d *Device) Info() hal.Info          { return info(d.name) }
func (d *Device) Kernels() *hal.Registry  { return &d.kernels }
func (d *Device) Memory() hal.MemoryStats { return d.pool.Stats() }
func (d *Device) ResetHighWater()         { d.pool.ResetHighWater() }

// Alloc accounts for a buffer.
func (d *Device) Alloc(bytes int) (hal.Buffer, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	_, class, err := d.pool.Get(bytes)
	if err != nil {
		return nil, err
	}
	return &buffer{dev: d, size: bytes, class: class}, nil
}

// use returns an error once the device is closed.
func (d *Device) use() error {
	if d.closed.Load() {
		return &hal.DeviceError{Device: d.name, Err: hal.ErrClosed}
	}
	return nil
}

// Close forgets what was cached.
func (d *Device) Close() error {
	d.closed.Store(true)
	d.pool.Flush()
	return nil
}

// NewStream returns a stream that does nothing.
func (d *Device) NewStream() (hal.Stream, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	return &stream{d}, nil
}

type buffer struct {
	dev         *Device
	size, class int
	freed       atomic.Bool
}

func (b *buffer) Device() hal.Device { return b.dev }
func (b *buffer) Size() int          { return b.size }
func (b *buffer) Free() {
	if !b.freed.CompareAndSwap(false, true) {
		return
	}
	b.dev.pool.Put(struct{}{}, b.class)
	if b.dev.closed.Load() {
		b.dev.pool.Flush()
	}
}
