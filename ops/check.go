package ops

import (
	"fmt"
	"math"
)

// Check compares a result with the reference's under the row's tolerance. in are
// the specs of the call's inputs. NaN equals NaN.
func (op *Op) Check(attrs any, in []Spec, got, want Host) error {
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
		if bound := op.Tol.Bound(want.DType, attrs, in, w, scale); !(math.Abs(g-w) <= bound) {
			return fmt.Errorf("%s: element %d is %v, want %v within %.2g (attributes %+v, inputs %v)", op.Name, i, g, w, bound, attrs, in)
		}
	}
	return nil
}
