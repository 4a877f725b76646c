package crease_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

func near(t *testing.T, name string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s is %v, want %v", name, got, want)
		return
	}
	for i := range got {
		same := got[i] == want[i] || math.IsNaN(got[i]) && math.IsNaN(want[i])
		if !same && !(math.Abs(got[i]-want[i]) <= 1e-5*max(1, math.Abs(want[i]))) {
			t.Errorf("%s is %v, want %v", name, got, want)
			return
		}
	}
}

func TestBackwardAccumulates(t *testing.T) {
	w := crease.From([]float32{2, 3}, nil).RequireGrad()
	for range 2 {
		w.Mul(w).Mul(w).Sum().Backward() // 3w²
	}
	near(t, "twice 3w²", w.Grad().Floats(), []float64{24, 54})
	w.ZeroGrad()
	if w.Grad() != nil {
		t.Error("ZeroGrad left a gradient")
	}
}

func TestSecondOrder(t *testing.T) {
	x := crease.From([]float64{0.5, -1.5}, nil).RequireGrad()
	y := x.Mul(x).Mul(x).Sum()
	g := crease.Grad([]*crease.Tensor{y}, []*crease.Tensor{x}, crease.CreateGraph())
	near(t, "3x²", g[0].Floats(), []float64{0.75, 6.75})
	h := crease.Grad([]*crease.Tensor{g[0].Sum()}, []*crease.Tensor{x})
	near(t, "6x", h[0].Floats(), []float64{3, -9})

	cube := func(in ...*crease.Tensor) *crease.Tensor { return in[0].Mul(in[0]).Mul(in[0]).Sum() }
	slope := func(in ...*crease.Tensor) *crease.Tensor {
		_, g := crease.ValueAndGrad(cube, in...)
		return g[0].Sum()
	}
	v, hh := crease.ValueAndGrad(slope, crease.From([]float64{2}, nil))
	near(t, "nested value", v.Floats(), []float64{12})
	near(t, "nested gradient", hh[0].Floats(), []float64{12})
}

func TestNoGradAndDetach(t *testing.T) {
	w := crease.Ones([]int{2}, crease.RequireGrad())
	var y *crease.Tensor
	crease.NoGrad(func() { y = w.Exp() })
	if y.RequiresGrad() || w.Detach().Exp().RequiresGrad() {
		t.Error("recorded under NoGrad or through Detach")
	}
	if !w.Exp().RequiresGrad() {
		t.Error("NoGrad did not end")
	}
	done := make(chan bool)
	crease.NoGrad(func() {
		go func() { done <- w.Exp().RequiresGrad() }()
		if !<-done {
			t.Error("NoGrad reached another goroutine")
		}
	})
}

func TestMissingGradientsAreErrors(t *testing.T) {
	x := crease.From([]float32{1, 2}, nil).RequireGrad()
	other := crease.From([]float32{1, 2}, nil).RequireGrad()
	var gradErr *ops.GradError
	for name, f := range map[string]func(){
		"not scalar":         func() { x.Exp().Backward() },
		"not recorded":       func() { crease.Ones([]int{}).Backward() },
		"unused variable":    func() { crease.Grad([]*crease.Tensor{x.Sum()}, []*crease.Tensor{other}) },
		"released record":    func() { y := x.Exp().Sum(); y.Backward(); y.Backward() },
		"integers":           func() { crease.From([]int64{1}, nil).RequireGrad() },
		"leaf of a result":   func() { x.Exp().RequireGrad() },
		"changed in place":   func() { y := x.Exp().Mul(x); x.Assign(crease.Zeros([]int{2})); y.Sum().Backward() },
		"assign to a result": func() { x.Exp().Assign(crease.Zeros([]int{2})) },
	} {
		if err := crease.Try(f); !errors.As(err, &gradErr) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAssignKeepsViews(t *testing.T) {
	x := crease.Zeros([]int{2, 2})
	row := x.Index(1)
	x.Assign(crease.From([]float32{1, 2, 3, 4}, []int{2, 2}))
	near(t, "the view", row.Floats(), []float64{3, 4})
	row.Assign(crease.From([]float32{8, 9}, nil))
	near(t, "the base", x.Floats(), []float64{1, 2, 8, 9})
	x.T().Assign(x)
	near(t, "transposed onto itself", x.Floats(), []float64{1, 8, 2, 9})
}

func TestCompileEqualsEager(t *testing.T) {
	step := func(w *crease.Tensor, g *crease.Generator) func(in ...*crease.Tensor) []*crease.Tensor {
		return func(in ...*crease.Tensor) []*crease.Tensor {
			y := in[0].MatMul(w).Tanh().Dropout(0.5, g)
			loss := y.Square().Mean()
			loss.Backward()
			crease.NoGrad(func() { w.Assign(w.Sub(w.Grad().MulScalar(0.1))) })
			w.ZeroGrad()
			return []*crease.Tensor{loss.Detach()}
		}
	}
	run := func(compiled bool) (losses, weights []float64) {
		g := crease.NewGenerator(3)
		w := crease.Randn([]int{4, 3}, crease.By(g)).RequireGrad()
		f := step(w, g)
		if compiled {
			f = crease.Compile(f).Call
		}
		for i := range 6 {
			x := crease.Full([]int{2 + i%2, 4}, float64(i))
			losses = append(losses, f(x)[0].Item())
		}
		return losses, w.Floats()
	}
	le, we := run(false)
	lc, wc := run(true)
	if !slices.Equal(le, lc) || !slices.Equal(we, wc) {
		t.Errorf("eager losses %v, compiled %v\nweights %v and %v", le, lc, we, wc)
	}
	if le[0] == le[2] || le[4] == 0 {
		t.Errorf("nothing was trained: %v", le)
	}
}

func TestCompileRefuses(t *testing.T) {
	w := crease.Ones([]int{2}, crease.RequireGrad())
	one := crease.Ones([]int{2})
	var leaked *crease.Tensor
	var compileErr *crease.CompileError
	for name, f := range map[string]func(in ...*crease.Tensor) []*crease.Tensor{
		"leftover gradient": func(in ...*crease.Tensor) []*crease.Tensor {
			in[0].Mul(w).Sum().Backward()
			return nil
		},
		"reading elements": func(in ...*crease.Tensor) []*crease.Tensor {
			in[0].Floats()
			return nil
		},
		"nil result": func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{nil} },
		"generator":  func(in ...*crease.Tensor) []*crease.Tensor { crease.NewGenerator(1); return nil },
	} {
		c := crease.Compile(f)
		err := crease.Try(func() { c.Call(one) })
		if !ops.IsMisuse(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		leaked = in[0].Exp()
		return []*crease.Tensor{leaked}
	}).Call(one)
	if err := crease.Try(func() { leaked.Exp() }); err == nil {
		t.Error("a value of a compiled function was used outside")
	}
	c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0].Exp()} })
	if err := crease.Try(func() { c.Call(w) }); !errors.As(err, &compileErr) {
		t.Errorf("an input that requires a gradient: %v", err)
	}
	crease.NoGrad(func() { near(t, "under NoGrad", c.Call(w)[0].Floats(), []float64{math.E, math.E}) })
}

