// Package ops is the table of operations: one row holds all that the project
// knows of one of them. Eager execution, graphs, reverse mode, every backend,
// the tests and the benchmarks read the same rows.
//
// # Reading the table
//
// A row is a package variable, Add or MatMul, and is found by name with Get.
// Rows are applied through a Builder, which runs or records them:
//
//	y := ops.MatMul.Of(b, x, w)
//	s := ops.Sum.With(b, ops.ReduceAttrs{Axes: []int{-1}}, y)
//
// Specs gives the shape and type of the result without computing it. The
// Interpreter is a Builder that computes with the references on host memory: it
// is slow, needs no device, and is what everything else is compared with.
//
// # Kinds
//
// A core row needs a kernel on every backend (or falls back to the host). A view
// only changes shape, strides and offset. A composite has a lowering to simpler
// rows, so it works everywhere at once and a backend adds a kernel for speed.
//
// # Writing a row
//
// Rows refer to each other, so they are assigned in init functions:
//
//	var Cube *Op
//
//	func init() {
//		Cube = Elementwise(Op{
//			Name: "cube", Doc: "x cubed.", Inputs: "x", Types: Floats,
//			Saves: In(0),
//			Grad: gradient(func(b Builder, d, x, y Value) Value {
//				return Mul.Of(b, d, Scaled(b, Mul.Of(b, x, x), 3, 0))
//			}),
//			Tol:   Tolerance{ULP: 2},
//			Cases: unaryCases(Arg{}),
//		}, "x0 * x0 * x0")
//	}
//
// For an elementwise op the expression is enough: reference, cost, kernels, the
// benchmark (Bench) and the promotion of operands (Promotes) follow from it. Its name
// gives the method of Tensor (GoName, Method), its tolerance that of its gradient
// (GradTol). A row that differs says so in these fields, for no package but those of
// kernels knows ops by name. Other rows give an Infer rule that refuses bad input with an
// error naming the input and the axis, and a Ref in plain loops that accumulates
// in float64. A gradient is written in other rows, so that it can be
// differentiated again, reads only what Saves names, and uses GradCall.Needs to
// skip work nobody asked for. Where no gradient exists NoGrad says why; where it
// is zero by mathematics the rule returns zeros.
//
// # Failing
//
// Misuse is a *UsageError, *ShapeError, *DTypeError or *AttrError naming the op, its inputs
// and the rule it breaks: returned by Specs, panicked by builders. An index out
// of range is found only when the op runs and panics in the reference with an
// *AttrError. An incomplete row stops the program at start.
package ops
