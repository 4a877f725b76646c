package crease

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Cumsum is the running sum along an axis. Integers keep their type and wrap, truth
// values are counted in i64. ops.ScanAttrs has more: without the element itself, and from
// the end.
func (t *Tensor) Cumsum(axis int) *Tensor { return apply1(ops.Cumsum, ops.ScanAttrs{Axis: axis}, t) }

// Cumprod is the running product along an axis.
func (t *Tensor) Cumprod(axis int) *Tensor { return apply1(ops.Cumprod, ops.ScanAttrs{Axis: axis}, t) }

// Sort gives the elements in order along an axis, and their positions before in i64. Equal
// elements keep their order, NaN counts as larger than all numbers. Gradients flow to the
// elements.
func (t *Tensor) Sort(axis int, descending bool) (values, indices *Tensor) {
	out := Apply(ops.Sort, ops.SortAttrs{Axis: axis, Descending: descending}, t)
	return out[0], out[1]
}

// Argsort is the positions in i64 of the elements in their order along an axis, as Sort
// gives them.
func (t *Tensor) Argsort(axis int, descending bool) *Tensor {
	return apply1(ops.Argsort, ops.SortAttrs{Axis: axis, Descending: descending}, t)
}

// TopK gives the k largest elements along an axis, or the smallest, from the best on, and
// their positions in i64. Of equal elements the first comes first.
func (t *Tensor) TopK(k, axis int, largest bool) (values, indices *Tensor) {
	out := Apply(ops.TopK, ops.TopKAttrs{K: k, Axis: axis, Largest: largest, Sorted: true}, t)
	return out[0], out[1]
}

// Nonzero is a row of positions, one for every axis, for every element that is not 0, in
// row-major order: i64 [count, rank]. The result's size is known only from the elements,
// so they are read by the host, and a function that is being compiled cannot do it.
func (t *Tensor) Nonzero() *Tensor {
	t.wantElements("Nonzero")
	var list []int64
	n, dims := 0, t.Shape()
	truth := Tidy1(func() *Tensor { return t.Cast(dtype.Bool) })
	for i, is := range Data[bool](truth) {
		if !is {
			continue
		}
		n++
		at := make([]int64, len(dims))
		for a, rest := len(dims)-1, i; a >= 0; a-- {
			at[a], rest = int64(rest%dims[a]), rest/dims[a]
		}
		list = append(list, at...)
	}
	if truth != t {
		truth.Free()
	}
	return From(list, []int{n, len(dims)}, On(t.dev))
}

// wantElements refuses what depends on elements in a function that is being compiled.
func (t *Tensor) wantElements(what string) {
	if tr := tracing(); tr != nil {
		panic(tr.fail("the size of what %s gives depends on the elements of %s, which are known only when the function runs: call it outside, or compute with Where and a mask of a fixed size", what, t.Spec()))
	}
}

// Unique gives the different elements in ascending order, for every element of the tensor
// where in values it is (i64, of the tensor's shape), and how often each occurs (i64).
// Every NaN is an element of its own, as in PyTorch. Like Nonzero it cannot be compiled.
func (t *Tensor) Unique() (values, inverse, counts *Tensor) {
	t.wantElements("Unique")
	out := Tidy(func() []*Tensor {
		n := t.Len()
		if n == 0 {
			none := Zeros([]int{0}, As(dtype.I64), On(t.dev))
			return []*Tensor{t.Reshape(0).Copy(), none.Reshape(t.Shape()...).Copy(), none}
		}
		sorted, order := t.Detach().Reshape(n).Sort(0, false)
		starts := From([]bool{true}, nil, On(t.dev))
		if n > 1 {
			starts = Concat(0, starts, sorted.Narrow(0, 1, n-1).Ne(sorted.Narrow(0, 0, n-1)))
		}
		at := starts.Nonzero().Reshape(-1)
		kinds := at.Len()
		ends := Concat(0, at.Narrow(0, 1, kinds-1), From([]int64{int64(n)}, nil, On(t.dev)))
		number := starts.Cumsum(0).Sub(From([]int64{1}, nil, On(t.dev)))
		// order says where the sorted elements were; its own order says where they went.
		inverse := number.Take(0, order.Argsort(0, false)).Reshape(t.Shape()...)
		return []*Tensor{sorted.Take(0, at), inverse, ends.Sub(at)}
	})
	return out[0], out[1], out[2]
}
