package hostdev

import (
	"fmt"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
)

// Device is a hal.Device of host memory. Its fields are set before it is used.
type Device struct {
	// Outer is the device that embeds this one, which buffers and streams say they
	// belong to; nil means the Device itself.
	Outer hal.Device
	// Stop (optional) ends what the device has running when it is closed.
	Stop func() error
	// Fill (optional) sees every block of memory before it is handed out: to
	// overwrite what an earlier owner left.
	Fill func([]byte)

	info    hal.Info
	kernels hal.Registry
	pool    hal.Pool[hostmem.Block]
	closed  atomic.Bool
}

var (
	_ hal.Device = (*Device)(nil)
	_ hal.Mapper = (*Device)(nil)
	_ hal.Meter  = (*Device)(nil)
)

// New returns a device without kernels. Its pool takes what is free on the machine or in
// its control group (see hostmem.Alloc), and at most nine tenths of info.Memory, where
// these are known; see [Device.Limit].
func New(info hal.Info) *Device {
	d := &Device{info: info}
	d.pool = hal.Pool[hostmem.Block]{New: allocate, Drop: hostmem.Block.Free, Limit: info.Memory / 10 * 9}
	return d
}

// Limit makes the pool refuse what would bring the memory in use and cached above so
// many bytes. It is called before the device is used.
func (d *Device) Limit(bytes int) { d.pool.Limit = bytes }

func allocate(n int) (hostmem.Block, error) {
	b, err := hostmem.Alloc(n)
	if err != nil {
		return b, fmt.Errorf("%w: %w", hal.ErrOutOfMemory, err)
	}
	return b, nil
}

func (d *Device) outer() hal.Device {
	if d.Outer != nil {
		return d.Outer
	}
	return d
}

// Info describes the device.
func (d *Device) Info() hal.Info { return d.info }

// Kernels returns the device's registry.
func (d *Device) Kernels() *hal.Registry { return &d.kernels }

// Memory returns the state of the pool.
func (d *Device) Memory() hal.MemoryStats { return d.pool.Stats() }

// ResetHighWater sets the pool's high water mark to what is in use now.
func (d *Device) ResetHighWater() { d.pool.ResetHighWater() }

// NewStream returns a stream that runs inline.
func (d *Device) NewStream() (hal.Stream, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	return &Stream{dev: d}, nil
}

// Stream returns a stream of the device for an outer stream to embed.
func (d *Device) Stream() Stream { return Stream{dev: d} }

// use returns an error once the device is closed.
func (d *Device) use() error {
	if d.closed.Load() {
		return &hal.DeviceError{Device: d.info.Name, Err: hal.ErrClosed}
	}
	return nil
}

// Close stops the device and gives its cached memory back.
func (d *Device) Close() error {
	if !d.closed.CompareAndSwap(false, true) {
		return nil
	}
	d.pool.Flush()
	if d.Stop != nil {
		return d.Stop()
	}
	return nil
}

// Buffer holds host memory from the device's pool.
type Buffer struct {
	dev   *Device
	block hostmem.Block
	class int // the pool's size class
	size  int // as asked for
	freed atomic.Bool
}

// Alloc takes a buffer from the pool.
func (d *Device) Alloc(bytes int) (hal.Buffer, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	block, class, err := d.pool.Get(bytes)
	if err != nil {
		return nil, err
	}
	if d.Fill != nil {
		d.Fill(block.Bytes[:bytes])
	}
	return &Buffer{dev: d, block: block, class: class, size: bytes}, nil
}

// Device returns the device that the memory belongs to.
func (b *Buffer) Device() hal.Device { return b.dev.outer() }

// Size returns the number of bytes that were asked for.
func (b *Buffer) Size() int { return b.size }

// Free gives the memory back to the pool.
func (b *Buffer) Free() {
	if !b.freed.CompareAndSwap(false, true) {
		return
	}
	b.dev.pool.Put(b.block, b.class)
	if b.dev.closed.Load() {
		b.dev.pool.Flush()
	}
}

// Bytes returns the buffer's memory.
func (b *Buffer) Bytes() []byte { return b.block.Bytes[:b.size:b.size] }

// Bytes returns the memory of a buffer of a hostdev device.
func Bytes(b hal.Buffer) []byte { return b.(*Buffer).Bytes() }

// Bytes returns the memory of a buffer of this device. It implements hal.Mapper.
func (d *Device) Bytes(b hal.Buffer) []byte { return Bytes(b) }
