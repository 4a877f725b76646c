// Package cpu is the backend for the processor that runs the program.
//
// A device is one instruction-set level on a pool of threads: cpu/avx512,
// cpu/avx2 and cpu/generic on amd64, cpu/generic elsewhere; plain "cpu" is the
// best level of the machine. cpu@threads=N sets the number of threads
// (CREASE_THREADS sets the default). All levels share the kernels of this
// package, which differ in the vector primitives (package vec) and the matrix
// micro-kernel (package gemm) they are built on. Buffers are host memory from a
// caching pool, and streams run inline: when Launch returns, the work is done.
//
// A kernel file declares its kernels in an init function through [declare].
// Elementwise kernels are not written at all: package cpu interprets the scalar
// expression of any op row over strips that stay in the first-level cache.
//
// Work is cut by shape alone, never by the number of threads, and every sum has
// a fixed order, so results have the same bits for any number of threads.
package cpu
