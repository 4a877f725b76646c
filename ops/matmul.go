package ops

import (
	"slices"

	"github.com/crease-ml/crease/shape"
)

// MatMul is the batched matrix product.
var MatMul *Op

func init() {
	MatMul = Declare(Op{Name: "matmul", GoName: "MatMul", Method: "-", Doc: "The matrix product of x [..., M, K] and y [..., K, N]; leading axes broadcast. Integers wrap.", ONNX: "MatMul",
		Kind: Core, Family: MatMulFamily, Inputs: "x y", Types: Numbers, Probe: true, Promotes: PromoteFrom(0), Saves: In(0, 1),
		Infer: matmulInfer, Ref: matmulRef, Grad: matmulGrad,
		Tol: Tolerance{ULP: 2, Products: true, Depth: func(_ any, in []Spec) int { return lastAxis(in[0].Shape) }},
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: 2 * float64(out[0].Elements()) * float64(lastAxis(in[0].Shape)), Bytes: traffic(in, out)}
		},
		Bench: func(s Size) Case { return Case{In: []Arg{s.Square(), s.Square()}} },
		Cases: []Case{
			{Name: "one", In: args(Arg{}, []int{1, 1}, []int{1, 1})},
			{Name: "matrix", In: args(Arg{}, []int{5, 7}, []int{7, 6})},
			{Name: "tail", In: args(Arg{}, []int{17, 33}, []int{33, 19}), NoGradCheck: true},
			{Name: "row", In: args(Arg{}, []int{1, 9}, []int{9, 4})},
			{Name: "column", In: args(Arg{}, []int{6, 5}, []int{5, 1})},
			{Name: "outer", In: args(Arg{}, []int{4, 1}, []int{1, 3})},
			{Name: "batch", In: args(Arg{}, []int{2, 3, 4}, []int{2, 4, 2})},
			{Name: "batch-shared", In: args(Arg{}, []int{2, 3, 4}, []int{4, 5})},
			{Name: "batch-broadcast", In: args(Arg{}, []int{2, 1, 2, 3}, []int{3, 3, 2})},
			{Name: "no-depth", In: args(Arg{}, []int{2, 0}, []int{0, 3})},
			{Name: "empty", In: args(Arg{}, []int{0, 4}, []int{4, 3})},
		},
	})
}

func lastAxis(dims []int) int { return dims[len(dims)-1] }

func matmulInfer(_ any, in []Spec) ([]Spec, error) {
	if err := sameTypes(in); err != nil {
		return nil, err
	}
	for i, s := range in {
		if len(s.Shape) < 2 {
			return nil, shapeErr("input %d has rank %d, want at least 2: Reshape a vector to one row or one column", i, len(s.Shape))
		}
	}
	xm, ym := len(in[0].Shape)-2, len(in[1].Shape)-2
	x, y := in[0].Shape, in[1].Shape
	if x[xm+1] != y[ym] {
		return nil, shapeErr("x has %d columns and y has %d rows; they must agree", x[xm+1], y[ym])
	}
	lead, err := shape.Broadcast(x[:xm], y[:ym])
	if err != nil {
		return nil, err
	}
	return []Spec{{in[0].DType, append(shape.Clone(lead), x[xm], y[ym+1])}}, nil
}

func matmulRef(_ any, in, out []Host) {
	x, y, z := in[0], in[1], out[0]
	rank := len(z.Shape)
	m, n, k := z.Shape[rank-2], z.Shape[rank-1], lastAxis(x.Shape)
	it := indexer(z.Shape[:rank-2], x.Shape[:len(x.Shape)-2], y.Shape[:len(y.Shape)-2])
	float := z.DType.IsFloat()
	for batch := 0; it.Next(); batch++ {
		xo, yo := it.Offsets()[0]*m*k, it.Offsets()[1]*k*n
		for i := range m {
			for j := range n {
				var sum float64
				var whole int64
				for p := range k {
					if float {
						sum += x.At(xo+i*k+p) * y.At(yo+p*n+j)
					} else {
						whole += x.Int(xo+i*k+p) * y.Int(yo+p*n+j)
					}
				}
				if to := (batch*m+i)*n + j; float {
					z.Set(to, sum)
				} else {
					z.SetInt(to, whole)
				}
			}
		}
	}
}

// matmulGrad is d·yᵀ and xᵀ·d, summed over broadcast axes. A matrix y shared by a
// batch meets the whole batch as one tall matrix, so no sum is left to do.
func matmulGrad(g *GradCall) []Value {
	b, x, y, d := g.B, g.In[0], g.In[1], g.D[0]
	out := make([]Value, 2)
	if g.Needs[0] {
		out[0] = Unbroadcast(b, MatMul.Of(b, d, Transposed(b, y)), x.Spec().Shape)
	}
	if g.Needs[1] {
		if len(y.Spec().Shape) == 2 {
			x, d = asMatrix(b, x), asMatrix(b, d)
		}
		out[1] = Unbroadcast(b, MatMul.Of(b, Transposed(b, x), d), y.Spec().Shape)
	}
	return out
}

// asMatrix merges all axes but the last.
func asMatrix(b Builder, x Value) Value {
	dims := x.Spec().Shape
	last := len(dims) - 1
	return Reshaped(b, x, shape.MustElements(dims[:last]), dims[last])
}

// withLast is the shape with another size of the last axis.
func withLast(dims []int, n int) []int {
	out := slices.Clone(dims)
	out[len(out)-1] = n
	return out
}
