package scalar

import (
	"math"

	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// vector carries out an operation of the vector unit.
func (s *State) vector(op *isa.Op) {
	v := &op.Vector
	get := func(i, e int) float32 {
		switch {
		case i == 1 && v.Spread == isa.PerCol:
			e %= v.Cols
		case i == 1 && v.Spread == isa.PerRow:
			e /= v.Cols
		case i == 1 && v.Spread == isa.Scalar:
			return v.Imm
		}
		f, _ := number(s.Buffer[v.Src[i]+int64(e*v.SrcType[i].Size()):], v.SrcType[i])
		return f
	}
	out := make([]float32, v.Results())
	for e := range out {
		switch v.Fn {
		case isa.RowSum, isa.RowMax:
			out[e] = fold(v.Cols, s.cfg.Lanes, v.Fn == isa.RowMax, func(i int) float32 { return get(0, e*v.Cols+i) })
		case isa.ColSum, isa.ColMax:
			out[e] = fold(v.Rows, s.cfg.Sublanes, v.Fn == isa.ColMax, func(i int) float32 { return get(0, i*v.Cols+e) })
		case isa.Transpose:
			out[e] = get(0, e%v.Rows*v.Cols+e/v.Rows)
		default:
			x := [3]float32{get(0, e)}
			for i := 1; i < v.Fn.Sources(); i++ {
				x[i] = get(i, e)
			}
			out[e] = element(v.Fn, x)
		}
	}
	for e, f := range out {
		write(s.Buffer[v.Dst+int64(e*v.DstType.Size()):], f, v.DstType)
	}
}

// fold combines n values: first those that are width apart, one after the other,
// then the rest in halves.
func fold(n, width int, largest bool, get func(int) float32) float32 {
	combine := func(a, b float32) float32 {
		if !largest {
			return a + b
		}
		return larger(a, b)
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
	return lanes[0]
}

// larger is the larger of two values, NaN if one is that, +0 of two zeros if one is.
func larger(a, b float32) float32 {
	if a != a || b != b {
		return float32(math.NaN())
	}
	return float32(math.Max(float64(a), float64(b)))
}

func element(fn isa.VectorFn, x [3]float32) float32 {
	v := float64(x[0])
	switch fn {
	case isa.Neg:
		return float32(-v)
	case isa.Abs:
		return float32(math.Abs(v))
	case isa.Exp:
		return float32(math.Exp(v))
	case isa.Log:
		return float32(math.Log(v))
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
		return float32(v + float64(x[1]))
	case isa.Sub:
		return float32(v - float64(x[1]))
	case isa.Mul:
		return float32(v * float64(x[1]))
	case isa.Div:
		return float32(v / float64(x[1]))
	case isa.Max:
		return larger(x[0], x[1])
	case isa.Min:
		return -larger(-x[0], -x[1])
	case isa.Greater:
		if x[0] > x[1] {
			return 1
		}
		return 0
	case isa.MulAdd:
		return float32(float64(float32(v*float64(x[1]))) + float64(x[2]))
	case isa.Select:
		if x[0] == 0 {
			return x[2]
		}
		return x[1]
	}
	return x[0]
}
