package crease_test

import (
	"math"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform/fixture"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// bothWays runs a function eagerly and compiled.
func bothWays(t *testing.T, f func(in ...*crease.Tensor) []*crease.Tensor, in []*crease.Tensor, check func(how string, out []*crease.Tensor)) {
	t.Helper()
	check("eager", f(in...))
	check("compiled", crease.Compile(f).Call(in...))
}

// gradients are those of the sum of a function's result.
func gradients(f func(in []*crease.Tensor) *crease.Tensor) func(in ...*crease.Tensor) []*crease.Tensor {
	return func(in ...*crease.Tensor) []*crease.Tensor {
		leaves := make([]*crease.Tensor, len(in))
		for i, x := range in {
			leaves[i] = x.Detach().RequireGrad()
		}
		y := f(leaves)
		y.Sum().Backward()
		out := []*crease.Tensor{y.Detach()}
		for _, x := range leaves {
			out = append(out, x.Grad())
		}
		return out
	}
}

// agrees fails unless a tensor is an array of PyTorch's up to some units in the last place of
// its type; infinities and NaN must be the same.
func agrees(t *testing.T, name string, got *crease.Tensor, want fixture.Array, ulps float64) {
	t.Helper()
	h := got.Host()
	if h.DType != want.DType(t) {
		t.Errorf("%s is %s, want %s", name, h.DType, want.Type)
		return
	}
	unit := map[dtype.Type]float64{dtype.F64: 0x1p-52, dtype.F32: 0x1p-23, dtype.F16: 0x1p-10, dtype.BF16: 0x1p-7}[h.DType]
	for i, w := range want.Floats(t) {
		g := h.At(i)
		if math.IsNaN(g) && math.IsNaN(w) || g == w || math.Abs(g-w) <= ulps*unit*math.Max(math.Abs(w), 0x1p-10) {
			continue
		}
		t.Errorf("%s: element %d is %v, want %v", name, i, g, w)
	}
}

// Where a product with 0 would be NaN, and 16-bit floats, whose gradients PyTorch computes
// in f32.
func TestGradientsAtEdges(t *testing.T) {
	cases := fixture.Load(t, "testdata/torch/edges.json")
	everywhere(t, func(t *testing.T, on crease.Option) {
		for _, c := range cases {
			var in []*crease.Tensor
			for _, a := range c.In {
				in = append(in, tensorOf(t, a, on))
			}
			f := gradients(func(in []*crease.Tensor) *crease.Tensor {
				names := strings.Fields(c.Op)
				y := crease.Apply(ops.Get(names[0]), nil, in...)[0]
				for _, n := range names[1:] {
					y = crease.Apply(ops.Get(n), nil, y)[0]
				}
				return y
			})
			bothWays(t, f, in, func(how string, out []*crease.Tensor) {
				for i, want := range append(c.Out[:1:1], c.Grad...) {
					agrees(t, c.Name+" "+how, out[i], want, 4) // PyTorch rounds some steps
				}
			})
		}
	})
}

// Values that PyTorch gets wrong or rounds more than is needed.
func TestGradientsBeyondPyTorch(t *testing.T) {
	inf := float32(math.Inf(1))
	everywhere(t, func(t *testing.T, on crease.Option) {
		for _, c := range []struct {
			name string
			of   dtype.Type
			x    []float32
			f    func(x *crease.Tensor) *crease.Tensor
			want []float64
		}{
			{"tanh gelu", dtype.F16, []float32{255, 256, 300, -300}, (*crease.Tensor).GeluTanh, []float64{1, 1, 1, 0}},
			{"tanh gelu", dtype.F32, []float32{1e20, -1e20, 3e38}, (*crease.Tensor).GeluTanh, []float64{1, 0, 1}},
			{"variance", dtype.F16, []float32{2040, 2041, 2042, 2043}, func(x *crease.Tensor) *crease.Tensor { return x.Var(0) }, []float64{-0.75, -0.25, 0.25, 0.75}},
			{"variance", dtype.BF16, []float32{100, 101, 102, 104}, func(x *crease.Tensor) *crease.Tensor { return x.Var(0) }, []float64{-0.875, -0.375, 0.125, 1.125}},
			{"logarithm of a sum", dtype.F16, []float32{100, 100}, func(x *crease.Tensor) *crease.Tensor { return x.LogSumExp() }, []float64{0.5, 0.5}},
			{"logarithm of a sum", dtype.BF16, []float32{100, 100}, func(x *crease.Tensor) *crease.Tensor { return x.LogSumExp() }, []float64{0.5, 0.5}},
			{"logarithm of a sum of nothing", dtype.F32, []float32{-inf, -inf}, func(x *crease.Tensor) *crease.Tensor { return x.LogSumExp().Exp() }, []float64{0, 0}},
			{"largest of all, beside a root at 0", dtype.F32, []float32{0, -1}, func(x *crease.Tensor) *crease.Tensor { return x.Amax().Sqrt() }, []float64{math.Inf(1), 0}},
			{"largest of 4096 halves", dtype.F16, make([]float32, 4096), func(x *crease.Tensor) *crease.Tensor { return x.Amax().MulScalar(4096) }, nil},
		} {
			in := []*crease.Tensor{crease.From(c.x, nil, on, crease.As(c.of))}
			bothWays(t, gradients(func(in []*crease.Tensor) *crease.Tensor { return c.f(in[0]) }), in, func(how string, out []*crease.Tensor) {
				for i, g := range out[1].Floats() {
					want := 1.0
					if c.want != nil {
						want = c.want[i]
					}
					if !(g == want) {
						t.Errorf("%s of %s, %s: the gradient of element %d is %v, want %v", c.name, c.of, how, i, g, want)
					}
				}
			})
		}
	})
}

// A query that sees no key gives 0 and finite gradients, as in PyTorch.
func TestAttentionOfHiddenRows(t *testing.T) {
	cases := fixture.Load(t, "testdata/torch/attention.json")
	everywhere(t, func(t *testing.T, on crease.Option) {
		for _, c := range cases {
			m := c.Args["mask"].(map[string]any)
			mask := fixture.Array{Type: m["dtype"].(string), Shape: c.In[0].Shape[1:2:2]}
			mask.Shape = append(mask.Shape, c.In[1].Shape[1])
			for _, v := range m["values"].([]any) {
				mask.Values = append(mask.Values, v.(string))
			}
			hidden := tensorOf(t, mask, on)
			var in []*crease.Tensor
			for _, a := range c.In {
				in = append(in, tensorOf(t, a, on))
			}
			f := gradients(func(in []*crease.Tensor) *crease.Tensor {
				return crease.Apply(ops.Attention, ops.AttentionAttrs{}, in[0], in[1], in[2], hidden)[0]
			})
			bothWays(t, f, in, func(how string, out []*crease.Tensor) {
				for i, want := range append(c.Out[:1:1], c.Grad...) {
					agrees(t, c.Name+" "+how, out[i], want, 256)
				}
			})
		}
	})
}
