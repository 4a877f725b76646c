package crease

import (
	"fmt"
	"math"
	"slices"

	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Reshape shows the elements in row-major order under another shape; one size
// may be -1. It shares memory where the strides allow and copies otherwise.
func (t *Tensor) Reshape(dims ...int) *Tensor {
	return apply1(ops.Reshape, ops.ReshapeAttrs{Shape: slices.Clone(dims)}, t)
}

// Flatten joins all axes from the given one on.
func (t *Tensor) Flatten(from int) *Tensor {
	a := t.axis("flatten", from)
	n := 1
	for _, d := range t.Shape()[a:] {
		n *= d
	}
	return t.Reshape(append(slices.Clone(t.Shape()[:a]), n)...)
}

// Permute is a view with the axes in another order.
func (t *Tensor) Permute(axes ...int) *Tensor {
	return apply1(ops.Permute, ops.PermuteAttrs{Axes: slices.Clone(axes)}, t)
}

// T is a view with the axes in reverse order, as in NumPy.
func (t *Tensor) T() *Tensor {
	axes := make([]int, t.Rank())
	for i := range axes {
		axes[i] = len(axes) - 1 - i
	}
	return t.Permute(axes...)
}

// Transpose is a view with two axes swapped.
func (t *Tensor) Transpose(a, b int) *Tensor {
	a, b = t.axis("transpose", a), t.axis("transpose", b)
	axes := make([]int, t.Rank())
	for i := range axes {
		axes[i] = i
	}
	axes[a], axes[b] = b, a
	return t.Permute(axes...)
}

// Expand is a view broadcast to a shape.
func (t *Tensor) Expand(dims ...int) *Tensor {
	return apply1(ops.Expand, ops.ExpandAttrs{Shape: slices.Clone(dims)}, t)
}

// Unsqueeze is a view with a new axis of size 1 before the given one.
func (t *Tensor) Unsqueeze(axis int) *Tensor {
	a, err := shape.Axis(axis, t.Rank()+1)
	if err != nil {
		panic(&ops.ShapeError{Op: "unsqueeze", In: []ops.Spec{t.Spec()}, Rule: err.Error()})
	}
	return t.Reshape(slices.Insert(slices.Clone(t.Shape()), a, 1)...)
}

// Squeeze is a view without the given axes, which must have size 1; without all
// axes of size 1 when none is given.
func (t *Tensor) Squeeze(axes ...int) *Tensor {
	drop := map[int]bool{}
	for _, a := range axes {
		a = t.axis("squeeze", a)
		if t.Shape()[a] != 1 {
			panic(&ops.ShapeError{Op: "squeeze", In: []ops.Spec{t.Spec()}, Rule: fmt.Sprintf("axis %d has size %d, not 1", a, t.Shape()[a])})
		}
		drop[a] = true
	}
	dims := []int{}
	for i, n := range t.Shape() {
		if drop[i] || len(axes) == 0 && n == 1 {
			continue
		}
		dims = append(dims, n)
	}
	return t.Reshape(dims...)
}

// Range is one part of an index: see [Span], [All], [At], [NewAxis], [Rest], [Pick] and
// [Mask].
type Range struct {
	kind              rangeKind
	start, stop, step int
	idx               *Tensor
}

type rangeKind uint8

const (
	spanRange rangeKind = iota
	atRange
	newAxisRange
	restRange
	pickRange
	maskRange
)

// Omit stands for a bound left out of a Span.
const Omit = math.MinInt

// Span is start:stop:step of Python. Negative bounds count from the end, bounds
// beyond it are clipped, and [Omit] leaves one out.
func Span(start, stop int, step ...int) Range {
	r := Range{kind: spanRange, start: start, stop: stop, step: 1}
	if len(step) > 0 {
		r.step = step[0]
	}
	return r
}

// All is the whole axis.
func All() Range { return Span(Omit, Omit) }

// At picks one position and drops the axis.
func At(i int) Range { return Range{kind: atRange, start: i} }

// NewAxis inserts an axis of size 1.
func NewAxis() Range { return Range{kind: newAxisRange} }

// Rest stands for as many whole axes as are not mentioned (Python's "...").
func Rest() Range { return Range{kind: restRange} }

// Slice is a view of a range on each axis, as x[...] in NumPy. Axes that are not
// mentioned are taken whole. An index with a [Pick] or a [Mask] copies.
func (t *Tensor) Slice(ranges ...Range) *Tensor {
	if picks(ranges) {
		return t.picked(ranges)
	}
	ranges = t.fill(ranges)
	k := len(ranges)
	room := make([]int, 4*k)
	a := ops.SliceAttrs{Start: room[:0:k], Count: room[k : k : 2*k], Step: room[2*k : 2*k : 3*k]}
	dims := room[3*k : 3*k]
	reshaped := false
	for _, r := range ranges {
		if r.kind == newAxisRange {
			dims, reshaped = append(dims, 1), true
			continue
		}
		axis := len(a.Start)
		n := t.Shape()[axis]
		if r.kind == atRange {
			i := r.start
			if i < 0 {
				i += n
			}
			if i < 0 || i >= n {
				t.badIndex("index %d is out of bounds for axis %d with size %d", r.start, axis, n)
			}
			a.Start, a.Count, a.Step = append(a.Start, i), append(a.Count, 1), append(a.Step, 1)
			reshaped = true
			continue
		}
		first, count, err := shape.Slice1(n, open(r.start, r.step < 0), open(r.stop, r.step > 0), r.step)
		if err != nil {
			t.badIndex("axis %d: %v", axis, err)
		}
		a.Start, a.Count, a.Step = append(a.Start, first), append(a.Count, count), append(a.Step, r.step)
		dims = append(dims, count)
	}
	if !reshaped {
		return apply1(ops.Slice, a, t)
	}
	part := apply1(ops.Slice, a, t)
	defer part.Free()
	return part.Reshape(dims...)
}

// open replaces an omitted bound by the far end of the int range, which is
// clipped to the axis.
func open(bound int, high bool) int {
	switch {
	case bound != Omit:
		return bound
	case high:
		return math.MaxInt
	}
	return math.MinInt
}

// Index is a view of one position on each of the leading axes, which are dropped.
func (t *Tensor) Index(at ...int) *Tensor {
	ranges := make([]Range, len(at))
	for i, p := range at {
		ranges[i] = At(p)
	}
	return t.Slice(ranges...)
}

// Narrow is a view of count elements from start on one axis.
func (t *Tensor) Narrow(axis, start, count int) *Tensor {
	axis = t.axis("narrow", axis)
	var a ops.SliceAttrs
	for i, n := range t.Shape() {
		if i == axis {
			a.Start, a.Count = append(a.Start, start), append(a.Count, count)
		} else {
			a.Start, a.Count = append(a.Start, 0), append(a.Count, n)
		}
	}
	return apply1(ops.Slice, a, t)
}
