package num

import "github.com/crease-ml/crease/internal/cpufeat"

// kernels is what one level of instructions offers. A tile kernel computes a full
// block of mr×nr sums over a number of steps: row r of the activations begins at
// a + r·lda bytes and gives 32 bits per step; the weights are steps×nr groups of 32
// bits; row r of c is at c + r·ldc bytes.
//
// With add, the sums are added to c, else they replace it. With load, each chain
// goes on from c. column holds nr numbers from which the sums begin.
type kernels struct {
	mr, nr int
	f32    func(steps int, a *byte, lda int, b *byte, c *float32, ldc int, load, add bool)
	s16    func(steps int, a *byte, lda int, b *byte, c *int32, ldc int, add bool)
	u8s8   func(steps int, a *byte, lda int, b *byte, c *int32, ldc int, column *int32, add bool) // nil if there is none

	// Conversions of n elements, n rounded up to a multiple of lanes by the caller.
	lanes     int
	widenBF16 func(dst, src *byte, n int) // to float32
	widenS8   func(dst, src *byte, n int) // to int16
	widenU8   func(dst, src *byte, n int)

	// flip8 copies n bytes, a multiple of flipLanes, each plus 128 modulo 256.
	flipLanes int
	flip8     func(dst, src *byte, n int)
}

// kernelsOf returns the kernels of a level, plain Go where the build has none.
func kernelsOf(level cpufeat.Level) *kernels {
	if k := assembled(level); k != nil && cpufeat.Available(level) {
		return k
	}
	return &generic
}
