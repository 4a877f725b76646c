package conform

import "github.com/crease-ml/crease"

// The gradients of a pass have memory of their own: whoever has one may change it.
var gradientCases = []aliasCase{
	{"gradient/of both operands", func(a *aliasing) {
		x, y := a.leaf(1, 2), a.leaf(3, 4)
		gx, gy := a.from(0, 0), a.from(0, 0)
		a.do(func() {
			x.Add(y).Mul(a.from(10, 20)).Sum().Backward()
			for _, p := range []*tensor{x, y} { // clipping scales in place
				p.Grad().Assign(p.Grad().MulScalar(0.5))
			}
			gx.Assign(x.Grad())
			gy.Assign(y.Grad())
			x.ZeroGrad()
			y.ZeroGrad()
		})
		a.holds("the gradient of x", gx, 5, 10)
		a.holds("the gradient of y", gy, 5, 10)
	}},
	{"gradient/and its seed", func(a *aliasing) {
		x, seed, g := a.leaf(1, 2), a.from(1, 1), a.from(0, 0)
		a.do(func() {
			x.Add(a.from(3, 4)).Backward(crease.Seeds(seed))
			seed.Assign(a.from(9, 9))
			g.Assign(x.Grad())
			x.ZeroGrad()
		})
		a.holds("the gradient", g, 1, 1)
	}},
	{"gradient/of a sum", func(a *aliasing) {
		x, g := a.leaf(1, 2, 3), a.from(0, 0, 0)
		a.do(func() {
			x.Sum().Backward()
			x.Grad().Narrow(0, 0, 1).Assign(a.from(7)) // no expanded number
			g.Assign(x.Grad())
			x.ZeroGrad()
		})
		a.holds("the gradient", g, 7, 1, 1)
	}},
	{"gradient/through views", func(a *aliasing) {
		x, g := a.leaf(1, 2, 3, 4), a.from(0, 0, 0, 0)
		a.do(func() {
			m := x.Reshape(2, 2)
			m.T().Index(0).Sum().Add(m.Index(1).Square().Sum()).Add(m.Expand(3, 2, 2).Sum()).Backward()
			g.Assign(x.Grad())
			x.ZeroGrad()
		})
		a.holds("the gradient", g, 4, 3, 10, 11)
	}},
	{"gradient/asked for twice", func(a *aliasing) {
		x := a.leaf(1, 2)
		first, second := a.from(0, 0), a.from(0, 0)
		a.do(func() {
			g := crease.Grad([]*tensor{x.MulScalar(3).Sum()}, []*tensor{x, x})
			g[0].Assign(g[0].MulScalar(2))
			first.Assign(g[0])
			second.Assign(g[1])
		})
		a.holds("the first", first, 6, 6)
		a.holds("the second", second, 3, 3)
	}},
	{"gradient/accumulated", func(a *aliasing) {
		x, kept, sum := a.leaf(1, 2), a.from(0, 0), a.from(0, 0)
		a.do(func() {
			x.Square().Sum().Backward()
			kept.Assign(x.Grad())
			x.Square().Sum().Backward()
			sum.Assign(x.Grad())
			x.ZeroGrad()
		})
		a.holds("after one pass", kept, 2, 4)
		a.holds("after two", sum, 4, 8)
	}},
	{"gradient/of slices that overlap", func(a *aliasing) {
		x, g := a.leaf(1, 2, 3, 4), a.from(0, 0, 0, 0)
		a.do(func() {
			x.Narrow(0, 0, 3).Mul(x.Narrow(0, 1, 3)).Add(x.Narrow(0, 0, 3)).Sum().Backward()
			g.Assign(x.Grad())
			x.ZeroGrad()
		})
		a.holds("the gradient", g, 3, 5, 7, 3)
	}},
	{"gradient/required inside", func(a *aliasing) {
		w := a.from(1, 2)
		f := a.call(func(...*tensor) []*tensor {
			w.Assign(w.MulScalar(10))
			w.RequireGrad()
			return crease.Grad([]*tensor{w.Mul(w).Sum()}, []*tensor{w})
		})
		x := a.from(0)
		a.holds("the gradient", f(x)[0], 20, 40)
	}},
}
