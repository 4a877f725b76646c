package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Sets of element types that rows are defined on.
var (
	Floats  = []dtype.Type{dtype.F64, dtype.F32, dtype.F16, dtype.BF16}
	Signed  = []dtype.Type{dtype.I64, dtype.I32, dtype.I16, dtype.I8}
	Ints    = append(append([]dtype.Type{}, Signed...), dtype.U64, dtype.U32, dtype.U16, dtype.U8)
	Numbers = append(append([]dtype.Type{}, Floats...), Ints...)
	Any     = append(append([]dtype.Type{}, Numbers...), dtype.Bool)
	Bools   = []dtype.Type{dtype.Bool}
	// Indices are the types of index inputs.
	Indices = []dtype.Type{dtype.I64, dtype.I32}
	// Stored adds the types that can only be held and converted.
	Stored = append(append([]dtype.Type{}, Any...), dtype.F8E4M3, dtype.F8E5M2)
)

// sameInfer is the rule of ops whose output is like their first input.
func sameInfer(_ any, in []Spec) ([]Spec, error) { return []Spec{in[0]}, nil }

// sameTypes refuses inputs of differing element types.
func sameTypes(in []Spec) error {
	for _, s := range in {
		if s.DType != in[0].DType {
			return typeErr("element types differ: Cast one of them")
		}
	}
	return nil
}

// wantRank refuses an input of another rank.
func wantRank(in []Spec, i, rank int, form string) error {
	if len(in[i].Shape) != rank {
		return shapeErr("input %d must have rank %d, %s", i, rank, form)
	}
	return nil
}

// moveCost is the cost of ops that only move data.
func moveCost(_ any, in, out []Spec) Cost { return Cost{Bytes: traffic(in, out)} }

// flopsPer is the cost of ops with a number of operations per output element.
func flopsPer(flops float64) func(any, []Spec, []Spec) Cost {
	return func(_ any, in, out []Spec) Cost {
		return Cost{Flops: flops * float64(out[0].Elements()), Bytes: traffic(in, out)}
	}
}

func traffic(in, out []Spec) (bytes float64) {
	for _, s := range in {
		bytes += float64(s.Bytes())
	}
	for _, s := range out {
		bytes += float64(s.Bytes())
	}
	return bytes
}

// elements is the product of the given axes' sizes.
func elements(dims []int, axes []int) int {
	n := 1
	for _, a := range axes {
		n *= dims[a]
	}
	return n
}

// indexer walks broadcast operands in row-major order of the output.
func indexer(out []int, in ...[]int) *shape.Iterator {
	strides := make([][]int, len(in))
	for i, dims := range in {
		s, err := shape.BroadcastStrides(dims, shape.Strides(dims), out)
		if err != nil {
			panic(err) // the shape rule has accepted these shapes
		}
		strides[i] = s
	}
	return shape.NewIterator(out, strides...)
}
