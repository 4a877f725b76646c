package bench

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/crease-ml/crease"
)

// links is the number of ops of a chain and of a compiled graph; LINKS in
// peer/python.py is the same.
const links = 64

// overheadWorkload is one row of the overhead suite.
type overheadWorkload struct {
	name, doc string
	ops       int // of one call; figures are per op
	call      func(*overheadOperands)
}

// overheadSuite is what [MeasureOverhead] measures. The names are those of
// peer/python.py, where NumPy or PyTorch has the same thing.
var overheadSuite = []overheadWorkload{
	{"eager_add", "a sum, freed", 1, func(o *overheadOperands) {
		o.x.Add(o.y).Free()
	}},
	{"eager_matmul", "a matrix product, freed", 1, func(o *overheadOperands) {
		o.x.MatMul(o.y).Free()
	}},
	{"eager_view", "a transposed view, freed", 1, func(o *overheadOperands) {
		o.x.T().Free()
	}},
	{"tidy_add", "one of 64 sums that a Tidy frees", links, func(o *overheadOperands) {
		crease.Tidy(func() []*crease.Tensor {
			for range links {
				o.x.Add(o.y)
			}
			return nil
		})
	}},
	{"chain_add", "one of 64 sums, each of the one before", links, func(o *overheadOperands) {
		z := o.x.Add(o.y)
		for range links - 1 {
			next := z.Add(o.y)
			z.Free()
			z = next
		}
		z.Free()
	}},
	{"recorded_add", "a sum with a leaf that requires a gradient, freed", 1, func(o *overheadOperands) {
		o.leaf.Add(o.y).Free()
	}},
	{"forward_backward", "such a sum, its backward pass, the gradient dropped", 1, func(o *overheadOperands) {
		z := o.leaf.Add(o.y)
		z.Backward(crease.Seeds(o.seed))
		z.Free()
		o.leaf.ZeroGrad()
	}},
	{"compiled_matmul", "a node of a compiled chain of 64 products, which cannot fuse", links, func(o *overheadOperands) {
		free(o.matmuls.Call(o.x, o.turn))
	}},
	{"compiled_add", "a recorded op of a compiled chain of 64 sums, which may fuse", links, func(o *overheadOperands) {
		free(o.adds.Call(o.x, o.y))
	}},
	{"compile_run_drop", "a node of such a chain of products recorded, compiled, run once and dropped", links, func(o *overheadOperands) {
		c := crease.Compile(matmulChain)
		free(c.Call(o.x, o.turn))
		c.Free()
	}},
}

// largeSuite is measured when [OverheadOptions].Large asks for it: what joining
// elementwise ops saves on data that fills caches, and on data that exceeds them.
var largeSuite = []overheadWorkload{
	{"chain_512", "relu(x·y + x) of 512×512 matrices, op by op, freed", 1, eagerRelu(512)},
	{"fused_512", "the same compiled", 1, compiledRelu(512)},
	{"chain_4096", "relu(x·y + x) of 4096×4096 matrices, op by op, freed", 1, eagerRelu(4096)},
	{"fused_4096", "the same compiled", 1, compiledRelu(4096)},
}

// overheadWorkloads are those of small matrices, and of large ones.
func overheadWorkloads(large bool) []overheadWorkload {
	if large {
		return slices.Concat(overheadSuite, largeSuite)
	}
	return overheadSuite
}

func eagerRelu(n int) func(*overheadOperands) {
	return func(o *overheadOperands) {
		in := o.large(n)
		xy := in[0].Mul(in[1])
		sum := xy.Add(in[0])
		xy.Free()
		sum.Relu().Free()
		sum.Free()
	}
}

func compiledRelu(n int) func(*overheadOperands) {
	return func(o *overheadOperands) { free(o.relu.Call(o.large(n)...)) }
}

// reluOfProduct is relu(x·y + x), element by element.
func reluOfProduct(in ...*crease.Tensor) []*crease.Tensor {
	return []*crease.Tensor{in[0].Mul(in[1]).Add(in[0]).Relu()}
}

// overheadOperands are the 8×8 matrices that the suite works on. Every node of a
// graph depends on the one before it and on an argument, so that none is constant,
// double or dead, whatever the compiler finds.
type overheadOperands struct {
	x, y, leaf, seed *crease.Tensor
	turn             *crease.Tensor // a rotation: powers of it stay bounded

	adds, matmuls, relu *crease.Compiled

	dev    *crease.Device
	larges map[int][]*crease.Tensor // made when they are first needed
}

// large are two square matrices of a size.
func (o *overheadOperands) large(n int) []*crease.Tensor {
	if o.larges[n] == nil {
		values := make([]float32, n*n)
		r := rand.New(rand.NewPCG(2, uint64(n)))
		for range 2 {
			for i := range values {
				values[i] = r.Float32() - 0.5
			}
			o.larges[n] = append(o.larges[n], crease.From(values, []int{n, n}, crease.On(o.dev)))
		}
	}
	return o.larges[n]
}

func newOverheadOperands(d *crease.Device) *overheadOperands {
	const n = 8
	r := rand.New(rand.NewPCG(1, 8))
	values, turn := make([]float32, n*n), make([]float32, n*n)
	matrix := func() *crease.Tensor {
		for i := range values {
			values[i] = float32(r.NormFloat64())
		}
		return crease.From(values, []int{n, n}, crease.On(d))
	}
	for i := 0; i < n; i += 2 { // by another angle in every plane
		sin, cos := math.Sincos(1 + r.Float64())
		turn[i*n+i], turn[i*n+i+1] = float32(cos), float32(-sin)
		turn[(i+1)*n+i], turn[(i+1)*n+i+1] = float32(sin), float32(cos)
	}
	return &overheadOperands{
		x: matrix(), y: matrix(), leaf: matrix().RequireGrad(), seed: matrix(),
		turn: crease.From(turn, []int{n, n}, crease.On(d)),
		adds: crease.Compile(addChain), matmuls: crease.Compile(matmulChain), relu: crease.Compile(reluOfProduct),
		dev: d, larges: map[int][]*crease.Tensor{},
	}
}

func (o *overheadOperands) free() {
	o.leaf.ZeroGrad()
	free([]*crease.Tensor{o.x, o.y, o.leaf, o.seed, o.turn})
	for _, list := range o.larges {
		free(list)
	}
	for _, c := range []*crease.Compiled{o.adds, o.matmuls, o.relu} {
		c.Free()
	}
}

func free(list []*crease.Tensor) {
	for _, t := range list {
		t.Free()
	}
}

// addChain is x + y + y ..., a sum for every link.
func addChain(in ...*crease.Tensor) []*crease.Tensor {
	z := in[0]
	for range links {
		z = z.Add(in[1])
	}
	return []*crease.Tensor{z}
}

// matmulChain is x·y·y ..., a product for every link.
func matmulChain(in ...*crease.Tensor) []*crease.Tensor {
	z := in[0]
	for range links {
		z = z.MatMul(in[1])
	}
	return []*crease.Tensor{z}
}
