package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// productULP bounds the error of a sum of products whose operands were rounded before,
// in units of that rounding for the root of the sum of the squared products. Two
// operands that are rounded to nearest put a product off by a unit at most, and by 0.3
// of one in the mean, in either direction, so that a sum is off by 0.3 of such roots in
// the mean. The largest of many results is not smaller than the root, and neither is the
// root of the depth for operands about 1, where the results have cancelled.
const productULP = 2

// productEpsilons is the rounding of operands before they are multiplied, 0 where it
// is that of the result or finer, and the rounding of sums. A product of a narrow type
// may be computed in the wide one, as that of attention's weights is.
func productEpsilons(dev hal.Info, result, operands dtype.Type) (multiply, accumulate float64) {
	for _, t := range []dtype.Type{operands, operands.Wide()} {
		p := dev.Products[t]
		if p.Multiply > 0 {
			multiply = max(multiply, math.Ldexp(1, 1-p.Multiply))
		}
		if p.Accumulate > 0 {
			accumulate = max(accumulate, math.Ldexp(1, 1-p.Accumulate))
		}
	}
	if multiply <= Epsilon(result) {
		multiply = 0
	}
	return multiply, accumulate
}
