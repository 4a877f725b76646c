package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// state is one parameter slice with its moments and gradient.
type state struct{ p, m, v, g []float32 }

func newState(t *testing.T, n int) state {
	rng := rand.New(rand.NewPCG(6, 6))
	s := state{guarded(t, n), guarded(t, n), guarded(t, n), guarded(t, n)}
	for i := range n {
		s.p[i], s.g[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	return s
}

func (s state) equal(o state) bool {
	return slices.Equal(s.p, o.p) && slices.Equal(s.m, o.m) && slices.Equal(s.v, o.v) && slices.Equal(s.g, o.g)
}

// TestStepsMatchTwins runs three steps of each optimiser at each level and
// compares parameters and moments bit for bit with the generic level.
func TestStepsMatchTwins(t *testing.T) {
	h := SGD{LR: 0.1, L2: 0.01, Momentum: 0.9, Dampening: 0.2}
	sgd := h.Coef()
	h.Nesterov = true
	nesterov := h.Coef()
	steps := map[string]func(fn *Funcs, s state, t int){
		"adam": func(fn *Funcs, s state, t int) {
			c := adamAt(t).Coef()
			fn.AdamStep(s.p, s.m, s.v, s.g, &c)
		},
		"sgd": func(fn *Funcs, s state, _ int) { fn.SGDStep(s.p, nil, s.g, &sgd) },
		"momentum": func(fn *Funcs, s state, _ int) {
			fn.SGDStep(s.p, s.m, s.g, &sgd)
		},
		"nesterov": func(fn *Funcs, s state, _ int) {
			fn.SGDStep(s.p, s.m, s.g, &nesterov)
		},
	}
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		for name, step := range steps {
			for _, n := range []int{0, 1, 7, 8, 9, 31, 500} {
				got, want := newState(t, n), newState(t, n)
				for i := range 3 {
					step(fn, got, i+1)
					step(&generic, want, i+1)
				}
				if !got.equal(want) {
					t.Errorf("%s on %d elements differs from the generic level", name, n)
				}
			}
		}
	})
}

func adamAt(t int) Adam {
	return Adam{
		LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, L2: 0.02, Decay: 0.03,
		C1: 1 - math.Pow(0.9, float64(t)), C2: 1 - math.Pow(0.999, float64(t)),
	}
}

// TestStepsFollowFormulas compares with the documented formulas in float64.
func TestStepsFollowFormulas(t *testing.T) {
	eachLevel(t, func(t *testing.T, fn *Funcs) {
		s := newState(t, 20)
		var p, m, v [20]float64
		for i := range p {
			p[i] = float64(s.p[i])
		}
		for step := 1; step <= 10; step++ {
			h := adamAt(step)
			c := h.Coef()
			fn.AdamStep(s.p, s.m, s.v, s.g, &c)
			for i := range p {
				p[i] *= 1 - h.LR*h.Decay
				g := float64(s.g[i]) + h.L2*p[i]
				m[i] = h.Beta1*m[i] + (1-h.Beta1)*g
				v[i] = h.Beta2*v[i] + (1-h.Beta2)*g*g
				p[i] -= h.LR / h.C1 * m[i] / (math.Sqrt(v[i])/math.Sqrt(h.C2) + h.Eps)
			}
		}
		for i := range p {
			if math.Abs(p[i]-float64(s.p[i])) > 2e-6 {
				t.Errorf("Adam: element %d is %g, want %g", i, s.p[i], p[i])
			}
		}
		for _, nesterov := range []bool{false, true} {
			s := newState(t, 20)
			h := SGD{LR: 0.1, L2: 0.01, Momentum: 0.9, Dampening: 0.2, Nesterov: nesterov}
			c := h.Coef()
			var p, buf [20]float64
			for i := range p {
				p[i] = float64(s.p[i])
			}
			for range 10 {
				fn.SGDStep(s.p, s.m, s.g, &c)
				for i := range p {
					g := float64(s.g[i]) + h.L2*p[i]
					buf[i] = h.Momentum*buf[i] + (1-h.Dampening)*g
					d := buf[i]
					if nesterov {
						d = g + h.Momentum*buf[i]
					}
					p[i] -= h.LR * d
				}
			}
			for i := range p {
				if math.Abs(p[i]-float64(s.p[i])) > 1e-5 {
					t.Errorf("SGD (nesterov %v): element %d is %g, want %g", nesterov, i, s.p[i], p[i])
				}
			}
		}
	})
}
