package gemm

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/cpu/vec"
)

// Activation is a function applied to each element of the finished product.
type Activation int

const (
	None    Activation = iota
	Relu               // max(x, 0); NaN stays NaN
	Tanh               // hyperbolic tangent
	Sigmoid            // 1/(1+exp(-x))
)

// EpilogueOf is applied to C once the whole sum over k is there, while the tile is
// in cache: C = act(C + BiasN[j] + BiasM[i]). With accumulate set, the sum includes
// the former C. A nil bias is left out.
type EpilogueOf[T Float] struct {
	BiasN []T // one per column, length N
	BiasM []T // one per row, length M
	Act   Activation
}

// Epilogue is the epilogue of float32 products.
type Epilogue = EpilogueOf[float32]

func (e *EpilogueOf[T]) check(m, n int) {
	if e.BiasN != nil && len(e.BiasN) != n {
		panic(fmt.Sprintf("gemm: epilogue BiasN has %d elements for %d columns", len(e.BiasN), n))
	}
	if e.BiasM != nil && len(e.BiasM) != m {
		panic(fmt.Sprintf("gemm: epilogue BiasM has %d elements for %d rows", len(e.BiasM), m))
	}
	if e.Act < None || e.Act > Sigmoid {
		panic(fmt.Sprintf("gemm: epilogue has unknown activation %d", e.Act))
	}
}

// apply finishes rows i0 … i1-1, columns j0 … j1-1 of C.
func (e *EpilogueOf[T]) apply(f *vec.Funcs, c []T, ldc, i0, i1, j0, j1 int) {
	for i := i0; i < i1; i++ {
		row := c[i*ldc+j0 : i*ldc+j1]
		var biasN, biasM []T
		if e.BiasN != nil {
			biasN = e.BiasN[j0:j1]
		}
		if e.BiasM != nil {
			biasM = e.BiasM[i : i+1]
		}
		switch row := any(row).(type) {
		case []float32:
			finish32(f, row, any(biasN).([]float32), any(biasM).([]float32), e.Act)
		case []float64:
			finish64(row, any(biasN).([]float64), any(biasM).([]float64), e.Act)
		}
	}
}

func finish32(f *vec.Funcs, row, biasN, biasM []float32, act Activation) {
	if biasN != nil {
		f.Add(row, row, biasN)
	}
	if biasM != nil {
		f.AddS(row, row, biasM[0])
	}
	Activate(f, row, act)
}

func finish64(row, biasN, biasM []float64, act Activation) {
	for j := range row {
		if biasN != nil {
			row[j] += biasN[j]
		}
		if biasM != nil {
			row[j] += biasM[0]
		}
	}
	Activate(nil, row, act)
}

// Activate applies an activation to every element. f is used for float32 only.
func Activate[T Float](f *vec.Funcs, x []T, act Activation) {
	if x, single := any(x).([]float32); single {
		switch act {
		case Relu:
			f.MaxS(x, x, 0) // as the row computes it: the bits of zeros too
		case Tanh:
			f.Tanh(x, x)
		case Sigmoid:
			f.Sigmoid(x, x)
		}
		return
	}
	for i, v := range x {
		switch act {
		case Relu:
			x[i] = max(v, 0)
		case Tanh:
			x[i] = T(math.Tanh(float64(v)))
		case Sigmoid:
			x[i] = T(1 / (1 + math.Exp(-float64(v))))
		}
	}
}
