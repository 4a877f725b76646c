package conform

import (
	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// An assignment changes its target and leaves its source alone, whoever holds that.
var assignCases = []aliasCase{
	{"assign/parameter", func(a *aliasing) {
		w, ema := a.leaf(1, 2), a.from(0, 0)
		a.do(func() { ema.Assign(w) })
		a.holds("the source", w, 1, 2)
		ema.Assign(a.from(8, 9))
		a.holds("the source, after its target has changed", w, 1, 2)
	}},
	{"assign/one source twice", func(a *aliasing) {
		x, y, z := a.from(5), a.from(0), a.from(0)
		a.do(func() { x.Assign(z.AddScalar(5)); y.Assign(x); z.Assign(x) })
		y.Assign(a.from(7))
		a.holds("the first target", y, 7)
		a.holds("the second target", z, 5)
		a.holds("the source", x, 5)
	}},
	{"assign/what was made on the spot", func(a *aliasing) {
		x, y := a.from(1, 2), a.from(0, 0)
		a.do(func() {
			z := x.AddScalar(1)
			y.Assign(z)
			z.Assign(x)
			x.Assign(z.MulScalar(10))
		})
		a.holds("y", y, 2, 3)
		a.holds("x", x, 10, 20)
	}},
	{"assign/a view of the source", func(a *aliasing) {
		x, y := a.from(1, 2, 3), a.from(0, 0)
		v := x.Narrow(0, 1, 2)
		a.do(func() { y.Assign(v); v.Assign(a.from(8, 9)) })
		a.holds("y", y, 2, 3)
		a.holds("x", x, 1, 8, 9)
	}},
	{"assign/a window shifted over itself", func(a *aliasing) {
		x := a.from(1, 2, 3, 4)
		a.do(func() { x.Narrow(0, 1, 3).Assign(x.Narrow(0, 0, 3)) })
		a.holds("x", x, 1, 1, 2, 3)
	}},
	{"assign/its own reverse", func(a *aliasing) {
		x := crease.From([]float32{1, 2, 3, 4}, []int{2, 2}, a.on)
		a.do(func() { x.Assign(x.T()) })
		a.holds("x", x.Reshape(4), 1, 3, 2, 4)
	}},
	{"assign/into an expanded tensor", func(a *aliasing) {
		e := a.from(0).Expand(3)
		refuses[*ops.AttrError](a, "assigning to three elements that are one", func() { a.do(func() { e.Assign(a.from(7, 8, 9)) }) })
		a.holds("the tensor", e, 0, 0, 0)
	}},
	{"assign/results over operands", func(a *aliasing) {
		x, y := a.from(1, 2), a.from(10, 20)
		a.do(func() {
			crease.ApplyInto(ops.Add, nil, []*tensor{x, y}, []*tensor{x})
			crease.ApplyInto(ops.Add, nil, []*tensor{x, y}, []*tensor{y})
		})
		a.holds("x", x, 11, 22)
		a.holds("y", y, 21, 42)
		square := crease.From([]float32{1, 2, 3, 4}, []int{2, 2}, a.on)
		a.do(func() { crease.ApplyInto(ops.MatMul, nil, []*tensor{square, square}, []*tensor{square.T()}) })
		a.holds("the square's transpose", square.T().Reshape(4), 7, 10, 15, 22)
	}},
	{"assign/nothing", func(a *aliasing) {
		refuses[error](a, "assigning nil", func() { a.from(1).Assign(nil) })
		refuses[error](a, "calling with nil", func() { a.call(func(in ...*tensor) []*tensor { return []*tensor{in[0].Neg()} })(nil) })
		refuses[error](a, "adding nil", func() { a.from(1).Add(nil) })
	}},
	{"assign/attributes", func(a *aliasing) {
		axes := []int{0}
		w := crease.From([]float32{1, 2, 3, 4}, []int{2, 2}, a.on).RequireGrad()
		g := crease.Zeros([]int{2, 2}, a.on)
		a.do(func() {
			y := w.Sum(axes...)
			axes[0] = 1
			y.Backward(crease.Seeds(a.from(10, 20)))
			g.Assign(w.Grad())
			w.ZeroGrad()
		})
		a.holds("the gradient", g.Reshape(4), 10, 20, 10, 20)
	}},
}
