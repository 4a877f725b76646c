package crease_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// deep is a chain of layers with dropout, and its parameters.
func deep(g *crease.Generator) (f func(in ...*crease.Tensor) []*crease.Tensor, params []*crease.Tensor) {
	for range 4 {
		params = append(params, crease.RandNormal([]int{32, 32}, 0, 0.2, crease.By(crease.NewGenerator(uint64(len(params))))).RequireGrad())
	}
	return func(in ...*crease.Tensor) []*crease.Tensor {
		x := in[0]
		for _, w := range params {
			x = x.MatMul(w).Tanh().Dropout(0.2, g)
		}
		return []*crease.Tensor{x, x.Mul(in[1])}
	}, params
}

// A checkpoint gives the results and the gradients of what is in it, to the bit and with
// the same random numbers, and holds less memory in between.
func TestCheckpoint(t *testing.T) {
	dev, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	run := func(checkpointed bool) (numbers []float64, held, saved int) {
		crease.SetDefault(dev)
		defer crease.SetDefault(nil)
		g := crease.NewGenerator(6)
		f, params := deep(g)
		c := &crease.Checkpoint{F: f, Params: params, Draws: []*crease.Generator{g}}
		if checkpointed {
			f = c.Call
		}
		x := crease.RandNormal([]int{64, 32}, 0, 1, crease.By(crease.NewGenerator(9))).RequireGrad()
		y := crease.RandNormal([]int{64, 32}, 0, 1, crease.By(crease.NewGenerator(8)))
		crease.Tidy(func() []*crease.Tensor {
			before := dev.Memory().InUse
			loss := crease.Tidy1(func() *crease.Tensor {
				out := f(x.MulScalar(2), y)
				out = f(out[0], out[1]) // twice, each with its own numbers
				return out[0].Add(out[1]).Square().Mean()
			})
			held = dev.Memory().InUse - before
			loss.Backward()
			numbers = append(numbers, loss.Item())
			return nil
		})
		for _, p := range append([]*crease.Tensor{x}, params...) {
			numbers = append(numbers, p.Grad().Floats()...)
		}
		return append(numbers, g.State().Floats()...), held, c.Saved()
	}
	plain, held, _ := run(false)
	again, less, saved := run(true)
	if !slices.Equal(plain, again) {
		t.Error("a checkpoint changes the gradients")
	}
	if less > held/3 || saved < (held-less)/4 {
		t.Errorf("%d bytes are held with a checkpoint, %d without; it reports %d saved for each of two calls", less, held, saved)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	f, params := deep(crease.NewGenerator(1))
	x, y := crease.Randn([]int{2, 32}).RequireGrad(), crease.Randn([]int{2, 32})
	c := &crease.Checkpoint{F: f, Params: params}
	var bad *ops.GradError
	loss := c.Call(x, y)[0].Sum()
	params[2].Assign(params[2].MulScalar(2))
	if err := crease.Try(func() { loss.Backward() }); !errors.As(err, &bad) || !strings.Contains(err.Error(), "parameter 2") {
		t.Errorf("a changed parameter: %v", err)
	}
	loss = c.Call(x, y)[0].Sum()
	if err := crease.Try(func() { crease.Grad([]*crease.Tensor{loss}, []*crease.Tensor{x}, crease.CreateGraph()) }); !errors.As(err, &bad) {
		t.Errorf("a second order: %v", err)
	}
	c.Params = append(c.Params, crease.Ones([]int{3}).RequireGrad())
	loss = c.Call(x, y)[0].Sum()
	if err := crease.Try(func() { loss.Backward() }); !errors.As(err, &bad) {
		t.Errorf("a parameter that is not used: %v", err)
	}
	crease.NoGrad(func() {
		if c.Call(x, y)[0].RequiresGrad() {
			t.Error("a checkpoint records in NoGrad")
		}
	})
}

// An output that is an input or a parameter is one of its own outside.
func TestCheckpointOfNothing(t *testing.T) {
	x, w := crease.Ones([]int{2}).RequireGrad(), crease.Full([]int{2}, 3).RequireGrad()
	c := &crease.Checkpoint{F: func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0], w} }, Params: []*crease.Tensor{w}}
	out := c.Call(x)
	out[0].Mul(out[1]).Sum().Backward()
	if !slices.Equal(x.Grad().Floats(), []float64{3, 3}) || !slices.Equal(w.Grad().Floats(), []float64{1, 1}) {
		t.Errorf("the gradients are %v and %v", x.Grad(), w.Grad())
	}
}

