package ops

import "github.com/crease-ml/crease/dtype"

// Size is what an op is measured at: a number n and the element type. Its methods
// are the operands that rows make their benchmarks of, so that a size means the same
// for all of them. A size only ever becomes an axis: what axes multiply to is left to
// shape rules and to shape.Bytes, which refuse what is too large before memory is
// taken.
type Size struct {
	N     int
	DType dtype.Type
}

// Square is an n×n matrix.
func (s Size) Square() Arg { return Arg{Shape: []int{s.N, s.N}} }

// Vector is a row of n elements.
func (s Size) Vector() Arg { return Arg{Shape: []int{s.N}} }

// Scalar is one number.
func (s Size) Scalar() Arg { return Arg{Shape: []int{}} }

// Images are 16 pictures of 28×28 with n channels.
func (s Size) Images() Arg { return Arg{Shape: []int{16, s.N, 28, 28}} }

// HalfImages are what pooling by 2×2 makes of Images.
func (s Size) HalfImages() Arg { return Arg{Shape: []int{16, s.N, 14, 14}} }

// Filters are the 3×3 weights of a convolution from n channels to n.
func (s Size) Filters() Arg { return Arg{Shape: []int{s.N, s.N, 3, 3}} }

// Heads are n queries or keys of 64 elements in 8 heads of 4 samples.
func (s Size) Heads() Arg { return Arg{Shape: []int{4, 8, s.N, 64}, Lo: -1, Hi: 1} }

// Indices are whole numbers below n.
func (s Size) Indices(dims ...int) Arg { return Arg{Shape: dims, DType: dtype.I64, Hi: float64(s.N)} }

// Key is the seed and offset of random numbers.
func (s Size) Key() Arg { return Arg{Shape: []int{2}, DType: dtype.U64, Hi: 1000} }

// Wide is the element type that sums and states of the measured type are kept in.
func (s Size) Wide() dtype.Type { return s.DType.Wide() }

// As is the operand with an element type of its own, whichever is measured.
func (a Arg) As(t dtype.Type) Arg {
	a.DType = t
	return a
}

// Between is the operand with values from [lo, hi).
func (a Arg) Between(lo, hi float64) Arg {
	a.Lo, a.Hi = lo, hi
	return a
}

// BenchTypes are the element types that an op can be measured in: its own, or floats
// where its first operand has a type whatever is measured, as keys and indices have.
func (op *Op) BenchTypes() []dtype.Type {
	if in := op.Bench(Size{N: 1, DType: dtype.F32}).In; len(in) > 0 && in[0].DType == dtype.Invalid {
		return op.Types
	}
	return Floats
}

// derivedBench is the benchmark that follows from the rest of a row: that of a
// reduction is along the rows of a matrix, that of an elementwise op is its first case
// with matrices for operands and no special values. Nil means that none follows.
func derivedBench(op *Op) func(Size) Case {
	switch op.Attrs.(type) {
	case ReduceAttrs:
		return func(s Size) Case { return Case{Attrs: ReduceAttrs{Axes: []int{1}}, In: []Arg{s.Square()}} }
	case ArgAttrs:
		return func(s Size) Case { return Case{Attrs: ArgAttrs{Axis: 1}, In: []Arg{s.Square()}} }
	}
	if op.Expr == nil {
		return nil
	}
	first := op.Cases[0] // a row has cases
	return func(s Size) Case {
		c := Case{Attrs: first.Attrs}
		for _, a := range first.In {
			c.In = append(c.In, Arg{Shape: []int{s.N, s.N}, DType: a.DType, Lo: a.Lo, Hi: a.Hi})
		}
		return c
	}
}
