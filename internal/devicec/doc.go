// Package devicec compiles the C of portable kernels to PTX, the assembly of NVIDIA's
// drivers, while a program runs. It takes the place of nvcc, clang and NVRTC for texts
// of one small dialect, so that neither who builds crease nor who uses it needs them.
//
// # The dialect
//
// One kernel, which takes pointers and then at most one structure by value, and
// functions, which are all inlined. Scalar types of C, one- and two-dimensional arrays,
// if, for, while, do, switch, break, continue and return, every operator of C but the
// comma's and the address-of, and a preprocessor with functions and ##. Threads are
// threadIdx, blockIdx, blockDim and gridDim; shared arrays are __shared__; __syncthreads
// is the barrier. Structures besides the parameter, goto, recursion and pointers to
// anything but global memory are errors.
//
// # Parts
//
//   - token.go and preprocess.go make tokens, type.go and node.go say what a program is
//     made of, parse.go, parse_statement.go and parse_expr.go make it.
//   - generate.go, statement.go, loop.go, expr.go, arith.go, memory.go and call.go walk
//     over it and emit instructions; value.go says what they compute with; emit.go keeps
//     them, reuses what is known already and drops what nobody reads.
//   - library.go has the functions of mathematics that PTX lacks, as text of the same
//     dialect: library/*.c.
//
// # What it optimises
//
// The driver's assembler allocates registers, schedules and simplifies. Done here is
// what it cannot do: loops whose counts are known are unrolled, so that the elements of
// small arrays are registers rather than memory, and constants decide branches.
//
// # How it fails
//
// A text outside of the dialect is an error with its line. Arithmetic is IEEE 754's:
// products and sums are rounded apart, divisions and roots correctly.
package devicec
