package ops

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Check compares a result with the reference's under the row's tolerance, on a device
// that computes products in the precision of their operands, as most do. in are the
// specs of the call's inputs. NaN equals NaN.
func (op *Op) Check(attrs any, in []Spec, got, want Host) error {
	return op.CheckOn(hal.Info{}, attrs, in, got, want)
}

// CheckOn is Check for a result of any device, whose Info says how it computes products.
func (op *Op) CheckOn(dev hal.Info, attrs any, in []Spec, got, want Host) error {
	if !got.Spec.Equal(want.Spec) {
		return fmt.Errorf("%s: the result is %s, want %s", op.Name, got.Spec, want.Spec)
	}
	if !want.DType.IsFloat() {
		for i := range want.Elements() {
			if g, w := got.Int(i), want.Int(i); g != w {
				return fmt.Errorf("%s: element %d is %d, want %d (attributes %+v, inputs %v)", op.Name, i, g, w, attrs, in)
			}
		}
		return nil
	}
	return op.within(attrs, in, got, want, func(w, scale float64) float64 {
		return op.Tol.Bound(dev, want.DType, attrs, in, w, scale)
	})
}

// CheckGrad compares a device's gradient for input i of a call, in the input's type,
// with that of references, which may be in a wider one.
func (op *Op) CheckGrad(dev hal.Info, attrs any, in []Spec, i int, got, want Host) error {
	if !shape.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("%s: the gradient for input %d is %s, want %s", op.Name, i, got.Spec, want.Spec)
	}
	err := op.within(attrs, in, got, want, func(w, scale float64) float64 {
		return op.GradBound(dev, got.DType, attrs, in, i, w, scale)
	})
	if err != nil {
		return fmt.Errorf("gradient for input %d of %w", i, err)
	}
	return nil
}

// within compares floats under a bound that depends on the wanted one and the largest
// finite one.
func (op *Op) within(attrs any, in []Spec, got, want Host, bound func(w, scale float64) float64) error {
	scale := 0.0
	for i := range want.Elements() {
		if m := math.Abs(want.At(i)); m > scale && !math.IsInf(m, 1) {
			scale = m
		}
	}
	for i := range want.Elements() {
		g, w := got.At(i), want.At(i)
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		if b := bound(w, scale); !(math.Abs(g-w) <= b) {
			return fmt.Errorf("%s: element %d is %v, want %v within %.2g (attributes %+v, inputs %v)", op.Name, i, g, w, b, attrs, in)
		}
	}
	return nil
}
