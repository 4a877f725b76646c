package scalar

import (
	"math"

	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// fold combines n values: first those that are width apart, one after the other,
// then the rest in halves. how is the distance from the sum in the list of operations.
func fold(n, width int, how isa.VectorFn, get func(int) float32) float32 {
	combine := func(a, b float32) float32 {
		switch how {
		case 0:
			return a + b
		case 1:
			return a * b
		case 2:
			return larger(a, b)
		}
		return -larger(-a, -b)
	}
	var lanes []float32
	for i := range n {
		if i < width {
			lanes = append(lanes, get(i))
		} else {
			lanes[i%width] = combine(lanes[i%width], get(i))
		}
	}
	for len(lanes) > 1 {
		half := (len(lanes) + 1) / 2
		for i := half; i < len(lanes); i++ {
			lanes[i-half] = combine(lanes[i-half], lanes[i])
		}
		lanes = lanes[:half]
	}
	if how >= 2 {
		return positive(lanes[0])
	}
	return lanes[0]
}

// positive is a value with +0 for a zero.
func positive(f float32) float32 {
	if f == 0 {
		return 0
	}
	return f
}

// larger is the larger of two values, NaN if one is that.
func larger(a, b float32) float32 {
	if a != a || b != b {
		return float32(math.NaN())
	}
	return float32(math.Max(float64(a), float64(b)))
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

func element(fn isa.VectorFn, x [3]float32) float32 {
	v, w := float64(x[0]), float64(x[1])
	switch fn {
	case isa.Neg:
		return float32(-v)
	case isa.Abs:
		return float32(math.Abs(v))
	case isa.Sign:
		if x[0] == 0 || x[0] != x[0] {
			return x[0]
		}
		return float32(math.Copysign(1, v))
	case isa.Floor:
		return float32(math.Floor(v))
	case isa.Ceil:
		return float32(math.Ceil(v))
	case isa.Round:
		return float32(math.RoundToEven(v))
	case isa.Trunc:
		return float32(math.Trunc(v))
	case isa.Exp:
		return float32(math.Exp(v))
	case isa.Exp2:
		return float32(math.Exp2(v))
	case isa.Expm1:
		return float32(math.Expm1(v))
	case isa.Log:
		return float32(math.Log(v))
	case isa.Log2:
		return float32(math.Log2(v))
	case isa.Log1p:
		return float32(math.Log1p(v))
	case isa.Sin:
		return float32(math.Sin(v))
	case isa.Cos:
		return float32(math.Cos(v))
	case isa.Erf:
		return float32(math.Erf(v))
	case isa.Rcp:
		return float32(1 / v)
	case isa.Rsqrt:
		return float32(1 / math.Sqrt(v))
	case isa.Sqrt:
		return float32(math.Sqrt(v))
	case isa.VTanh:
		return function(num.Tanh, x[0], 0)
	case isa.VSigmoid:
		return function(num.Sigmoid, x[0], 0)
	case isa.VGELU:
		return function(num.GELU, x[0], 0)
	case isa.Add:
		return float32(v + w)
	case isa.Sub:
		return float32(v - w)
	case isa.Mul:
		return float32(v * w)
	case isa.Div:
		return float32(v / w)
	case isa.Max:
		return positive(larger(x[0], x[1]))
	case isa.Min:
		return positive(-larger(-x[0], -x[1]))
	case isa.Greater:
		return truth(v > w)
	case isa.GreaterEq:
		return truth(v >= w)
	case isa.Equal:
		return truth(v == w)
	case isa.NotEqual:
		return truth(v != w)
	case isa.Pow:
		return float32(math.Pow(v, w))
	case isa.Mod:
		r := math.Mod(v, w)
		switch {
		case r == 0:
			return float32(math.Copysign(0, w))
		case math.Signbit(r) != math.Signbit(w) && r == r:
			r += w
		}
		return float32(r)
	case isa.MulAdd:
		return float32(float64(float32(v*w)) + float64(x[2]))
	case isa.Select:
		if x[0] == 0 {
			return x[2]
		}
		return x[1]
	}
	return x[0]
}
