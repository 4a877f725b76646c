// Package vec holds vector primitives over []float32: the instruction set of a
// strip-mined interpreter, the reductions, and the row kernels built from both.
//
// A strip is a piece of a tensor that fits in the first-level cache, about
// 2048 elements. An interpreter runs one primitive over the strip, then the
// next, so a chain of elementwise operations touches memory once although each
// primitive is a separate loop.
//
// # Parts
//
//   - [Funcs] is a table of primitives and [For] returns the table of one
//     instruction-set level.
//   - generic_*.go is plain Go. Arithmetic is float32; transcendental functions
//     are computed in float64 and rounded once, so this table is also the
//     accurate twin that the assembly is tested against.
//   - z_avx2_amd64.s and z_avx512_amd64.s are written by the generator in
//     cpu/_asm/vec, which describes each kernel once and emits it at either
//     vector width. Build with -tags noasm to leave both out.
//   - reduce.go, rows.go and optimizer.go compose primitives and do not depend
//     on the level.
//
// # Slices
//
// The length of dst (of the first operand where there is no dst) is the length
// of the operation; zero is allowed. The other operands must be at least that
// long: a shorter one is a programming error and panics with the runtime's
// bounds message before anything is written. dst may be the same slice as an
// operand; slices that overlap otherwise give unspecified values. No element
// outside the operation's length is read or written.
//
// # Bits
//
// Arithmetic, comparisons, rounding, reductions and optimiser steps give the
// same bits at every level: multiplications and additions are never contracted
// and each reduction has one order, fixed by the length alone (see [Funcs.Sum]).
//
// Exp, Exp2, Log, Log2, Tanh, Erf, Sigmoid and what is built from them (the
// gated units, SumExp and the softmax rows) use float32 polynomials at the AVX2
// and AVX512 levels. Both levels run the same operations. The largest error seen
// against float64 is 2 units in the last place for Sigmoid and 1 for the others;
// accuracy_test.go holds the limits. Silu is within 4 while its sigmoid is a
// normal number, and Gelu and GeluTanh, which cancel for negative a, are within
// |a|·2⁻²². Expm1, Log1p, Sin and Cos are computed in float64 at every level.
// NaN payloads, and the sign of a zero chosen by Min and Max, are unspecified.
//
// # Adding a primitive
//
// Add a field to [Funcs], a loop to the generic table, and, where speed needs
// it, a row to the generator's kernel list and to the tables in avx2_amd64.go
// and avx512_amd64.go; then run go generate. The tests walk the exported fields
// of a table, so a new one is compared with its generic twin without more.
package vec
