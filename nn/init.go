package nn

import (
	"math"

	"github.com/crease-ml/crease"
)

// Initial weights. fanIn and fanOut are the numbers of inputs of one output and
// of outputs of one input; gain makes up for the activation that follows (√2 for
// relu, 5/3 for tanh, 1 for none).

// KaimingUniform is uniform with variance gain²/fanIn (He et al. 2015).
func KaimingUniform(dims []int, fanIn int, gain float64, opts ...crease.Option) *crease.Tensor {
	bound := gain * math.Sqrt(3/float64(fanIn))
	return crease.RandUniform(dims, -bound, bound, opts...)
}

// KaimingNormal is normal with variance gain²/fanIn (He et al. 2015).
func KaimingNormal(dims []int, fanIn int, gain float64, opts ...crease.Option) *crease.Tensor {
	return crease.RandNormal(dims, 0, gain/math.Sqrt(float64(fanIn)), opts...)
}

// XavierUniform is uniform with variance 2·gain²/(fanIn+fanOut) (Glorot, Bengio
// 2010).
func XavierUniform(dims []int, fanIn, fanOut int, gain float64, opts ...crease.Option) *crease.Tensor {
	bound := gain * math.Sqrt(6/float64(fanIn+fanOut))
	return crease.RandUniform(dims, -bound, bound, opts...)
}

// XavierNormal is normal with variance 2·gain²/(fanIn+fanOut) (Glorot, Bengio
// 2010).
func XavierNormal(dims []int, fanIn, fanOut int, gain float64, opts ...crease.Option) *crease.Tensor {
	return crease.RandNormal(dims, 0, gain*math.Sqrt(2/float64(fanIn+fanOut)), opts...)
}

// fanInUniform is PyTorch's default for weights and biases: uniform within
// 1/√fanIn.
func fanInUniform(dims []int, fanIn int, opts []crease.Option) *crease.Tensor {
	return param(KaimingUniform(dims, fanIn, 1/math.Sqrt(3), opts...))
}

// param makes a tensor a leaf that outlives every Tidy.
func param(t *crease.Tensor) *crease.Tensor { return t.RequireGrad().Keep() }
