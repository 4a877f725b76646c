package crease_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/conform/fixture"
	"github.com/crease-ml/crease/dtype"
	_ "github.com/crease-ml/crease/opencl"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// torchCase is one that testdata/torch/methods.py has written.
type torchCase struct{ fixture.Case }

func one(f func(x *crease.Tensor) *crease.Tensor) func([]*crease.Tensor) []*crease.Tensor {
	return func(in []*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{f(in[0])} }
}

func two(f func(x, y *crease.Tensor) *crease.Tensor) func([]*crease.Tensor) []*crease.Tensor {
	return func(in []*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{f(in[0], in[1])} }
}

func pair(f func(x *crease.Tensor) (a, b *crease.Tensor)) func([]*crease.Tensor) []*crease.Tensor {
	return func(in []*crease.Tensor) []*crease.Tensor {
		a, b := f(in[0])
		return []*crease.Tensor{a, b}
	}
}

func many(f func(x *crease.Tensor) []*crease.Tensor) func([]*crease.Tensor) []*crease.Tensor {
	return func(in []*crease.Tensor) []*crease.Tensor { return f(in[0]) }
}

// index makes an index of the inputs behind the first.
func index(f func(in []*crease.Tensor) []crease.Range) func([]*crease.Tensor) []*crease.Tensor {
	return func(in []*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0].Slice(f(in)...)} }
}

// put is the same for a value to be written, the last input.
func put(f func(in []*crease.Tensor) []crease.Range) func([]*crease.Tensor) []*crease.Tensor {
	return func(in []*crease.Tensor) []*crease.Tensor {
		return []*crease.Tensor{in[0].With(in[len(in)-1], f(in)...)}
	}
}

type (
	tensor = *crease.Tensor
	parts  = []crease.Range
)

