package hal

import (
	"time"

	"github.com/crease-ml/crease/dtype"
)

// Device is one piece of hardware that computes. It may be used by several
// goroutines at once.
type Device interface {
	Info() Info
	// Alloc returns a buffer of the given size in bytes from the device's pool; 0
	// is a size too. Its contents are undefined. A negative size and one above
	// shape.MaxBytes are errors. When memory is short the pool is flushed and the
	// request tried once more before ErrOutOfMemory comes back, after which the
	// device goes on working.
	Alloc(bytes int) (Buffer, error)
	NewStream() (Stream, error)
	Kernels() *Registry
	// Close waits for queued work and gives everything back; memory that is still
	// handed out goes back as it is freed. Afterwards the methods of the device, its
	// streams and its events that return errors return ErrClosed, and Close nothing.
	Close() error
}

// Buffer is a block of device memory.
type Buffer interface {
	Device() Device
	Size() int // bytes
	// Free returns the block to the pool. It is ordered after the work queued so
	// far on every stream of the device, so a buffer may be freed while kernels
	// still use it. Freeing twice is a no-op. Any goroutine may call it.
	Free()
}

// Stream is an in-order queue. The first failure poisons it: later work is
// skipped and the same error returns from every method.
// A stream is used by one goroutine at a time.
//
// What the caller gets wrong is an error of the call and poisons nothing: a range
// that leaves its buffer, a buffer that is nil, freed or of another device.
type Stream interface {
	Device() Device
	// Upload copies src, which may be reused on return.
	Upload(dst Buffer, off int, src []byte) error
	// Download fills dst, which is valid after Sync, or when an event that was
	// recorded behind it has been waited for. Until then dst must not be touched.
	Download(dst []byte, src Buffer, off int) error
	// Copy copies n bytes. The ranges may overlap, as those of Go's copy.
	Copy(dst Buffer, dstOff int, src Buffer, srcOff, n int) error
	// Launch runs a prepared call on memory: that of its inputs, then of its
	// results, and scratch of at least the size that the launch asks for. It returns
	// the error of l.Run, which has been called when it returns.
	Launch(l *Launch, at []Operand, work Buffer) error
	// Record returns an event at this point of the queue.
	Record() (Event, error)
	// Wait orders later work of the stream behind an event, of any stream. The host
	// does not wait, unless the event is of another device or the device has no
	// queue. Work behind an event of a stream that failed may be skipped: Wait or a
	// later Sync says so.
	Wait(Event) error
	// Sync blocks the host until everything queued is done.
	Sync() error
}

// Event is a point in a stream. Wait blocks the host until it is reached and
// returns the error that poisoned the stream, if any. Any number of goroutines may
// wait for it, any number of times.
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

// Clock (optional) is implemented by emulators, whose time is not the host's.
type Clock interface {
	// Now is the emulated time since the device was opened.
	Now() time.Duration
}

// Pauser (optional) is implemented by devices that count what they do.
type Pauser interface {
	// PauseCount stops counting until resume is called: for work that is not the
	// program's own, as the folding of constants is. Calls may be nested.
	PauseCount() (resume func())
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

// Precision is how exactly a device adds up products of one element type, in
// significant bits: float64 has 53 of them, float32 24, float16 and the tf32 of tensor
// cores 11, bfloat16 8. A 0 stands for those of the element type, or more.
type Precision struct {
	Multiply   int // operands are rounded to so many bits before they are multiplied
	Accumulate int // sums of products are rounded to so many bits
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
	// Products says for which element types the device multiplies and accumulates less
	// exactly than the type, in matrix products and what is made of them: convolutions
	// and attention. The tolerances of those ops grow by it, and of no others.
	Products map[dtype.Type]Precision
}

// Supports is the device's support for t.
func (i Info) Supports(t dtype.Type) Support { return i.DTypes[t] }
