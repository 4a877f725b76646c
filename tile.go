package crease

import (
	"fmt"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Split cuts an axis into views of size elements; the last one has what is left.
func (t *Tensor) Split(size, axis int) []*Tensor {
	axis = t.axis("split", axis)
	if size < 1 {
		panic(&ops.AttrError{Op: "split", Reason: fmt.Sprintf("the size of a part is %d, want at least 1", size)})
	}
	var sizes []int
	for rest := t.Shape()[axis]; rest > 0; rest -= size {
		sizes = append(sizes, min(size, rest))
	}
	if sizes == nil {
		sizes = []int{0} // as in PyTorch, an empty axis has one part
	}
	return t.SplitSizes(sizes, axis)
}

// SplitSizes cuts an axis into views of the given sizes, which add up to the axis.
func (t *Tensor) SplitSizes(sizes []int, axis int) []*Tensor {
	axis = t.axis("split", axis)
	rest := t.Shape()[axis]
	for _, n := range sizes {
		if n < 0 || n > rest {
			rest = -1
			break
		}
		rest -= n
	}
	if rest != 0 {
		panic(&ops.ShapeError{Op: "split", In: []ops.Spec{t.Spec()}, Rule: fmt.Sprintf("the sizes %v do not add up to axis %d, which has %d elements", sizes, axis, t.Shape()[axis])})
	}
	out, at := make([]*Tensor, len(sizes)), 0
	for i, n := range sizes {
		out[i] = t.Narrow(axis, at, n)
		at += n
	}
	return out
}

// Chunk cuts an axis into at most n views of one size; the last one may be smaller, and as
// in PyTorch there may be fewer of them.
func (t *Tensor) Chunk(n, axis int) []*Tensor {
	if n < 1 {
		panic(&ops.AttrError{Op: "chunk", Reason: fmt.Sprintf("%d parts asked for, want at least 1", n)})
	}
	size := (t.Dim(axis) + n - 1) / n
	return t.Split(max(1, size), axis)
}

// Unbind lists the slices along an axis, as views without it.
func (t *Tensor) Unbind(axis int) []*Tensor {
	axis = t.axis("unbind", axis)
	out := make([]*Tensor, t.Shape()[axis])
	for i := range out {
		out[i] = t.Slice(append(slices.Repeat([]Range{All()}, axis), At(i))...)
	}
	return out
}

// Repeat is the tensor laid out several times along each axis, as torch.Tensor.repeat and
// numpy.tile; more numbers than axes add axes in front.
func (t *Tensor) Repeat(times ...int) *Tensor {
	lead := len(times) - t.Rank()
	if lead < 0 || slices.Min(append([]int{0}, times...)) < 0 {
		panic(&ops.ShapeError{Op: "repeat", In: []ops.Spec{t.Spec()}, Rule: fmt.Sprintf("times is %v, want a number from 0 on for every axis", times)})
	}
	var apart, wide, dims []int
	for i, n := range times {
		d := 1
		if i >= lead {
			d = t.Shape()[i-lead]
		}
		apart, wide, dims = append(apart, 1, d), append(wide, n, d), append(dims, product("repeat", n, d))
	}
	return Tidy1(func() *Tensor { return t.Reshape(apart...).Expand(wide...).Reshape(dims...) })
}

// RepeatInterleave is the tensor with every element along an axis n times in a row, as
// torch.repeat_interleave and numpy.repeat.
func (t *Tensor) RepeatInterleave(n, axis int) *Tensor {
	axis = t.axis("repeat_interleave", axis)
	if n < 0 {
		panic(&ops.AttrError{Op: "repeat_interleave", Reason: fmt.Sprintf("%d repetitions asked for", n)})
	}
	dims := slices.Clone(t.Shape())
	wide := slices.Insert(slices.Clone(dims), axis+1, n)
	dims[axis] = product("repeat_interleave", dims[axis], n)
	return Tidy1(func() *Tensor { return t.Unsqueeze(axis + 1).Expand(wide...).Reshape(dims...) })
}

// product of two sizes, or a panic where it leaves the range of int.
func product(op string, a, b int) int {
	if b != 0 && a > 1<<62/b {
		panic(&ops.AttrError{Op: op, Reason: fmt.Sprintf("an axis of %d times %d elements is beyond any buffer", a, b)})
	}
	return a * b
}

// Roll moves the elements along an axis by shift places, those beyond the end to the
// beginning. A negative shift moves them towards the beginning.
func (t *Tensor) Roll(shift, axis int) *Tensor {
	axis = t.axis("roll", axis)
	n := t.Shape()[axis]
	if n == 0 {
		return t.Copy()
	}
	by := ((shift % n) + n) % n
	if by == 0 {
		return t.Copy()
	}
	return Tidy1(func() *Tensor { return Concat(axis, t.Narrow(axis, n-by, by), t.Narrow(axis, 0, n-by)) })
}

// Flip is a view with axes in reverse, all of them when none is given.
func (t *Tensor) Flip(axes ...int) *Tensor {
	if len(axes) == 0 {
		for i := range t.Rank() {
			axes = append(axes, i)
		}
	}
	parts := slices.Repeat([]Range{All()}, t.Rank())
	for _, a := range axes {
		parts[t.axis("flip", a)] = Span(Omit, Omit, -1)
	}
	return t.Slice(parts...)
}

// Tril is the lower triangle of the last two axes: elements more than offset to the right
// of the main diagonal become 0.
func (t *Tensor) Tril(offset int) *Tensor {
	return t.triangle("tril", func(right *Tensor) *Tensor { return right.Le(right.number(float64(offset))) })
}

// Triu is the upper triangle of the last two axes: elements less than offset to the right
// of the main diagonal become 0.
func (t *Tensor) Triu(offset int) *Tensor {
	return t.triangle("triu", func(right *Tensor) *Tensor { return right.Ge(right.number(float64(offset))) })
}

// triangle keeps the elements that keep is true for, given how far they are to the right
// of the main diagonal.
func (t *Tensor) triangle(op string, keep func(right *Tensor) *Tensor) *Tensor {
	rank := t.Rank()
	if rank < 2 {
		panic(&ops.ShapeError{Op: op, In: []ops.Spec{t.Spec()}, Rule: "needs at least two axes"})
	}
	rows, cols := t.Shape()[rank-2], t.Shape()[rank-1]
	return Tidy1(func() *Tensor {
		right := positions(t.dev, 1, cols).Sub(positions(t.dev, rows, 1))
		return Where(keep(right), t, t.number(0))
	})
}

// positions is 0, 1, 2 and so on, in i64 on a device, along the last axis of dims that is
// not 1.
func positions(d *Device, dims ...int) *Tensor {
	axis := len(dims) - 1
	for axis > 0 && dims[axis] == 1 {
		axis--
	}
	return options{dtype: dtype.I64, dev: d}.make(ops.Iota, ops.IotaAttrs{DType: dtype.I64, Shape: dims, Axis: axis})
}