// torchMethods says what computes a case: by its name, or by the part before the slash.
var torchMethods = map[string]func(in []tensor) []tensor{
	"matmul": two(tensor.MatMul), "dot": two(tensor.Dot), "outer": two(tensor.Outer),
	"norm/all":      one(func(x tensor) tensor { return x.Norm(2) }),
	"norm/keep":     one(func(x tensor) tensor { return x.NormKeep(2, 0) }),
	"norm/of zeros": one(func(x tensor) tensor { return x.Norm(2, 1) }),
	"diagonal/0":    one(func(x tensor) tensor { return x.Diagonal(0) }),
	"diagonal/1":    one(func(x tensor) tensor { return x.Diagonal(1) }),
	"diagonal/-1":   one(func(x tensor) tensor { return x.Diagonal(-1) }),

	"split/2":           many(func(x tensor) []tensor { return x.Split(2, 1) }),
	"split/sizes":       many(func(x tensor) []tensor { return x.SplitSizes([]int{1, 3, 2}, 0) }),
	"chunk/3":           many(func(x tensor) []tensor { return x.Chunk(3, 0) }),
	"chunk/fewer":       many(func(x tensor) []tensor { return x.Chunk(4, 0) }),
	"unbind":            many(func(x tensor) []tensor { return x.Unbind(1) }),
	"stack":             func(in []tensor) []tensor { return []tensor{crease.Stack(-1, in...)} },
	"repeat":            one(func(x tensor) tensor { return x.Repeat(2, 1, 3) }),
	"repeat_interleave": one(func(x tensor) tensor { return x.RepeatInterleave(2, 1) }),
	"roll/2":            one(func(x tensor) tensor { return x.Roll(2, 1) }),
	"roll/-7":           one(func(x tensor) tensor { return x.Roll(-7, 0) }),
	"flip":              one(func(x tensor) tensor { return x.Flip(0, 2) }),
	"tril/integers":     one(func(x tensor) tensor { return x.Tril(0) }),

	"cumsum":               one(func(x tensor) tensor { return x.Cumsum(1) }),
	"cumsum/bool":          one(func(x tensor) tensor { return x.Cumsum(0) }),
	"cumprod":              one(func(x tensor) tensor { return x.Cumprod(-1) }),
	"sort":                 pair(func(x tensor) (a, b tensor) { return x.Sort(1, false) }),
	"sort/descending":      pair(func(x tensor) (a, b tensor) { return x.Sort(0, true) }),
	"sort/ties descending": pair(func(x tensor) (a, b tensor) { return x.Sort(1, true) }),
	"sort/nan":             pair(func(x tensor) (a, b tensor) { return x.Sort(0, false) }),
	"sort/nan descending":  pair(func(x tensor) (a, b tensor) { return x.Sort(0, true) }),
	"argsort":              one(func(x tensor) tensor { return x.Argsort(1, false) }),
	"topk":                 pair(func(x tensor) (a, b tensor) { return x.TopK(4, 1, true) }),
	"topk/smallest":        pair(func(x tensor) (a, b tensor) { return x.TopK(3, 0, false) }),
	"nonzero":              one(tensor.Nonzero),
	"unique": many(func(x tensor) []tensor {
		a, b, c := x.Unique()
		return []tensor{a, b, c}
	}),

	"any": one(func(x tensor) tensor { return x.Any(1) }), "all": one(func(x tensor) tensor { return x.All(1) }),
	"sum/bool":      one(func(x tensor) tensor { return x.Sum(1) }),
	"sum/u8 as i64": one(func(x tensor) tensor { return x.SumAs(dtype.I64, 1) }),
	"prod/bool":     one(func(x tensor) tensor { return x.Prod(1) }),
	"mean/integers": one(func(x tensor) tensor { return x.MeanAs(dtype.F32, 1) }),
	"mean/bool":     one(func(x tensor) tensor { return x.MeanAs(dtype.F32) }),

	"get/[idx]":                index(func(in []tensor) parts { return parts{crease.Pick(in[1])} }),
	"get/[:, idx]":             index(func(in []tensor) parts { return parts{crease.All(), crease.Pick(in[1])} }),
	"get/[idx, idx]":           index(func(in []tensor) parts { return parts{crease.Pick(in[1]), crease.Pick(in[2])} }),
	"get/[idx, idx] broadcast": index(func(in []tensor) parts { return parts{crease.Pick(in[1]), crease.Pick(in[2])} }),
	"get/[idx, :, idx]":        index(func(in []tensor) parts { return parts{crease.Pick(in[1]), crease.All(), crease.Pick(in[2])} }),
	"get/[..., idx, 1:3]":      index(func(in []tensor) parts { return parts{crease.Rest(), crease.Pick(in[1]), crease.Span(1, 3)} }),
	"get/[1, :, idx]":          index(func(in []tensor) parts { return parts{crease.At(1), crease.All(), crease.Pick(in[1])} }),
	"get/[:, None, idx]":       index(func(in []tensor) parts { return parts{crease.All(), crease.NewAxis(), crease.Pick(in[1])} }),
	"get/[mask]":               two(tensor.MaskedSelect),
	"get/[mask] rows":          index(func(in []tensor) parts { return parts{crease.Mask(in[1])} }),
	"get/[:, mask]":            index(func(in []tensor) parts { return parts{crease.All(), crease.Mask(in[1])} }),
	"get/[mask, idx]":          index(func(in []tensor) parts { return parts{crease.Mask(in[1]), crease.Pick(in[2])} }),
	"get/negative":             index(func([]tensor) parts { return parts{crease.At(-1), crease.All(), crease.Span(-3, -1)} }),
	"set/[idx]":                put(func(in []tensor) parts { return parts{crease.Pick(in[1])} }),
	"set/[idx] broadcast":      put(func(in []tensor) parts { return parts{crease.Pick(in[1])} }),
	"set/[idx, idx]":           put(func(in []tensor) parts { return parts{crease.Pick(in[1]), crease.Pick(in[2])} }),
	"set/[mask]":               put(func(in []tensor) parts { return parts{crease.Mask(in[1])} }),
	"set/[mask] scalar":        put(func(in []tensor) parts { return parts{crease.Mask(in[1])} }),
	"set/[1:, ::2]": put(func([]tensor) parts {
		return parts{crease.Span(1, crease.Omit), crease.Span(crease.Omit, crease.Omit, 2)}
	}),
	"masked_fill": two(func(x, m tensor) tensor { return x.MaskedFill(m, -7) }),
	"scatter":     func(in []tensor) []tensor { return []tensor{in[0].Scatter(1, in[1], in[2])} },
}

// method finds what computes a case; some names hold a number or an equation.
func method(name string) func(in []tensor) []tensor {
	if f := torchMethods[name]; f != nil {
		return f
	}
	kind, rest, _ := strings.Cut(name, "/")
	number, err := strconv.ParseFloat(rest, 64)
	switch {
	case kind == "einsum":
		return func(in []tensor) []tensor { return []tensor{crease.Einsum(rest, in...)} }
	case kind == "norm" && err == nil:
		return one(func(x tensor) tensor { return x.Norm(number, 1, 2) })
	case kind == "tril" && err == nil:
		return one(func(x tensor) tensor { return x.Tril(int(number)) })
	case kind == "triu" && err == nil:
		return one(func(x tensor) tensor { return x.Triu(int(number)) })
	}
	return torchMethods[kind]
}

