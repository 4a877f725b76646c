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
// A kernel file declares its kernels in an init function through [declare]. A
// kernel is a [planner]: it looks at attributes, shapes and strides once, finds
// everything that follows from them, makes the functions that threads call, and
// returns a [task] whose run resolves memory and computes. A run allocates
// nothing: results of parts go to scratch that the task asked for, lines of a
// thread to pools. A task says which results may be written over which operands.
// The 16-bit floats run on the kernel of f32, widened in scratch.
//
// Elementwise kernels are not written at all: package cpu interprets the scalar
// expression of any op row over strips that stay in the first-level cache, and joins
// its cheap instructions into chains that stay in vector registers (map*.go).
//
// To add a kernel, write a planner, register it in its file's init, and run the
// package's tests: they compare every kernel with the reference of its row, launch
// it again and again on other memory, count what it allocates, and run it in place
// where it says so. A shape that takes a way of its own belongs into pathCases of the
// tests. An index out of range is an [ops.AttrError] of the run, before anything is
// written; everything else has been refused by the row.
//
// Work is cut by shape alone, never by the number of threads, and every sum has
// a fixed order, so results have the same bits for any number of threads.
package cpu
