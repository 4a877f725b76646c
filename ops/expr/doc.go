// Package expr is the scalar-expression language of elementwise operations.
//
// An elementwise op says what it computes for one element, in one line:
//
//	max(x0, 0)
//	where(x0 > 0, x0, p0 * x0)
//	x0 * (0.5 * erf(x0 * 0.7071067811865476) + 0.5)
//
// The reference, the vector interpreter and the device-kernel renderers all
// read that line, so it is written once; fusing two ops is substituting one
// expression into another.
//
// # Language
//
//	x0 … x9        the op's inputs
//	p0 … p9        its scalar attributes, bound when it is called
//	1, 0.5, 2e-3   numbers; also inf and nan
//	f(a, b)        a function: [Functions] lists them
//	- !            unary, binding tightest
//	* / %          then from tight to loose, all from left to right
//	+ -
//	< <= > >= == !=   which do not chain
//	&&
//	||
//
// Operators are other spellings of functions: a + b is add(a, b). A minus
// directly before a number belongs to the number.
//
// Comparisons, logic and the is… functions give truth values. Arithmetic takes
// numbers only: float(x0 > 0) makes a truth value the number 0 or 1. Where a
// truth value is wanted, a number counts as true unless it is 0, so NaN is
// true. An input may be either. && and || evaluate both sides.
//
// # Meaning on floats
//
// Every function is its IEEE 754 or C99 namesake, and the exceptions are these:
//
//   - max and min give NaN if an operand is NaN, as NumPy's maximum does. Which
//     zero the larger of -0 and 0 is, is unspecified.
//   - Comparisons with NaN are false, except that != is true.
//   - sign(±0) is ±0 and sign(NaN) is NaN; step(NaN) is 0.
//   - mod and % have the sign of the divisor, as in Python; modulo 0 is NaN.
//   - round takes halves to even.
//   - The bit functions band, bor, bxor, bnot, shl and shr are for integers
//     only: on floats they are NaN.
//
// [Eval] computes in float64. There is no fused multiply-add, so that an
// executor which rounds every step gets the same bits however steps are
// grouped.
//
// # Meaning on integers
//
// [EvalInt] computes in a width of up to 64 bits and never traps:
//
//   - Results wrap to the width. The lowest number is its own negative.
//   - Division truncates towards zero. Division by 0 and modulo 0 give 0.
//   - mod and % have the sign of the divisor.
//   - pow with a negative exponent is 0, except for the bases 1 and -1.
//   - Shifting by the width or more, or by a negative count, shifts all bits
//     out: 0 remains, or -1 where shr shifts a negative number.
//   - Constants and attributes lose their fraction and saturate to the width, so
//     that max(x0, -inf) is x0.
//   - floor, ceil, round, trunc and float change nothing.
//   - The functions that [Functions] does not mark Int go through float64: the
//     result is truncated and saturated. [Node.CheckInt] reports their use.
//
// # Parts
//
//   - node.go is the tree, print.go its canonical text, parse.go and lex.go the
//     way back.
//   - functions.go is the table of functions; float.go and int.go hold what they
//     compute.
//   - program.go turns a tree into register instructions for an executor that
//     runs each one over a strip of elements.
//
// # Failure
//
// [Parse] returns a [SyntaxError] that names the column. It accepts at most
// [MaxLength] bytes and [MaxDepth] levels, so text from outside cannot exhaust
// memory or the stack. Nodes may also be built by hand; [Node.Check] and
// [Node.Program] report a malformed one, while [Eval] and [EvalInt], called for
// every element, panic on it.
package expr
