package crease

import (
	"fmt"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Pick is a part of an index that takes the positions idx (i32 or i64) of an axis, in
// their order and as often as they come; negative ones count from the end. Several Picks
// in one index go together: they broadcast against each other and pick single positions,
// as arrays in an index of NumPy do. Their axes take the place of the axes picked from, or
// come first where these do not lie side by side.
func Pick(idx *Tensor) Range { return Range{kind: pickRange, idx: idx} }

// Mask is a part of an index that takes the positions at which a tensor of truth values is
// true. It covers as many axes as the mask has, whose sizes must agree, and makes one of
// them. How many there are is known only from the elements, so it cannot be compiled.
func Mask(m *Tensor) Range { return Range{kind: maskRange, idx: m} }

// picks reports whether an index has parts made of tensors.
func picks(ranges []Range) bool {
	return slices.ContainsFunc(ranges, func(r Range) bool { return r.kind == pickRange || r.kind == maskRange })
}

// picked is Slice for an index with Picks and Masks, which copies. As in PyTorch, all other
// parts are applied first.
func (t *Tensor) picked(ranges []Range) *Tensor {
	ranges = t.fill(ranges)
	return Tidy1(func() *Tensor {
		var plain []Range // the same index with whole axes for what picks
		var list []axisPick
		axis, at := 0, 0
		for _, r := range ranges {
			if r.kind != pickRange && r.kind != maskRange {
				plain = append(plain, r)
				if r.kind != newAxisRange {
					axis++
				}
				if r.kind != atRange {
					at++
				}
				continue
			}
			idx := []*Tensor{r.idx}
			if r.kind == maskRange {
				if have := t.Shape()[axis : axis+r.idx.Rank()]; !shape.Equal(have, r.idx.Shape()) {
					t.badIndex("the mask has shape %s, the axes that it covers are %s", shape.String(r.idx.Shape()), shape.String(have))
				}
				idx = r.idx.Nonzero().Unbind(1)
			}
			for _, x := range idx {
				plain, list = append(plain, All()), append(list, axisPick{x, at, r.kind == maskRange})
				axis, at = axis+1, at+1
			}
		}
		return t.Slice(plain...).takeTogether(list)
	})
}

// axisPick is the positions that are picked from an axis.
type axisPick struct {
	idx    *Tensor
	axis   int
	within bool // none counts from the end or lies outside
}

// badIndex panics for an index that does not fit the tensor.
func (t *Tensor) badIndex(format string, args ...any) {
	panic(&ops.ShapeError{Op: "slice", In: []ops.Spec{t.Spec()}, Rule: fmt.Sprintf(format, args...)})
}

// fill replaces Rest, or what is left at the end, by whole axes.
func (t *Tensor) fill(ranges []Range) []Range {
	used, rest := 0, -1
	for i, r := range ranges {
		switch r.kind {
		case spanRange, atRange:
			used++
		case pickRange, maskRange:
			if r.idx == nil {
				t.badIndex("part %d of the index is made of a nil tensor", i)
			}
			if r.kind == maskRange {
				if r.idx.DType() != dtype.Bool {
					t.badIndex("the mask is %s: it must be made of truth values, as comparisons are", r.idx.Spec())
				}
				used += r.idx.Rank()
				continue
			}
			if !slices.Contains(ops.Indices, r.idx.DType()) {
				t.badIndex("the picked positions are %s: they must be i64 or i32; a mask of truth values is given by Mask", r.idx.Spec())
			}
			used++
		case restRange:
			if rest >= 0 {
				t.badIndex("two Rests in one index")
			}
			rest = i
		}
	}
	if used > t.Rank() {
		t.badIndex("the index is for %d axes, there are %d", used, t.Rank())
	}
	before, after := ranges, []Range(nil)
	if rest >= 0 {
		before, after = ranges[:rest], ranges[rest+1:]
	}
	out := append(make([]Range, 0, len(ranges)+t.Rank()-used), before...)
	for range t.Rank() - used {
		out = append(out, All())
	}
	return append(out, after...)
}

// wrapped is positions of an axis of n elements in i64, with those that count from the end
// counted from the beginning. Those outside of the axis stay outside.
func (t *Tensor) wrapped(n int) *Tensor {
	idx, size := t.Cast(dtype.I64), float64(n)
	fromEnd := idx.Lt(idx.number(0)).And(idx.Ge(idx.number(-size)))
	idx = Where(fromEnd, idx.Add(idx.number(size)), idx)
	return Where(idx.Lt(idx.number(0)), idx.number(size), idx)
}

// takeTogether picks the positions of several axes that the elements of the picks, which
// broadcast, say together.
func (t *Tensor) takeTogether(list []axisPick) *Tensor {
	if len(list) == 0 {
		return t
	}
	dims := t.Shape()
	first := list[0].axis
	var axes []int
	for i, p := range list {
		if axes = append(axes, p.axis); p.axis != axes[0]+i {
			first = 0 // apart, so that the picked axes come first
		}
	}
	if len(list) == 1 {
		return t.Take(first, list[0].idx) // counts from the end and refuses what is outside
	}
	var order []int
	for a := range dims {
		if !slices.Contains(axes, a) {
			order = append(order, a)
		}
	}
	order = slices.Insert(order, first, axes...)
	// The positions on all axes as one number. A position outside of its axis must not
	// become another element.
	var at, out *Tensor
	total := 1
	for _, p := range list {
		x, n := p.idx, dims[p.axis]
		if !p.within {
			x = x.wrapped(n)
			over := x.Ge(x.number(float64(n)))
			if out != nil {
				over = out.Or(over)
			}
			out = over
		}
		if at != nil {
			x = at.Mul(x.number(float64(n))).Add(x)
		}
		at = x
		total *= n
	}
	if out != nil {
		at = Where(out, at.number(float64(total)), at)
	}
	moved := permuted(dims, order)
	flat := slices.Concat(moved[:first], []int{total}, moved[first+len(axes):])
	return t.Permute(order...).Reshape(flat...).Take(first, at)
}

// permuted is the elements of a list in an order.
func permuted[T any](list []T, order []int) []T {
	out := make([]T, len(order))
	for i, a := range order {
		out[i] = list[a]
	}
	return out
}

// Set changes the elements at an index, as x[...] = value in NumPy, to those of value,
// which broadcasts to what Slice gives for the index and is converted to the tensor's
// type. Where the index picks an element twice, the last value stays. Views of the tensor
// see the change, which is not recorded, see [Tensor.Assign]; [Tensor.With] is for gradients.
func (t *Tensor) Set(value *Tensor, index ...Range) {
	assignable(assign, 0, t)
	Tidy(func() []*Tensor {
		NoGrad(func() {
			if picks(index) {
				t.Assign(t.With(value, index...))
				return
			}
			part := t.Slice(index...)
			part.Assign(value.Cast(t.DType()).Expand(part.Shape()...))
		})
		return nil
	})
}

// With is a copy of the tensor with the elements at an index changed to those of value, as
// Set changes them. Gradients flow to value and to the elements that stay.
func (t *Tensor) With(value *Tensor, index ...Range) *Tensor {
	return Tidy1(func() *Tensor {
		if len(index) == 1 && index[0].kind == maskRange && value.Len() == 1 {
			t.fill(index) // checks the mask
			return t.whereMasked(index[0].idx, value.Cast(t.DType()).Reshape())
		}
		at := positions(t.dev, t.Len()).Reshape(t.Shape()...).Slice(index...)
		v := value.Cast(t.DType()).Expand(at.Shape()...).Reshape(at.Len())
		return t.Reshape(t.Len()).Scatter(0, at.Reshape(at.Len()), v).Reshape(t.Shape()...)
	})
}

// whereMasked is one value where a mask, which covers the first axes, is true. Unlike other
// masks in an index it can be compiled.
func (t *Tensor) whereMasked(mask, value *Tensor) *Tensor {
	dims := shape.Clone(t.Shape())
	if lead := dims[:mask.Rank()]; !shape.Equal(lead, mask.Shape()) {
		panic(&ops.ShapeError{Op: "with", In: ops.SpecsOf([]*Tensor{t, mask}), Rule: "the mask must have the sizes of the axes that it covers"})
	}
	for i := mask.Rank(); i < len(dims); i++ {
		dims[i] = 1
	}
	return Where(mask.Reshape(dims...), value, t)
}

// Scatter writes updates at indices along an axis, each at its own position on the others,
// as torch.scatter. Of several updates for one element the last one stays.
func (t *Tensor) Scatter(axis int, idx, updates *Tensor) *Tensor {
	return apply1(ops.Scatter, ops.ScatterAttrs{Axis: axis}, t, idx, updates)
}

// MaskedFill is the tensor with value where a mask of truth values, which broadcasts to
// its shape, is true.
func (t *Tensor) MaskedFill(mask *Tensor, value float64) *Tensor {
	if dims, err := shape.Broadcast(t.Shape(), mask.Shape()); err != nil || !shape.Equal(dims, t.Shape()) {
		panic(&ops.ShapeError{Op: "masked_fill", In: ops.SpecsOf([]*Tensor{t, mask}), Rule: "the mask must broadcast to the shape of the tensor"})
	}
	return Tidy1(func() *Tensor { return Where(mask, Full([]int{}, value, As(t.DType()), On(t.dev)), t) })
}

// MaskedSelect is the elements at which a mask of the tensor's shape is true, as one row.
// It cannot be compiled, see [Mask].
func (t *Tensor) MaskedSelect(mask *Tensor) *Tensor { return t.Slice(Mask(mask)) }
