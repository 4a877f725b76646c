package num

import (
	"fmt"
	"math"
)

// Function is what the activation unit applies to a value.
type Function uint8

const (
	Identity Function = iota
	ReLU
	ReLU6 // clipped to [0, 6]
	Leaky // x below zero is multiplied by alpha
	Sigmoid
	Tanh
	GELU // by erf
	SiLU
	functions
)

var functionNames = [...]string{"identity", "relu", "relu6", "leaky", "sigmoid", "tanh", "gelu", "silu"}

func (f Function) String() string {
	if !f.Valid() {
		return fmt.Sprintf("Function(%d)", f)
	}
	return functionNames[f]
}

// Valid reports whether the function exists.
func (f Function) Valid() bool { return f < functions }

// Functions are the names of the functions in order.
func Functions() []string { return functionNames[:] }

// Apply computes f(x). Functions beyond comparisons and one product are computed in
// float64 and rounded once. NaN comes out as NaN.
func (f Function) Apply(x, alpha float32) float32 {
	switch f {
	case ReLU:
		return max(x, 0)
	case ReLU6:
		return min(max(x, 0), 6)
	case Leaky:
		if x < 0 {
			return x * alpha
		}
		return x
	case Sigmoid:
		return float32(1 / (1 + math.Exp(-float64(x))))
	case Tanh:
		return float32(math.Tanh(float64(x)))
	case GELU:
		y := float64(x)
		return float32(float64(0.5*y) * (1 + math.Erf(y/math.Sqrt2)))
	case SiLU:
		y := float64(x)
		return float32(y / (1 + math.Exp(-y)))
	}
	return x
}

// ApplyAll computes f of every value in its place.
func (f Function) ApplyAll(x []float32, alpha float32) {
	switch f {
	case Identity:
	case ReLU:
		for i, v := range x {
			x[i] = max(v, 0)
		}
	default:
		for i, v := range x {
			x[i] = f.Apply(v, alpha)
		}
	}
}