// A recording knows whether gradients are recorded: inside NoGrad ops that have no
// gradient of their own run as kernels, as they do eagerly, and Backward finds
// nothing.
func TestCompileInsideNoGrad(t *testing.T) {
	w := crease.From([]float32{1, 2}, nil).RequireGrad()
	zero, one := crease.Zeros([]int{2}), crease.Ones([]int{2})
	x := crease.Randn([]int{8, 2})
	norm := func(in ...*crease.Tensor) []*crease.Tensor {
		return crease.Apply(ops.BatchNormInfer, ops.BatchNormAttrs{Eps: 1e-5}, in[0], w, zero, zero, one)
	}
	c := crease.Compile(norm)
	launches := func() (n int) {
		before := x.Device().Engine().Stats()
		c.Call(x)
		for _, row := range x.Device().Engine().Stats() {
			n += row.Count[0]
			if i := slices.IndexFunc(before, func(o exec.OpStats) bool { return o.Op == row.Op }); i >= 0 {
				n -= before[i].Count[0]
			}
		}
		return n
	}
	c.Call(x)
	outside := launches()
	crease.NoGrad(func() {
		near(t, "inside NoGrad", c.Call(x)[0].Floats(), norm(x)[0].Floats())
		if inside := launches(); inside != 1 || outside <= 1 {
			t.Errorf("%d launches inside NoGrad, want 1; %d outside, want several", inside, outside)
		}
		if err := crease.Try(func() {
			crease.Compile(func(...*crease.Tensor) []*crease.Tensor { w.Square().Sum().Backward(); return nil }).Call()
		}); err == nil {
			t.Error("Backward found gradients inside NoGrad")
		}
	})
}

// Two tensors change places by way of a copy; a view that shows one of them, and results
// that are it, follow, as eagerly.
func TestCompileSwapsState(t *testing.T) {
	a, b := crease.Full([]int{2}, 1), crease.Full([]int{2}, 2)
	view := a.Slice(crease.Span(0, 1))
	swap := crease.Compile(func(...*crease.Tensor) []*crease.Tensor {
		old := a.Copy()
		a.Assign(b)
		b.Assign(old)
		return []*crease.Tensor{old, a}
	})
	out := swap.Call()
	near(t, "a", a.Floats(), []float64{2, 2})
	near(t, "b", b.Floats(), []float64{1, 1})
	near(t, "old a", out[0].Floats(), []float64{1, 1})
	near(t, "new a", out[1].Floats(), []float64{2, 2})
	near(t, "view of a", view.Floats(), []float64{2})
	swap.Call()
	near(t, "a result that is a, after the next call", out[1].Floats(), []float64{1, 1})
	near(t, "a result of its own", out[0].Floats(), []float64{1, 1})
	var text strings.Builder
	if err := swap.Dump(&text, 0); err != nil || !strings.Contains(text.String(), "copy") {
		t.Errorf("dump: %v\n%s", err, &text)
	}
	swap.Free()
	near(t, "recorded again", swap.Call()[0].Floats(), []float64{1, 1})
}
