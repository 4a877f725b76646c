package nn

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Rotary turns vectors by angles that grow with their position, so that the
// product of two depends on their distance (Su et al. 2021). Element i goes with
// element i+D/2, as in Llama, and turns by base^(-2i/D) for each position.
type Rotary struct{ cos, sin *crease.Tensor } // [length, D]

// NewRotary is for vectors of an even number of elements dim, at length positions
// at most; the usual base is 10,000.
func NewRotary(dim, length int, base float64, opts ...crease.Option) *Rotary {
	if dim < 2 || dim%2 != 0 || length < 1 || !(base > 0) {
		panic(&ops.AttrError{Op: "rotary", Reason: fmt.Sprintf("vectors of %d, %d positions and base %v: want an even number, and positive ones", dim, length, base)})
	}
	cos := ops.NewHost(ops.Spec{DType: dtype.F32, Shape: []int{length, dim}})
	sin := ops.NewHost(cos.Spec)
	half := dim / 2
	for at := range length {
		for i := range half {
			angle := float64(at) * math.Pow(base, -float64(i)/float64(half))
			for _, k := range []int{at*dim + i, at*dim + i + half} {
				cos.Set(k, math.Cos(angle))
				sin.Set(k, math.Sin(angle))
			}
		}
	}
	return &Rotary{placed(cos, opts).Keep(), placed(sin, opts).Keep()}
}

// Turn turns x [..., L, D], whose first position is at. The tables move to x's device.
func (r *Rotary) Turn(x *crease.Tensor, at int) *crease.Tensor {
	n, d := x.Dim(-2), x.Dim(-1)
	if at < 0 || at+n > r.cos.Dim(0) || d != r.cos.Dim(1) {
		panic(&ops.ShapeError{Op: "rotary", In: []ops.Spec{x.Spec()}, Rule: fmt.Sprintf("from position %d on does not fit %d positions of %d elements", at, r.cos.Dim(0), r.cos.Dim(1))})
	}
	// The tables are no state, so nobody else takes them along when a model is moved.
	r.cos.Move(x.Device())
	r.sin.Move(x.Device())
	return crease.Tidy1(func() *crease.Tensor {
		other := crease.Concat(-1, x.Narrow(-1, d/2, d/2).Neg(), x.Narrow(-1, 0, d/2))
		cos, sin := r.cos.Narrow(0, at, n).Cast(x.DType()), r.sin.Narrow(0, at, n).Cast(x.DType())
		return x.Mul(cos).Add(other.Mul(sin))
	})
}
