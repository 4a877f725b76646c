package hal

import (
	"time"

	"github.com/crease-ml/crease/dtype"
)

// Device is one piece of hardware that computes.
type Device interface {
	Info() Info
	// Alloc returns a buffer of the given size in bytes from the device's pool.
	// Its contents are undefined. When memory is short the pool is flushed and
	// the request tried once more before ErrOutOfMemory comes back.
	Alloc(bytes int) (Buffer, error)
	NewStream() (Stream, error)
	Kernels() *Registry
	Close() error
}

// Buffer is a block of device memory.
type Buffer interface {
	Device() Device
	Size() int // bytes
	// Free returns the block to the pool. It is ordered after the work queued so
	// far on every stream of the device, so a buffer may be freed while kernels
	// still use it. Freeing twice is a no-op.
	Free()
}

// Stream is an in-order queue. The first failure poisons it: later work is
// skipped and the same error returns from every method.
// A stream is used by one goroutine at a time.
type Stream interface {
	Device() Device
	Upload(dst Buffer, off int, src []byte) error   // src may be reused on return
	Download(dst []byte, src Buffer, off int) error // dst is valid after Sync
	Copy(dst Buffer, dstOff int, src Buffer, srcOff, n int) error
	// Launch runs a prepared call on memory: that of its inputs, then of its
	// results, and scratch of at least the size that the launch asks for.
	Launch(l *Launch, at []Operand, work Buffer) error
	Record() (Event, error)
	Wait(Event) error // the stream waits, the host does not
	Sync() error
}

// Event is a point in a stream. Wait blocks the host until it is reached and
// returns the error that poisoned the stream, if any.
type Event interface{ Wait() error }

// Mapper (optional) is implemented by devices whose memory the host addresses.
type Mapper interface {
	// Bytes is the memory of a buffer of this device.
	Bytes(Buffer) []byte
}

// Meter (optional) reports a device's memory pool.
type Meter interface {
	Memory() MemoryStats
	// ResetHighWater lets the high water mark begin anew, at what is in use.
	ResetHighWater()
}

// Timer (optional) is implemented by devices with a clock of their own.
type Timer interface {
	// Elapsed is the device time between two recorded, reached events.
	Elapsed(from, to Event) (time.Duration, error)
}

// Peaker (optional) knows the device's arithmetic limit.
type Peaker interface {
	// PeakFlops is the measured limit in flop/s for an element type, on as many
	// threads as the device uses; 0 when it is not known. The first call may
	// take a few milliseconds to measure.
	PeakFlops(dtype.Type) float64
}

// MemoryStats describes a device's pool, in bytes unless said otherwise.
type MemoryStats struct {
	InUse     int // handed out
	Cached    int // free, kept for reuse
	HighWater int // most ever in use
	Buffers   int // handed out, a count
	Allocs    int // requests the pool could not serve from its cache, a count
}

// Support says how well a device handles an element type.
type Support uint8

// Levels of support; each includes the ones before it.
const (
	Absent      Support = iota
	Storage             // can be held, copied and converted
	Arithmetic          // can be computed with
	Accelerated         // has kernels written for it
)

func (s Support) String() string {
	return [...]string{"absent", "storage", "arithmetic", "accelerated"}[s]
}

// Info describes a device.
type Info struct {
	Name        string // canonical name in the device grammar: "cpu/avx2"
	Kind        string // "cpu", "cuda", "opencl", ...
	Arch        string // "avx2", "sm_90", ...
	Description string // marketing name of the hardware
	Threads     int    // parallel workers, compute units or 0 when unknown
	Memory      int    // bytes, 0 when unknown
	Alignment   int    // bytes every buffer is aligned to
	DTypes      map[dtype.Type]Support
}

// Supports is the device's support for t.
func (i Info) Supports(t dtype.Type) Support { return i.DTypes[t] }
