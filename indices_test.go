package crease_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/conform/fixture"
	_ "github.com/crease-ml/crease/cuda"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Cross entropy with class weights, ignored samples and smoothed labels is PyTorch's.
func TestCrossEntropyIsPyTorchs(t *testing.T) {
	cases := fixture.Load(t, "testdata/torch/cross_entropy.json")
	everywhere(t, func(t *testing.T, on crease.Option) {
		for _, c := range cases {
			opts := []crease.LossOption{crease.Reduction(c.Args["reduction"].(string)), crease.LabelSmoothing(c.Args["label_smoothing"].(float64))}
			if i, ok := c.Args["ignore_index"]; ok {
				opts = append(opts, crease.IgnoreIndex(int(i.(float64))))
			}
			if w, ok := c.Args["weight"].(map[string]any); ok {
				a := fixture.Array{Type: "f32", Shape: []int{4}}
				for _, v := range w["values"].([]any) {
					a.Values = append(a.Values, v.(string))
				}
				opts = append(opts, crease.ClassWeights(tensorOf(t, a, on)))
			}
			target := tensorOf(t, c.In[1], on)
			f := gradients(func(in []*crease.Tensor) *crease.Tensor { return in[0].CrossEntropy(target, opts...) })
			bothWays(t, f, []*crease.Tensor{tensorOf(t, c.In[0], on)}, func(how string, out []*crease.Tensor) {
				agrees(t, c.Name+" "+how, out[0], c.Out[0], 64)
				agrees(t, c.Name+" gradient "+how, out[1], c.Grad[0], 64)
			})
		}
	})
}

// indexing is the ops that pick by index, on an axis of five.
func indexing(on crease.Option) map[string]func(idx *crease.Tensor) *crease.Tensor {
	x := crease.Full([]int{5}, 7, on)
	return map[string]func(idx *crease.Tensor) *crease.Tensor{
		"take":   func(i *crease.Tensor) *crease.Tensor { return x.Take(0, i) },
		"gather": func(i *crease.Tensor) *crease.Tensor { return x.Gather(0, i) },
		"index_add": func(i *crease.Tensor) *crease.Tensor {
			return crease.Apply(ops.IndexAdd, ops.IndexAddAttrs{}, x, i, crease.Ones([]int{3}, on))[0]
		},
		"scatter_add": func(i *crease.Tensor) *crease.Tensor { return x.ScatterAdd(0, i, crease.Ones([]int{3}, on)) },
		"scatter": func(i *crease.Tensor) *crease.Tensor {
			return crease.Apply(ops.Scatter, ops.ScatterAttrs{}, x, i, crease.Ones([]int{3}, on))[0]
		},
		"one_hot": func(i *crease.Tensor) *crease.Tensor { return i.OneHot(5) },
		"cross_entropy": func(i *crease.Tensor) *crease.Tensor {
			return crease.Zeros([]int{3, 5}, on).CrossEntropy(i, crease.Reduction("none"))
		},
		"cross_entropy_grad": func(i *crease.Tensor) *crease.Tensor {
			return crease.Apply(ops.CrossEntropyGrad, ops.CrossEntropyAttrs{Reduction: "sum"}, crease.Scalar(1, on), crease.Zeros([]int{3, 5}, on), i)[0]
		},
		"cross_entropy, weighted": func(i *crease.Tensor) *crease.Tensor {
			return crease.Zeros([]int{3, 5}, on).CrossEntropy(i, crease.ClassWeights(crease.Ones([]int{5}, on)))
		},
	}
}

// An index out of range is an error that names the op and the index, on every device and
// once; the device goes on.
func TestIndicesOutOfRange(t *testing.T) {
	everywhere(t, func(t *testing.T, on crease.Option) {
		for name, f := range indexing(on) {
			for _, bad := range []int64{5, -6, 1 << 40, -1 << 40, -1} {
				for _, of := range []dtype.Type{dtype.I64, dtype.I32} {
					classes := strings.HasPrefix(name, "cross") || name == "one_hot"
					if bad == -1 && !classes || of == dtype.I32 && (bad > 1<<31 || bad < -1<<31) {
						continue
					}
					at := rand.IntN(3)
					idx := []int64{0, 4, 1}
					idx[at] = bad
					err := crease.Try(func() { f(crease.From(idx, nil, on).Cast(of)).Host() })
					var misuse *ops.AttrError
					if !errors.As(err, &misuse) || !strings.Contains(misuse.Reason, fmt.Sprint("index ", bad)) && !(classes && strings.Contains(misuse.Reason, "index 5")) {
						t.Errorf("%s of %d in %s gives %v", name, bad, of, err)
					}
					if got := crease.Ones([]int{2}, on).Sum().Item(); got != 2 {
						t.Errorf("%s: the device gives %v afterwards", name, got)
					}
				}
			}
		}
	})
}

// What is read at an index out of range is not the memory beside the operand.
func TestNoForeignMemoryIsRead(t *testing.T) {
	everywhere(t, func(t *testing.T, on crease.Option) {
		secret := crease.Full([]int{1 << 12}, 12345, on)
		x := crease.Zeros([]int{4}, on)
		y := x.Take(0, crease.Arange(int64(-4), 4, 1, on, crease.As(dtype.I64)))
		if got := y.Sum().Item(); got != 0 {
			t.Fatalf("taken within the axis: %v", got)
		}
		for _, from := range []int64{4, 64, -64} {
			var out *crease.Tensor
			err := crease.Try(func() {
				out = x.Take(0, crease.Arange(from, from+32, 1, on, crease.As(dtype.I64)))
				out.Host()
			})
			if err == nil {
				t.Errorf("indices from %d on give no error", from)
			}
			if out == nil {
				continue // refused before it ran
			}
			for _, v := range out.Floats() {
				if v != 0 {
					t.Errorf("an element out of range is %v", v)
				}
			}
		}
		secret.Free()
	})
}

// Negative indices count from the end, in values and gradients.
func TestNegativeIndices(t *testing.T) {
	everywhere(t, func(t *testing.T, on crease.Option) {
		for name, f := range indexing(on) {
			if strings.HasPrefix(name, "cross") || name == "one_hot" {
				continue
			}
			for _, of := range []dtype.Type{dtype.I64, dtype.I32} {
				got := f(crease.From([]int64{-1, -5, 2}, nil, on).Cast(of)).Floats()
				want := f(crease.From([]int64{4, 0, 2}, nil, on).Cast(of)).Floats()
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		}
		x := crease.From([]float32{1, 2, 3}, nil, on).RequireGrad()
		x.Take(0, crease.From([]int64{-1, -1, 0}, nil, on)).Sum().Backward()
		if got := fmt.Sprint(x.Grad().Floats()); got != "[1 0 2]" {
			t.Errorf("the gradient is %s", got)
		}
	})
}

// The emulated CUDA device keeps fault words of its own.
func TestIndicesOnEmulatedCUDA(t *testing.T) {
	d, err := crease.Wrap(conform.Open(t, "cuda@emulate"))
	if err != nil {
		t.Fatal(err)
	}
	on := crease.On(d)
	x := crease.Full([]int{5}, 7, on)
	for i, want := range map[int64]string{-6: "index -6", 5: "index 5", -1: ""} {
		var out *crease.Tensor
		err := crease.Try(func() {
			out = x.Take(0, crease.From([]int64{0, i}, nil, on))
			out.Host()
		})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), "take") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("index %d gives %v", i, err)
		}
		if got := out.Sum().Item(); want == "" && got != 14 || want != "" && got != 7 {
			t.Errorf("index %d gives a sum of %v", i, got)
		}
	}
}
