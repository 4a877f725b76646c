package conform

import (
	"fmt"

	"github.com/crease-ml/crease"
)

// What a function returns, captures and is given stays what it is eagerly.
var compiledCases = []aliasCase{
	{"call/constant result", func(a *aliasing) {
		f := a.call(func(...*tensor) []*tensor { return []*tensor{crease.Zeros([]int{2}, a.on)} })
		x := a.from(0)
		f(x)[0].Assign(a.from(1, 1))
		a.holds("the next result", f(x)[0], 0, 0)
	}},
	{"call/equal results", func(a *aliasing) {
		f := a.call(func(in ...*tensor) []*tensor { return []*tensor{in[0].AddScalar(1), in[0].AddScalar(1)} })
		r := f(a.from(1, 2))
		r[0].Assign(a.from(0, 0))
		a.holds("the second", r[1], 2, 3)
	}},
	{"call/results that are arguments", func(a *aliasing) {
		f := a.call(func(in ...*tensor) []*tensor { return []*tensor{in[0], in[0].Narrow(0, 1, 1), in[0].Copy()} })
		x := a.from(1, 2)
		r := f(x)
		x.Assign(a.from(8, 9))
		a.holds("the argument returned", r[0], 8, 9)
		a.holds("a view of it", r[1], 9)
		a.holds("a copy of it", r[2], 1, 2)
	}},
	{"call/results that are captured", func(a *aliasing) {
		s := a.from(1, 2)
		f := a.call(func(in ...*tensor) []*tensor {
			s.Assign(s.Add(in[0]))
			return []*tensor{s, s.T().Copy()}
		})
		first := f(a.from(1, 1))
		second := f(a.from(10, 10))
		a.holds("the state after the second call", second[0], 12, 13)
		a.holds("the state by the first result", first[0], 12, 13)
		a.holds("what was copied in the first call", first[1], 2, 3)
	}},
	{"call/captured views", func(a *aliasing) {
		x, h, arg := a.from(0, 0, 0), a.from(0, 0, 0), a.from(0, 0, 0)
		v := x.Narrow(0, 0, 2)
		f := a.call(func(in ...*tensor) []*tensor {
			d := x.Detach()
			x.Assign(a.from(1, 1, 1))
			h.Narrow(0, 0, 1).Assign(a.from(1))
			in[0].Assign(a.from(1, 1, 1))
			return []*tensor{v.Copy(), d.Copy()}
		})
		r := f(arg)
		a.holds("the view of what was assigned to", r[0], 1, 1)
		a.holds("its detached form", r[1], 1, 1, 1)
		a.holds("what was assigned to through a view", h, 1, 0, 0)
		a.holds("the argument", arg, 1, 1, 1)
	}},
	{"call/an argument that is captured", func(a *aliasing) {
		s := a.from(1, 2)
		f := a.call(func(in ...*tensor) []*tensor {
			s.Assign(s.AddScalar(1))
			return []*tensor{in[0].MulScalar(10)}
		})
		a.holds("of another tensor", f(a.from(5, 5))[0], 50, 50)
		a.holds("of the captured one", f(s)[0], 30, 40)
		a.holds("of a view of it", f(s.Narrow(0, 0, 1))[0], 40)
		a.holds("of another tensor again", f(a.from(6, 6))[0], 60, 60)
	}},
	{"call/arguments that overlap", func(a *aliasing) {
		f := a.call(func(in ...*tensor) []*tensor {
			in[0].Assign(in[0].MulScalar(10))
			return []*tensor{in[1].AddScalar(0)}
		})
		x := a.from(1, 2, 3)
		a.holds("apart", f(x.Copy(), x.Narrow(0, 1, 2))[0], 2, 3)
		a.holds("the same", f(x, x)[0], 10, 20, 30)
		a.holds("a window", f(x, x.Narrow(0, 1, 2))[0], 200, 300)
	}},
	{"call/numbers that were read", func(a *aliasing) {
		s := a.from(3)
		reads := map[string]func(){
			"Item":   func() { s.Item() },
			"Floats": func() { s.Floats() },
			"Host":   func() { s.Host() },
			"Data":   func() { crease.Data[float32](s) },
			"String": func() { _ = s.String() },
			"Sprint": func() { _ = fmt.Sprint(s) },
		}
		for name, read := range reads {
			f := func() { a.do(func() { read(); s.Assign(s.AddScalar(1)) }) }
			if !a.compiled {
				f()
				continue
			}
			if name == "Sprint" { // fmt recovers panics, so the call itself must refuse
				refuses[*crease.CompileError](a, "printing inside", f)
				continue
			}
			refuses[*crease.CompileError](a, name+" inside", f)
		}
		if a.compiled {
			a.holds("the tensor that was not read", s, 3)
		}
	}},
	{"call/one state, two functions", func(a *aliasing) {
		s := a.from(0)
		add := a.call(func(in ...*tensor) []*tensor { s.Assign(s.Add(in[0])); return nil })
		double := a.call(func(...*tensor) []*tensor { s.Assign(s.MulScalar(2)); return []*tensor{s.Copy()} })
		x := a.from(1)
		for range 3 {
			add(x)
			double(x)
		}
		a.holds("the state", s, 14)
	}},
	{"call/random numbers", func(a *aliasing) {
		g := crease.NewGenerator(7, a.on)
		f := a.call(func(...*tensor) []*tensor { return []*tensor{crease.RandUniform([]int{4}, 0, 1, a.on, crease.By(g))} })
		x := a.from(0)
		got := append(f(x)[0].Floats(), f(x)[0].Floats()...)
		h := crease.NewGenerator(7, a.on)
		want := append(crease.RandUniform([]int{4}, 0, 1, a.on, crease.By(h)).Floats(), crease.RandUniform([]int{4}, 0, 1, a.on, crease.By(h)).Floats()...)
		a.holds("two draws", crease.From(got, nil, a.on), want...)
	}},
}
