package nn

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
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

// TruncatedNormal is normal with a mean and a deviation, drawn again until it lies
// in [lo, hi]. The draw is made by the inverse of the distribution function, so
// that it takes one number for each element.
func TruncatedNormal(dims []int, mean, std, lo, hi float64, opts ...crease.Option) *crease.Tensor {
	if !(std > 0) || !(lo < hi) {
		panic(&ops.AttrError{Op: "truncated_normal", Reason: fmt.Sprintf("deviation %v and bounds [%v, %v]: want a positive deviation and lo < hi", std, lo, hi)})
	}
	below := func(x float64) float64 { return math.Erfc(-(x-mean)/(std*math.Sqrt2)) / 2 }
	u := crease.RandUniform(dims, below(lo), below(hi), append(opts[:len(opts):len(opts)], crease.As(dtype.F64))...)
	defer u.Free()
	h := u.Host()
	for i := range h.Elements() {
		h.Set(i, min(max(mean+std*math.Sqrt2*math.Erfinv(2*h.At(i)-1), lo), hi))
	}
	return placed(h, opts)
}

// Orthogonal fills a matrix, whose columns are all axes but the first, so that its
// rows or its columns, whichever are fewer, are orthogonal and have length gain
// (Saxe et al. 2014). They are normal vectors made orthogonal by the modified
// Gram-Schmidt process, in float64.
func Orthogonal(dims []int, gain float64, opts ...crease.Option) *crease.Tensor {
	if len(dims) < 2 {
		panic(&ops.AttrError{Op: "orthogonal", Reason: fmt.Sprintf("shape %v: want at least two axes", dims)})
	}
	n := crease.RandNormal(dims, 0, 1, append(opts[:len(opts):len(opts)], crease.As(dtype.F64))...)
	defer n.Free()
	h := n.Host()
	rows := dims[0]
	cols := h.Elements() / max(rows, 1)
	// vector i has its elements a step apart.
	count, length, first, step := rows, cols, cols, 1
	if rows > cols {
		count, length, first, step = cols, rows, 1, cols
	}
	for i := range count {
		for j := range i {
			d := 0.0
			for k := range length {
				d += h.At(i*first+k*step) * h.At(j*first+k*step)
			}
			for k := range length {
				h.Set(i*first+k*step, h.At(i*first+k*step)-d/(gain*gain)*h.At(j*first+k*step))
			}
		}
		norm := 0.0
		for k := range length {
			norm += h.At(i*first+k*step) * h.At(i*first+k*step)
		}
		for k := range length {
			h.Set(i*first+k*step, gain*h.At(i*first+k*step)/math.Sqrt(norm))
		}
	}
	return placed(h, opts)
}

// placed is a host array as the options want it: on their device, of their type.
func placed(h ops.Host, opts []crease.Option) *crease.Tensor {
	return crease.FromHost(h, append([]crease.Option{crease.As(dtype.F32)}, opts...)...)
}

// fanInUniform is PyTorch's default for weights and biases: uniform within
// 1/√fanIn.
func fanInUniform(dims []int, fanIn int, opts []crease.Option) *crease.Tensor {
	return param(KaimingUniform(dims, fanIn, 1/math.Sqrt(3), opts...))
}

// param makes a tensor a leaf that outlives every Tidy.
func param(t *crease.Tensor) *crease.Tensor { return t.RequireGrad().Keep() }

// dropped frees a parameter that a layer goes without, and is nil.
func dropped(t *crease.Tensor) *crease.Tensor {
	if t != nil {
		t.Free()
	}
	return nil
}
