package crease

import (
	"fmt"
	"math"
	"math/big"

	"github.com/crease-ml/crease/ops"
)

// Arange is the vector start, start+step ... up to and without stop. An integer type
// wants whole numbers for start and step and counts exactly; what passes its range wraps, as
// in PyTorch.
func Arange[N Number](start, stop, step N, opts ...Option) *Tensor {
	o := collect(opts)
	from, to, by := exactly(start), exactly(stop), exactly(step)
	if from == nil || to == nil || by == nil || by.Sign() == 0 {
		panic(&ops.AttrError{Op: "arange", Reason: "start, stop and step must be finite and step not 0"})
	}
	h := ops.NewHost(ops.Spec{DType: o.dtype, Shape: []int{stepsOf(start, stop, step)}})
	if o.dtype.IsInt() {
		first, each := whole(from), whole(by)
		for i := range h.Elements() {
			h.SetInt(i, int64(first+uint64(i)*each))
		}
		return o.finish(fromHost(h, o.dev))
	}
	for i := range h.Elements() {
		h.Set(i, float64(start)+float64(float64(i)*float64(step))) // two roundings on every processor
	}
	return o.finish(fromHost(h, o.dev))
}

// maxSteps bounds the length of a vector that is made on the host.
const maxSteps = 1 << 32

// stepsOf is the number of elements from start up to and without stop. Floats are
// counted as NumPy and PyTorch do: 0 to 1 by 0.1 is 10 elements, although the float64 next
// to 0.1 is a little more.
func stepsOf[N Number](start, stop, step N) int {
	n := math.Ceil((float64(stop) - float64(start)) / float64(step))
	if N(1)/2 == 0 { // integers, to the last digit
		q := new(big.Rat).Sub(exactly(stop), exactly(start))
		q.Quo(q, exactly(step))
		count := new(big.Int).Quo(q.Num(), q.Denom())
		if q.Sign() > 0 && !q.IsInt() {
			count.Add(count, big.NewInt(1))
		}
		n, _ = new(big.Float).SetInt(count).Float64()
	}
	if !(n <= maxSteps) {
		panic(&ops.AttrError{Op: "arange", Reason: "more than 2^32 elements"})
	}
	return int(max(n, 0))
}

// exactly is a number without rounding, nil for infinities and NaN.
func exactly[N Number](v N) *big.Rat {
	switch v := any(v).(type) {
	case uint:
		return new(big.Rat).SetUint64(uint64(v))
	case uint64:
		return new(big.Rat).SetUint64(v)
	case float32, float64:
	default:
		return new(big.Rat).SetInt64(int64(any(v).(N)))
	}
	return new(big.Rat).SetFloat64(float64(v))
}

// whole is a start or step of an integer type, as the low 64 bits of its two's complement.
func whole(v *big.Rat) uint64 {
	if f, _ := v.Float64(); !v.IsInt() || f < math.MinInt64 || f >= math.MaxUint64 {
		panic(&ops.AttrError{Op: "arange", Reason: fmt.Sprintf("%v is no integer of 64 bits; make a float vector and Cast it", f)})
	}
	if v.Sign() < 0 {
		return -new(big.Int).Neg(v.Num()).Uint64()
	}
	return v.Num().Uint64()
}

// Linspace is n evenly spaced numbers from lo to hi, both included to the last digit; of
// an integer type, truncated, which must have both in its range. One number is lo.
func Linspace(lo, hi float64, n int, opts ...Option) *Tensor {
	o := collect(opts)
	if n < 0 || n > maxSteps {
		panic(&ops.AttrError{Op: "linspace", Reason: "the number of elements is negative or above 2^32"})
	}
	for _, v := range []float64{lo, hi} {
		if o.dtype.IsInt() && ops.NotHeld(o.dtype, math.Trunc(v)) != "" {
			panic(&ops.AttrError{Op: "linspace", Reason: ops.NotHeld(o.dtype, math.Trunc(v))})
		}
	}
	h := ops.NewHost(ops.Spec{DType: o.dtype, Shape: []int{n}})
	last := float64(n - 1)
	huge := math.IsInf((hi-lo)*last, 0)
	for i := range n {
		k := float64(i)
		switch {
		case i == 0:
			h.Set(i, lo)
		case i == n-1:
			h.Set(i, hi)
		case huge:
			h.Set(i, lo*((last-k)/last)+hi*(k/last))
		default:
			h.Set(i, lo+(hi-lo)*k/last)
		}
	}
	return o.finish(fromHost(h, o.dev))
}
