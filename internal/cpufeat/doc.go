// Package cpufeat decides which instruction set the hand-written kernels use.
//
// A [Level] names a set of kernels, not a single CPU flag: AVX2 means AVX2 with
// FMA, AVX512 means the F, BW, DQ and VL subsets together. [Best] is the highest
// level this machine and this build can run. Builds with the tag noasm, and
// processors other than amd64, have [Generic] only.
//
// The environment variable CREASE_CPU_MAX (generic, avx2 or avx512) lowers the
// ceiling, to reproduce another machine's results or to isolate a kernel. It can
// never raise it. A value that is not a level leaves the ceiling alone and is
// reported by [Err], so that a command can refuse to start with a clear message.
package cpufeat
