package ops

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// Case is one set of inputs of an op. The same cases serve correctness on
// every device and gradient checks; a benchmark is a case too.
type Case struct {
	Name  string
	Attrs any
	In    []Arg
	// Types restricts the element types the case is run with; nil means those
	// of the row.
	Types []dtype.Type
	// NoGradCheck excludes the case from finite differences (the gradient is still
	// compared between paths): kinks inside the input range.
	NoGradCheck bool
}

// TypesIn returns the element types that the case of a row is run with.
func (c Case) TypesIn(op *Op) []dtype.Type {
	if c.Types != nil {
		return c.Types
	}
	return op.Types
}

// Arg describes an input.
type Arg struct {
	Shape []int
	// DType is the element type; Invalid means the one under test.
	DType dtype.Type
	// Values are drawn uniformly from [Lo, Hi); Lo = Hi = 0 stands for [-2, 2).
	// Integer types get whole numbers.
	Lo, Hi float64
	// Away keeps values at least Margin from each of these points (kinks).
	Away []float64
	// Distinct makes all values different by at least 0.01 (maxima, sorting).
	Distinct bool
	// Special mixes in NaN, infinities, zeros of both signs and subnormals.
	Special bool
}

// Margin is the distance Arg.Away keeps: wider than a finite-difference step.
const Margin = 0.05

// Specials are the values that Arg.Special mixes in.
var Specials = []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1e-40, -1e-40, 65504, 1e30, -1e30}

// Spec returns the element type and shape of the input, for element type t where the input
// has none of its own.
func (a Arg) Spec(t dtype.Type) Spec {
	if a.DType != dtype.Invalid {
		t = a.DType
	}
	return Spec{t, slices.Clone(a.Shape)}
}

// Make draws the input for element type t (used when DType is Invalid).
func (a Arg) Make(t dtype.Type, r *rand.Rand) Host {
	spec := a.Spec(t)
	t = spec.DType
	lo, hi := a.Lo, a.Hi
	if lo == 0 && hi == 0 {
		lo, hi = -2, 2
		if !t.IsFloat() {
			lo, hi = -8, 8
		}
	}
	if t.IsUnsigned() || t == dtype.Bool {
		lo = max(lo, 0)
		hi = max(hi, lo+1)
	}
	if t == dtype.Bool {
		hi = min(hi, 2)
	}
	h := NewHost(spec)
	n := h.Elements()
	order := r.Perm(n)
	for i := range n {
		v := lo + (hi-lo)*r.Float64()
		if a.Distinct {
			v = lo + (float64(order[i])+0.5)*max((hi-lo)/float64(n), 0.01)
		}
		for _, k := range a.Away {
			if math.Abs(v-k) < Margin {
				v = k + math.Copysign(Margin*(1+r.Float64()), v-k)
			}
		}
		if a.Special && i%3 == 1 && t.IsFloat() {
			v = Specials[(i/3)%len(Specials)]
		}
		if !t.IsFloat() {
			v = math.Floor(v)
		}
		h.Set(i, v)
	}
	return h
}

// Tolerance bounds |got-want| of a kernel against the reference, as a
// multiple of the element type's rounding unit.
type Tolerance struct {
	// ULP is the error in units in the last place of each result.
	ULP float64
	// Depth, when set, is the length of the longest sum behind a result. The
	// bound then grows with its square root and is taken against the largest
	// result in magnitude, because cancellation leaves small ones with the error of
	// large terms.
	Depth func(attrs any, in []Spec) int
	// Products says that the terms of those sums are products, as of matrices. Devices may
	// multiply in fewer bits than the operands have, and say so in hal.Info.Products; the
	// bound then grows. It needs a Depth.
	Products bool
	// Spread is for ops that divide by the spread of their input. The bound is for
	// operands that vary: where they do not, the quotient magnifies rounding beyond
	// any bound.
	Spread bool
}

// Bound is the allowed |got-want| on a device for a result whose reference is want,
// when the largest finite reference magnitude in the output is scale.
func (t Tolerance) Bound(dev hal.Info, dt dtype.Type, attrs any, in []Spec, want, scale float64) float64 {
	eps := Epsilon(dt)
	if eps == 0 {
		return 0
	}
	if t.Depth == nil {
		return eps*t.ULP*math.Abs(want) + t.ULP*smallest(dt)
	}
	depth := math.Sqrt(float64(max(t.Depth(attrs, in), 1)))
	large := max(math.Abs(want), scale)
	if !t.Products || len(dev.Products) == 0 {
		return eps * t.ULP * depth * max(large, 1)
	}
	multiply, accumulate := productEpsilons(dev, dt, in[0].DType)
	return max(eps, accumulate)*t.ULP*depth*max(large, 1) + productULP*multiply*max(large, depth)
}

// Epsilon is the distance from 1 to the next larger number of the type, 0 for
// types that are not floats.
func Epsilon(t dtype.Type) float64 {
	switch t {
	case dtype.F64:
		return 0x1p-52
	case dtype.F32:
		return 0x1p-23
	case dtype.F16:
		return 0x1p-10
	case dtype.BF16:
		return 0x1p-7
	case dtype.F8E4M3:
		return 0x1p-3
	case dtype.F8E5M2:
		return 0x1p-2
	}
	return 0
}

// smallest is the smallest normal number: below it results may be flushed or
// lose bits.
func smallest(t dtype.Type) float64 {
	switch t {
	case dtype.F64:
		return 0x1p-1022
	case dtype.F32, dtype.BF16:
		return 0x1p-126
	case dtype.F16, dtype.F8E5M2:
		return 0x1p-14
	case dtype.F8E4M3:
		return 0x1p-6
	}
	return 0
}