// dataDependent are the names of cases whose shapes depend on elements: in a compiled
// function they are an error.
func dataDependent(name string) bool {
	return strings.HasPrefix(name, "nonzero") || strings.HasPrefix(name, "unique") || strings.Contains(name, "mask]") || strings.Contains(name, "[mask, ")
}

// onDrivers are the cases that are always run where kernels are compiled.
var onDrivers = map[string]bool{
	"get/[idx, idx]": true, "set/[idx, idx]": true, "get/[mask] rows": true, "set/[mask] scalar": true,
	"sort/nan": true, "topk": true, "cumprod/zeros": true, "unique": true, "einsum/bij,bjk->bik": true,
}

// Every method gives what PyTorch gives, with its gradients, eager and compiled.
func TestMethodsAgainstTorch(t *testing.T) {
	cases := fixture.Load(t, "testdata/torch/methods.json")
	if len(cases) < 100 {
		t.Fatalf("there are only %d cases", len(cases))
	}
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		t.Run(name, func(t *testing.T) {
			dev, err := crease.Wrap(conform.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				f := method(c.Name)
				if f == nil {
					t.Errorf("nothing is there to compute %s", c.Name)
					continue
				}
				// A driver takes long to compile what the cases are made of, and the suite
				// of conform has checked it.
				if name == "opencl" && os.Getenv("CREASE_CONFORM") != "all" && !onDrivers[c.Name] {
					continue
				}
				t.Run(c.Name, func(t *testing.T) { torchCase{c}.check(t, dev, f) })
			}
		})
	}
}

func (c torchCase) check(t *testing.T, dev *crease.Device, f func([]tensor) []tensor) {
	scope := crease.NewScope()
	defer scope.Free()
	scope.Do(func() {
		var in []tensor
		for _, a := range c.In {
			in = append(in, tensorOf(t, a, crease.On(dev)))
		}
		run := func(in ...tensor) []tensor {
			for i, x := range in {
				if len(c.Grad) > 0 && c.Grad[i].Type != "" {
					in[i] = x.Detach().RequireGrad()
				}
			}
			out := f(in)
			if len(c.Grad) == 0 {
				return out
			}
			return append(out, c.gradients(in, out)...)
		}
		c.compare(t, "eager", run(append([]tensor{}, in...)...))
		compiled := crease.Compile(run)
		defer compiled.Free()
		if !dataDependent(c.Name) || c.Name == "set/[mask] scalar" {
			c.compare(t, "compiled", compiled.Call(in...))
			return
		}
		err := crease.Try(func() { compiled.Call(in...) })
		if err == nil || !strings.Contains(err.Error(), "depends on the elements") {
			t.Errorf("compiled: %v", err)
		}
	})
}

// gradients are those of the inputs that have one, for the seeds of the script.
func (c torchCase) gradients(in, out []tensor) []tensor {
	var results, seeds, wrt []tensor
	for _, y := range out {
		if !y.RequiresGrad() {
			continue
		}
		h := ops.NewHost(y.Spec())
		for i := range h.Elements() {
			h.Set(i, 1+float64(i%5)/4)
		}
		results, seeds = append(results, y), append(seeds, crease.FromHost(h, crease.On(y.Device())))
	}
	for i, x := range in {
		if c.Grad[i].Type != "" {
			wrt = append(wrt, x)
		}
	}
	return crease.Grad(results, wrt, crease.Seeds(seeds...))
}

func (c torchCase) compare(t *testing.T, mode string, got []tensor) {
	t.Helper()
	want := slices.Clone(c.Out)
	var what []string
	for i := range c.Out {
		what = append(what, fmt.Sprintf("result %d", i))
	}
	for i, g := range c.Grad {
		if g.Type != "" {
			want, what = append(want, g), append(what, fmt.Sprintf("gradient %d", i))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d results and gradients, want %d", mode, len(got), len(want))
	}
	for i, w := range want {
		g := got[i].Host()
		if g.DType != w.DType(t) || !shape.Equal(g.Shape, w.Shape) {
			t.Errorf("%s: %s is %s, want %s%v", mode, what[i], g.Spec, w.Type, w.Shape)
			continue
		}
		for k, b := range w.Floats(t) {
			a := g.At(k)
			if a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 2e-5*math.Max(1, math.Abs(b)) {
				continue
			}
			t.Errorf("%s: %s is %v at %d, want %v", mode, what[i], a, k, b)
			break
		}
	}
}