func TestOnGrad(t *testing.T) {
	for _, mode := range []string{"eager", "compiled", "recorded"} {
		x := crease.From([]float32{1, 2}, nil)
		seen := 0
		f := func(in ...*crease.Tensor) []*crease.Tensor {
			leaf := in[0].Detach().RequireGrad()
			h := crease.OnGrad(leaf.Square(), func(g *crease.Tensor) *crease.Tensor {
				seen++
				return g.MulScalar(10)
			})
			y := crease.OnGrad(h, func(*crease.Tensor) *crease.Tensor { seen++; return nil })
			var o []crease.GradOption
			if mode == "recorded" {
				o = append(o, crease.CreateGraph())
			}
			g := crease.Grad([]*crease.Tensor{y.Add(y).Sum()}, []*crease.Tensor{leaf}, o...)[0]
			if mode == "recorded" { // d/dx of 40x
				g = crease.Grad([]*crease.Tensor{g.Sum()}, []*crease.Tensor{leaf})[0].Mul(leaf.Detach())
			}
			return []*crease.Tensor{g}
		}
		if mode == "compiled" {
			f = crease.Compile(f).Call
		}
		if got := f(x)[0].Floats(); !slices.Equal(got, []float64{40, 80}) || seen != 2 {
			t.Errorf("%s: the gradient is %v after %d calls", mode, got, seen)
		}
	}
	x := crease.Ones([]int{2})
	if crease.OnGrad(x, nil) != x {
		t.Error("a tensor without gradients is another one")
	}
}

// The op that made the first NaN is named, with where it was called, forward, backward,
// in a compiled function and in what the data has.
func TestFindNaN(t *testing.T) {
	x := crease.From([]float32{-1, 0, 4}, nil).RequireGrad()
	for name, c := range map[string]struct {
		f        func()
		op       string
		given    int
		element  int
		backward bool
	}{
		"forward": {func() { x.MulScalar(2).Log().Exp() }, "log", -1, 0, false},
		"compiled": {func() {
			crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0].Sqrt().Sum()} }).Call(x.Detach())
		}, "sqrt", -1, 0, false},
		"backward": {func() { x.Abs().Sqrt().Mul(crease.From([]float32{1, 0, 1}, nil)).Sum().Backward() }, "", -1, 1, true},
		"given":    {func() { x.Add(crease.From([]float32{0, 1, float32(math.NaN())}, nil)) }, "add", 1, 2, false},
	} {
		var found *crease.NaNError
		err := crease.Try(func() { crease.FindNaN(c.f) })
		if !errors.As(err, &found) || c.op != "" && found.Op != c.op || found.Given != c.given || found.Element != c.element || found.Backward != c.backward || !strings.Contains(found.Caller, "checkpoint_test.go:") {
			t.Errorf("%s: %v (%+v)", name, err, found)
		}
		x.ZeroGrad()
	}
	if err := crease.Try(func() { crease.FindNaN(func() { x.Square().Sum().Backward() }) }); err != nil {
		t.Errorf("where there is none: %v", err)
	}
	x.Detach().Log() // and not looked for outside
}

// Directional derivatives are those of differences.
func TestJvp(t *testing.T) {
	f := func(in ...*crease.Tensor) []*crease.Tensor {
		h := in[0].MatMul(in[1])
		return []*crease.Tensor{h.Tanh().Mul(h.Exp()), h.Softmax(1).Sum(0), in[1].MulScalar(3)}
	}
	at := func(dims ...int) *crease.Tensor {
		return crease.RandNormal(dims, 0, 0.5, crease.By(crease.NewGenerator(uint64(dims[0]))))
	}
	wide := func(t *crease.Tensor) *crease.Tensor { return t.Cast(ops.Floats[0]) }
	in := []*crease.Tensor{wide(at(3, 4)), wide(at(4, 2))}
	v := []*crease.Tensor{wide(crease.Randn([]int{3, 4})), wide(crease.Randn([]int{4, 2}))}
	out, d := crease.Jvp(f, in, v)
	const h = 1e-6
	moved := func(s float64) []*crease.Tensor {
		return f(in[0].Add(v[0].MulScalar(s*h)), in[1].Add(v[1].MulScalar(s*h)))
	}
	up, down, want := moved(1), moved(-1), f(in...)
	for i := range d {
		if !slices.Equal(out[i].Floats(), want[i].Floats()) {
			t.Errorf("value %d is another", i)
		}
		a, b := up[i].Floats(), down[i].Floats()
		for k, got := range d[i].Floats() {
			if w := (a[k] - b[k]) / (2 * h); math.Abs(got-w) > 1e-7 {
				t.Fatalf("derivative %d of result %d is %v, differences give %v", k, i, got, w)
			}
		}
	}
	var bad *ops.GradError
	if err := crease.Try(func() { crease.Jvp(f, in, v[:1]) }); !errors.As(err, &bad) {
		t.Errorf("too few vectors: %v", err)
	}
}
