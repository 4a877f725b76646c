package num

import "fmt"

// Precision is what an array multiplies.
type Precision uint8

const (
	Int8    Precision = iota // 8-bit activations and weights
	Int8x16                  // 16-bit activations, 8-bit weights: two passes
	Int16                    // 16-bit activations and weights: four passes
	BF16                     // bfloat16, sums in float32
)

var precisions = [...]string{"8x8", "8x16", "16x16", "bf16"}

func (p Precision) String() string {
	if int(p) >= len(precisions) {
		return fmt.Sprintf("Precision(%d)", p)
	}
	return precisions[p]
}

// ActivationBytes is the size of an activation.
func (p Precision) ActivationBytes() int { return 1 + b2i(p != Int8) }

// WeightBytes is the size of a weight.
func (p Precision) WeightBytes() int { return 1 + b2i(p == Int16 || p == BF16) }

// Passes is how often the array must see each row: 8-bit multipliers make 16-bit
// products piece by piece.
func (p Precision) Passes() int {
	switch p {
	case Int8x16:
		return 2
	case Int16:
		return 4
	}
	return 1
}

// Format is a precision and the signs of integers.
type Format struct {
	Precision
	SignedA, SignedW bool // activations, weights; bf16 has its own
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
