package crease

import (
	"os"
	"sync"

	_ "github.com/crease-ml/crease/cpu" // the device every machine has
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
)

// Device is where tensors live and ops run.
type Device struct {
	hal    hal.Device
	engine *exec.Engine
}

var devices struct {
	sync.Mutex
	byHAL map[hal.Device]*Device
	def   *Device
}

// Open returns the device of that name: KIND[:INDEX][/ARCH][@OPTION=VALUE,...],
// as in "cpu", "cpu/avx2", "cpu@threads=1", or "auto" for the best one present.
// The same name gives the same device. A device that is not there is a
// *hal.AbsentError that says what was looked for.
func Open(name string) (*Device, error) {
	d, err := hal.Open(name)
	if err != nil {
		return nil, err
	}
	return Wrap(d)
}

// Wrap makes a device of a backend usable for tensors.
func Wrap(d hal.Device) (*Device, error) {
	devices.Lock()
	defer devices.Unlock()
	if dev, ok := devices.byHAL[d]; ok {
		return dev, nil
	}
	e, err := exec.On(d)
	if err != nil {
		return nil, err
	}
	if devices.byHAL == nil {
		devices.byHAL = map[hal.Device]*Device{}
	}
	dev := &Device{d, e}
	devices.byHAL[d] = dev
	return dev, nil
}

// Default is the device that tensors are created on when none is named: the one
// given to SetDefault, else that of CREASE_DEVICE, else the processor.
func Default() (*Device, error) {
	devices.Lock()
	def := devices.def
	devices.Unlock()
	if def != nil {
		return def, nil
	}
	name := os.Getenv("CREASE_DEVICE")
	if name == "" {
		name = "cpu"
	}
	d, err := Open(name)
	if err != nil {
		return nil, err
	}
	devices.Lock()
	defer devices.Unlock()
	if devices.def == nil {
		devices.def = d
	}
	return devices.def, nil
}

// SetDefault changes the default device; nil goes back to CREASE_DEVICE.
func SetDefault(d *Device) {
	devices.Lock()
	defer devices.Unlock()
	devices.def = d
}

func mustDefault() *Device {
	d, err := Default()
	if err != nil {
		panic(err)
	}
	return d
}

// Name is the device's name in the device grammar.
func (d *Device) Name() string { return d.hal.Info().Name }

func (d *Device) String() string { return d.Name() }

// Info describes the hardware.
func (d *Device) Info() hal.Info { return d.hal.Info() }

// HAL is the backend's device.
func (d *Device) HAL() hal.Device { return d.hal }

// Engine dispatches the device's ops; it counts how they were served.
func (d *Device) Engine() *exec.Engine { return d.engine }

// Close waits for the device's work and gives its memory back, that of tensors included:
// using one afterwards is an error, hal.ErrClosed. [Open] opens the device anew, for all;
// where it is the default, the next tensor does.
func (d *Device) Close() error {
	devices.Lock()
	delete(devices.byHAL, d.hal)
	if devices.def == d {
		devices.def = nil
	}
	devices.Unlock()
	exec.Forget(d.hal)
	return d.hal.Close()
}

// Sync waits until everything queued on the device is done.
func (d *Device) Sync() error { return d.engine.Sync() }

// Memory is the state of the device's pool, in bytes; zero for a device that
// does not report it.
func (d *Device) Memory() hal.MemoryStats {
	if m, ok := d.hal.(hal.Meter); ok {
		return m.Memory()
	}
	return hal.MemoryStats{}
}

// ResetHighWater lets the mark of the most memory in use begin anew, at what is in use.
func (d *Device) ResetHighWater() {
	if m, ok := d.hal.(hal.Meter); ok {
		m.ResetHighWater()
	}
}

// options of creation functions.
type options struct {
	dev      *Device
	dtype    dtype.Type
	requires bool
	gen      *Generator
}

// Option says how a tensor is created.
type Option func(*options)

// On creates the tensor on a device.
func On(d *Device) Option { return func(o *options) { o.dev = d } }

// As sets the element type; float32 is the default.
func As(t dtype.Type) Option { return func(o *options) { o.dtype = t } }

// RequireGrad makes the tensor a leaf that gradients flow to.
func RequireGrad() Option { return func(o *options) { o.requires = true } }

// By draws random numbers from a generator instead of the default one.
func By(g *Generator) Option { return func(o *options) { o.gen = g } }

func collect(opts []Option) options {
	o := options{dtype: dtype.F32}
	for _, f := range opts {
		f(&o)
	}
	if o.dev == nil && o.gen != nil {
		o.dev = o.gen.state.dev
	}
	tr := tracing()
	switch {
	case o.dev == nil && tr != nil:
		o.dev = tr.dev
	case o.dev == nil:
		o.dev = mustDefault()
	case tr != nil && o.dev != tr.dev:
		panic(tr.fail("a tensor was created on device %s in a function compiled for %s: create it before the call", o.dev, tr.dev))
	}
	return o
}
