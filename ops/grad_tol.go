package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// gradULP is what a gradient may be off for its own sums and products, in units in the
// last place and for each root of its depth: twice what a sum may be.
const gradULP = 8

// GradBound is the allowed error on a device of an element of the gradient for input i
// that should be want, when the largest finite one is scale. It grows with the root of the depth
// and is taken against the largest element, as that of a sum: see Tolerance.Depth.
//
// Where a row says nothing, its ULP is gradULP and twice that of Tol, because a rule
// multiplies two values, each of which may be as far off as the op's own result; and
// its depth that of gradDepth.
func (op *Op) GradBound(dev hal.Info, t dtype.Type, attrs any, in []Spec, i int, want, scale float64) float64 {
	tol := op.GradTol
	if tol.Depth == nil {
		tol.Depth = func(attrs any, in []Spec) int { return op.gradDepth(attrs, in, i) }
	}
	return tol.Bound(dev, t, attrs, in, want, scale)
}

// gradDepth is the length of the sums behind the gradient for input i. Every result is
// a sum of Tol.Depth terms; each term is in the gradient of one element of the input,
// which so has its share of all terms, and at most one for every result. A rule may
// repeat the sums of the op too, as those of normalisations do.
func (op *Op) gradDepth(attrs any, in []Spec, i int) int {
	depth := 1
	if op.Tol.Depth != nil {
		depth = max(op.Tol.Depth(attrs, in), 1)
	}
	outs, err := op.Specs(attrs, in)
	if err != nil {
		panic(err) // a call that has a gradient was accepted
	}
	results := 0
	for _, s := range outs {
		if s.DType.IsFloat() {
			results += s.Elements()
		}
	}
	share := float64(results) * float64(depth) / float64(max(in[i].Elements(), 1))
	return max(depth, int(math.Ceil(min(share, float64(results)))))
}
