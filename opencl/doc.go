// Package opencl is the OpenCL backend: any OpenCL 1.2 device becomes a device of
// crease and runs the portable kernels of package kernels.
//
// # Names
//
//	opencl            the first device
//	opencl:1          by number, over all platforms in order
//	opencl:pocl       by a part of the platform's or device's name
//
// # Parts
//
//   - library.go opens the OpenCL library at run time, without cgo, and holds its
//     functions; CREASE_OPENCL names another library file. query.go asks platforms
//     and devices what they are.
//   - driver.go finds and opens devices; device.go is one, memory.go its buffers.
//   - stream.go queues copies and kernels, event.go marks points in the queue.
//   - program.go compiles programs and cache.go keeps the results on disk.
//
// # Order
//
// A device has one in-order queue, which all its streams share under a lock. So
// memory that is freed on any stream can be used again at once by what is queued
// later, and streams need no events among each other. What is lost is overlap of
// copies and kernels, which a queue for copies could give back.
//
// # Failure
//
// A machine without the library, a platform or a device has the device absent,
// with the reason. A failed allocation is hal.ErrOutOfMemory after the pool gave
// back what it kept. A command that fails when it is queued or when the queue is
// waited for poisons its stream. A program that does not compile is an error with
// the compiler's log and poisons nothing.
package opencl
