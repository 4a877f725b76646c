// Package opencl is the OpenCL backend: any OpenCL 1.2 device becomes a device of
// crease and runs the portable kernels of package kernels. The package has no
// kernel of its own.
//
// # Names
//
//	opencl               the first device
//	opencl:1             by number, over all platforms in order, processors last
//	opencl:pocl          by a part of the platform's or device's name
//	opencl:0@profile=1   with times of the device's clock in events (hal.Timer)
//
// CREASE_OPENCL names the library file where it is not found by itself, and
// CREASE_CACHE the folder of compiled programs ("off" for none). The variables of
// OpenCL's loader work as ever: OCL_ICD_VENDORS is a folder of drivers.
//
// # Parts
//
//   - library.go opens the OpenCL library at run time, without cgo, and holds the
//     addresses of its functions. query.go asks platforms and devices what they
//     are, info.go says it in the words of hal and kernels, errors.go names codes.
//   - driver.go and driver_dlopen.go find and open devices; device.go is one, and
//     memory.go its buffers.
//   - queue.go is the way into a device's queue. stream.go sends copies through it,
//     staging.go small uploads, download.go downloads, launch.go programs, and
//     event.go marks.
//   - program.go compiles programs, binary.go and cache.go keep the results.
//
// # Order
//
// A device has one in-order queue, which all its streams share. So memory that is
// freed on any stream can be used again at once: whatever gets it is queued later.
// A queue for each stream would need a marker before every reuse, and streams would
// need events among each other; what is lost is the overlap of copies with kernels.
// Only the arguments of a kernel object are under a lock, until its launch is
// queued: a stream that waits holds up no other.
//
// Uploads of up to a mebibyte are copied to pinned memory and queued, so that the
// host goes on (6 µs in place of the 60 to 110 µs of a blocking write on PoCL, and a
// blocking write waits for all that is queued before). Larger ones wait. Downloads
// are queued, and the device keeps the slices they fill until it is known that it has
// filled them: the collector must not reuse their memory, even if nobody else wants it.
//
// # Failure
//
// A machine without the library, a platform or a device has the device absent, with
// the reason. Memory that runs out is hal.ErrOutOfMemory, after the pool gave back
// what it kept and the queue was waited for; drivers may allocate as late as a
// launch, so a command that is refused for want of memory is tried again likewise.
// What a caller gets wrong, a program that does not compile (the error has the
// compiler's log) and a command that is refused are errors that poison nothing: no
// work was half-done. A queue that fails, which shows when it is waited for, poisons
// the device: every call on every stream then returns the same hal.ErrDeviceLost.
//
// # Numbers
//
// Programs are compiled without any option that relaxes arithmetic. Where the
// device can, division and square root of floats are rounded correctly; elsewhere
// OpenCL allows 2.5 and 3 units in the last place.
package opencl
