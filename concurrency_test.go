package crease_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// together runs f on several goroutines at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// Backward passes over records of their own may share leaves.
func TestBackwardTogether(t *testing.T) {
	w := crease.From([]float32{1, 1}, nil).RequireGrad()
	together(4, func(int) {
		for range 200 {
			w.MulScalar(2).Sum().Backward()
		}
	})
	near(t, "the gradient", w.Grad().Floats(), []float64{1600, 1600})
}

// Two passes over one record at once are refused, and one of them wins.
func TestBackwardOverOneRecordTogether(t *testing.T) {
	for range 50 {
		w := crease.From([]float32{1, 2}, nil).RequireGrad()
		y := w.Square().Sum()
		errs := make([]error, 4)
		together(4, func(i int) { errs[i] = crease.Try(func() { y.Backward() }) })
		won := 0
		for _, err := range errs {
			var refused *ops.GradError
			switch {
			case err == nil:
				won++
			case !errors.As(err, &refused):
				t.Fatal(err)
			}
		}
		if won != 1 {
			t.Fatalf("%d passes over one record succeeded", won)
		}
		near(t, "the gradient", w.Grad().Floats(), []float64{2, 4})
	}
}

// Compiled functions that change the same state run one after the other.
func TestCompiledFunctionsShareState(t *testing.T) {
	s, one := crease.Zeros([]int{3}), crease.Ones([]int{3})
	var calls []func(in ...*crease.Tensor) []*crease.Tensor
	for range 4 {
		calls = append(calls, crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
			s.Assign(s.Add(in[0]).MulScalar(1))
			return []*crease.Tensor{s.Copy()}
		}).Call)
	}
	const n = 250
	var mu sync.Mutex
	var seen []float64
	together(len(calls), func(i int) {
		for range n {
			v := calls[i](one)[0].Floats()
			if v[0] != v[1] || v[1] != v[2] {
				t.Errorf("a call saw half of another: %v", v)
			}
			mu.Lock()
			seen = append(seen, v[0])
			mu.Unlock()
		}
	})
	slices.Sort(seen)
	for i, v := range seen {
		if v != float64(i+1) {
			t.Fatalf("call %d left %v: calls were lost", i, v)
		}
	}
}

// One compiled function may be called by several goroutines, with arguments of several
// shapes.
func TestCallsTogether(t *testing.T) {
	c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0].MulScalar(2).AddScalar(1)} })
	together(4, func(i int) {
		x := crease.Full([]int{i + 1}, float64(i))
		for range 100 {
			for _, v := range c.Call(x)[0].Floats() {
				if v != float64(2*i+1) {
					t.Errorf("call %d gave %v", i, v)
				}
			}
		}
	})
}

// Generators hand out no numbers twice: one of the program's own, and the default one.
func TestGeneratorsTogether(t *testing.T) {
	t.Run("own", func(t *testing.T) { drawTogether(t, crease.By(crease.NewGenerator(1))) })
	t.Run("default", func(t *testing.T) { drawTogether(t) })
}

func drawTogether(t *testing.T, by ...crease.Option) {
	compiled := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		return []*crease.Tensor{crease.RandUniform([]int{8}, 0, 1, by...)}
	})
	var mu sync.Mutex
	drawn := map[float64]int{}
	together(8, func(i int) {
		for range 100 {
			var x *crease.Tensor
			if i%2 == 0 {
				x = crease.RandUniform([]int{8}, 0, 1, by...)
			} else {
				x = compiled.Call()[0]
			}
			v := x.Floats()
			mu.Lock()
			drawn[v[0]*8+v[1]*64+v[2]*512]++ // eight numbers make a draw its own
			mu.Unlock()
		}
	})
	for v, n := range drawn {
		if n > 1 {
			t.Errorf("numbers were drawn %d times (%v)", n, v)
		}
	}
}

// Modes and scopes belong to a goroutine, and a Scope takes them to others.
func TestScopesAreOfAGoroutine(t *testing.T) {
	w := crease.Ones([]int{2}).RequireGrad()
	s := crease.NewScope().WithoutGrad()
	made := make([]*crease.Tensor, 4)
	together(4, func(i int) {
		if !w.MulScalar(2).RequiresGrad() {
			t.Error("a goroutine records no gradients without being asked to")
		}
		s.Do(func() { made[i] = w.MulScalar(3) })
		if !w.MulScalar(2).RequiresGrad() {
			t.Error("a scope has stayed after Do")
		}
	})
	for _, m := range made {
		if m.RequiresGrad() {
			t.Error("a gradient was recorded in a scope without")
		}
		near(t, "made in the scope", m.Floats(), []float64{3, 3})
	}
	s.Free()
	for _, m := range made {
		if err := crease.Try(func() { m.Floats() }); err == nil {
			t.Error("a tensor has outlived its scope")
		}
	}
}
