package crease

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Square is t·t.
func (t *Tensor) Square() *Tensor { return apply1(ops.Mul, nil, t, t) }

// Var is the variance over axes (all when none is given) with n-correction in
// the denominator: 1 for the sample variance, 0 for the population's.
func (t *Tensor) Var(correction int, axes ...int) *Tensor {
	return apply1(ops.Var, ops.VarAttrs{Axes: axes, Correction: correction}, t)
}

// Std is the square root of Var.
func (t *Tensor) Std(correction int, axes ...int) *Tensor {
	return Tidy1(func() *Tensor { return t.Var(correction, axes...).Sqrt() })
}

// Clamp limits the elements to lo..hi; NaN stays.
func (t *Tensor) Clamp(lo, hi float64) *Tensor {
	return apply1(ops.Clamp, ops.ClampAttrs{Lo: lo, Hi: hi}, t)
}

// LeakyRelu is t where positive, else slope·t.
func (t *Tensor) LeakyRelu(slope float64) *Tensor {
	return apply1(ops.LeakyRelu, ops.LeakyReluAttrs{Slope: slope}, t)
}

// Pad adds lo and hi elements of a value before and after each axis; negative
// numbers remove elements. An integer type must hold the value, see [Tensor.PadInt].
func (t *Tensor) Pad(lo, hi []int, value float64) *Tensor {
	return apply1(ops.Pad, ops.PadAttrs{Lo: lo, Hi: hi, Value: value}, t)
}

// PadInt is Pad by an integer, all of whose digits a 64-bit element keeps.
func (t *Tensor) PadInt(lo, hi []int, value int64) *Tensor {
	n := element(value, t.DType())
	return apply1(ops.Pad, ops.PadAttrs{Lo: lo, Hi: hi, Value: n.Value, Int: n.Int}, t)
}

// Take picks the slices of an axis at the indices idx (i32 or i64), whose axes
// take the place of that axis.
func (t *Tensor) Take(axis int, idx *Tensor) *Tensor {
	return apply1(ops.Take, ops.TakeAttrs{Axis: axis}, t, idx)
}

// Gather picks one element per index along an axis, as torch.gather.
func (t *Tensor) Gather(axis int, idx *Tensor) *Tensor {
	return apply1(ops.Gather, ops.GatherAttrs{Axis: axis}, t, idx)
}

// ScatterAdd adds updates at indices along an axis, as torch.scatter_add.
func (t *Tensor) ScatterAdd(axis int, idx, updates *Tensor) *Tensor {
	return apply1(ops.ScatterAdd, ops.ScatterAttrs{Axis: axis}, t, idx, updates)
}

// OneHot is a row of numbers for every class number, 1 at the class and 0 elsewhere: float32 unless
// As says otherwise. A number that is none of the classes is an *ops.AttrError.
func (t *Tensor) OneHot(classes int, opts ...Option) *Tensor {
	o := options{dtype: dtype.F32}
	for _, f := range opts {
		f(&o)
	}
	return apply1(ops.OneHot, ops.OneHotAttrs{Classes: classes, DType: o.dtype}, t)
}

// Linear is t·wᵀ + bias for t [..., in], w [out, in] and bias [out] or nil.
func (t *Tensor) Linear(w, bias *Tensor) *Tensor {
	if bias == nil {
		return apply1(ops.Linear, ops.LinearAttrs{}, t, w)
	}
	return apply1(ops.Linear, ops.LinearAttrs{}, t, w, bias)
}
