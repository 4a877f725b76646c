// Package cuda is the CUDA backend: NVIDIA's GPUs, by the driver that is installed with
// them and nothing else. It needs no toolkit, no compiler and no cgo, neither to build
// nor to run: the portable kernels of package kernels are compiled to PTX by
// internal/devicec when they are first launched, and by the driver to the GPU's code.
//
// # Names
//
//	cuda                 the first GPU
//	cuda:1               by number, in the driver's order (CUDA_VISIBLE_DEVICES applies)
//	cuda:0@profile=1     with times of the device's clock in events (hal.Timer)
//	cuda@emulate         the same backend over an interpreter of PTX, on any machine
//
// CREASE_CUDA names the driver's library where it is not found by itself.
//
// # Parts
//
//   - driver/ is the driver's functions as an interface; libcuda/ is NVIDIA's library
//     behind it and emulate/ the interpreter.
//   - find.go lists and opens devices, device.go is one, info.go says what it is,
//     memory.go has its buffers and errors.go the meaning of codes.
//   - stream.go sends copies through the device's queue, staging.go what is uploaded,
//     download.go what is downloaded, launch.go programs, and event.go marks.
//   - program.go compiles programs.
//
// # Order
//
// A device has one stream of the driver, which all its streams of hal share, as in
// package opencl and for the same reason: memory that is freed on any stream can be
// used again at once, because whatever gets it is queued later. Blocks come from the
// driver's own pool, in the order of that stream.
//
// Uploads of up to a mebibyte and all downloads go through pinned memory, because the
// driver waits for what is queued before it copies to or from any other. A download
// arrives where it belongs when somebody waits for it.
//
// A thread has to be told the context before it calls the driver, and a goroutine moves
// between threads. So every use of a device holds its thread and tells it.
//
// # Failure
//
// A machine without the library or a GPU has the device absent, with the reason. Memory
// that runs out is hal.ErrOutOfMemory, after the pool has given back what it kept.
// Results that stay with the context (an illegal address, a launch that failed) poison
// the device: every call on every stream then returns the same hal.ErrDeviceLost. Other
// failures poison nothing.
package cuda
