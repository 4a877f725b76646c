package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// SgdAttrs are the settings of stochastic gradient descent, with PyTorch's
// meaning. Nesterov needs a momentum and no dampening.
type SgdAttrs struct {
	Momentum    float64 `json:"momentum"`
	Dampening   float64 `json:"dampening"`
	Nesterov    bool    `json:"nesterov"`
	WeightDecay float64 `json:"weight_decay"`
}

// AdamAttrs are the settings of Adam. Decoupled weight decay is AdamW.
type AdamAttrs struct {
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Eps         float64 `json:"eps"`
	WeightDecay float64 `json:"weight_decay"`
	Decoupled   bool    `json:"decoupled"`
}

// Steps of optimisers. The state is f32 where the parameter is a 16-bit
// float; the learning rate is an input, so that a schedule needs no new graph.
var (
	SgdStep  *Op
	AdamStep *Op
)

func init() {
	plain := Tolerance{ULP: 8, Depth: func(any, []Spec) int { return 1 }}

	SgdStep = Declare(Op{
		Name: "sgd_step",
		Doc: "One step of SGD for parameter p and gradient g: g += weight_decay*p; with momentum buf' = momentum*buf + (1-dampening)*g, without dampening in step t = 1, " +
			"and g = buf', or g + momentum*buf' for Nesterov; p' = p - lr*g. Results p' and buf'; without momentum buf is kept. lr and the step number t, from 1, are f32 scalars.",
		Kind:   Composite,
		Inputs: "p g buf lr t",
		Attrs:  SgdAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(SgdAttrs)
			switch {
			case !(a.Momentum >= 0) || !(a.WeightDecay >= 0) || math.IsInf(a.Momentum, 0) || math.IsInf(a.WeightDecay, 0):
				return nil, attrErr("momentum is %g and weight_decay %g, both must be finite and not negative", a.Momentum, a.WeightDecay)
			case math.IsNaN(a.Dampening) || math.IsInf(a.Dampening, 0):
				return nil, attrErr("dampening is %g, it must be finite", a.Dampening)
			case a.Nesterov && (a.Momentum == 0 || a.Dampening != 0):
				return nil, attrErr("nesterov needs a momentum above 0 and dampening 0, got %g and %g", a.Momentum, a.Dampening)
			}
			return stepInfer(in, 1, 2)
		},
		Ref: func(attrs any, in, out []Host) {
			a, lr := attrs.(SgdAttrs).At(in[4].At(0)), in[3].At(0)
			for i := range in[0].Elements() {
				p, buf := in[0].At(i), in[2].At(i)
				g := in[1].At(i) + a.WeightDecay*p
				if a.Momentum != 0 {
					buf = a.Momentum*buf + (1-a.Dampening)*g
					if a.Nesterov {
						g += a.Momentum * buf
					} else {
						g = buf
					}
				}
				out[0].Set(i, p-lr*g)
				out[1].Set(i, buf)
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, t := attrs.(SgdAttrs), in[0].Spec().DType
			p, g := widened(b, in[0]), widened(b, in[1])
			lr := Casted(b, in[3], t.Wide())
			if a.WeightDecay != 0 {
				g = Add.Of(b, g, Scaled(b, p, a.WeightDecay, 0))
			}
			var buf Value
			if a.Momentum == 0 {
				buf = Copy.Of(b, in[2])
			} else {
				fresh := Scaled(b, g, 1-a.Dampening, 0)
				if a.Dampening != 0 {
					fresh = Where.Of(b, Le.Of(b, in[4], scalarLike(b, in[4], 1)), g, fresh)
				}
				buf = Add.Of(b, Scaled(b, in[2], a.Momentum, 0), fresh)
				if a.Nesterov {
					g = Add.Of(b, g, Scaled(b, buf, a.Momentum, 0))
				} else {
					g = buf
				}
			}
			return []Value{Casted(b, Sub.Of(b, p, Mul.Of(b, lr, g)), t), buf}
		},
		NoGrad: "it is an optimiser step",
		Cost:   flopsPer(7),
		Tol:    plain,
		Bench: func(s Size) Case {
			p, buf, lr := s.Square(), s.Square().As(s.Wide()), s.Scalar().As(dtype.F32).Between(1, 2)
			return Case{Attrs: SgdAttrs{Momentum: 0.9}, In: []Arg{p, p, buf, lr, lr}}
		},
		Cases: withWide([]Case{
			sgdCase("plain", SgdAttrs{}, 1, 13),
			sgdCase("decay", SgdAttrs{WeightDecay: 0.1}, 2, 2, 5),
			sgdCase("momentum", SgdAttrs{Momentum: 0.9, Dampening: 0.2}, 2, 7),
			sgdCase("first", SgdAttrs{Momentum: 0.9, Dampening: 0.2}, 0.5, 7),
			sgdCase("nesterov", SgdAttrs{Momentum: 0.9, Nesterov: true, WeightDecay: 0.01}, 3, 3, 3),
			sgdCase("scalar", SgdAttrs{Momentum: 0.5}, 1),
			sgdCase("empty", SgdAttrs{Momentum: 0.5}, 1, 0),
		}, 2),
	})

	AdamStep = Declare(Op{
		Name: "adam_step",
		Doc: "One step of Adam (Kingma, Ba 2015) or, decoupled, AdamW (Loshchilov, Hutter 2019), as PyTorch computes it: " +
			"m' = beta1*m + (1-beta1)*g, v' = beta2*v + (1-beta2)*g^2, p' = p - lr/(1-beta1^t) * m'/(sqrt(v'/(1-beta2^t)) + eps). " +
			"Weight decay is added to g, or shrinks p by 1 - lr*weight_decay when decoupled. lr and the step number t, from 1, are f32 scalars. Results p', m', v'.",
		Kind:   Composite,
		Probe:  true,
		Inputs: "p g m v lr t",
		Attrs:  AdamAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(AdamAttrs)
			switch {
			case !(a.Beta1 >= 0 && a.Beta1 < 1) || !(a.Beta2 >= 0 && a.Beta2 < 1):
				return nil, attrErr("beta1 is %g and beta2 %g, both must be in [0, 1)", a.Beta1, a.Beta2)
			case !(a.Eps >= 0) || !(a.WeightDecay >= 0) || math.IsInf(a.Eps, 0) || math.IsInf(a.WeightDecay, 0):
				return nil, attrErr("eps is %g and weight_decay %g, both must be finite and not negative", a.Eps, a.WeightDecay)
			}
			return stepInfer(in, 2, 2)
		},
		Ref: func(attrs any, in, out []Host) {
			a, lr, t := attrs.(AdamAttrs), in[4].At(0), in[5].At(0)
			c1, c2 := 1-math.Pow(a.Beta1, t), 1-math.Pow(a.Beta2, t)
			for i := range in[0].Elements() {
				p, g := in[0].At(i), in[1].At(i)
				if a.Decoupled {
					p *= 1 - lr*a.WeightDecay
				} else {
					g += a.WeightDecay * p
				}
				m := a.Beta1*in[2].At(i) + (1-a.Beta1)*g
				v := a.Beta2*in[3].At(i) + (1-a.Beta2)*g*g
				out[0].Set(i, p-lr/c1*m/(math.Sqrt(v)/math.Sqrt(c2)+a.Eps))
				out[1].Set(i, m)
				out[2].Set(i, v)
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, t := attrs.(AdamAttrs), in[0].Spec().DType
			wide := t.Wide()
			p, g := widened(b, in[0]), widened(b, in[1])
			lr, step := Casted(b, in[4], wide), Casted(b, in[5], wide)
			// 1 - beta^t by expm1: the difference would cancel for beta near 1.
			correction := func(beta float64) Value {
				return Neg.Of(b, Expm1.Of(b, Scaled(b, step, math.Log(beta), 0)))
			}
			switch {
			case a.WeightDecay == 0:
			case a.Decoupled:
				p = Mul.Of(b, p, Scaled(b, lr, -a.WeightDecay, 1))
			default:
				g = Add.Of(b, g, Scaled(b, p, a.WeightDecay, 0))
			}
			m := Add.Of(b, Scaled(b, in[2], a.Beta1, 0), Scaled(b, g, 1-a.Beta1, 0))
			v := Add.Of(b, Scaled(b, in[3], a.Beta2, 0), Scaled(b, Mul.Of(b, g, g), 1-a.Beta2, 0))
			root := Div.Of(b, Sqrt.Of(b, v), Sqrt.Of(b, correction(a.Beta2)))
			rate := Div.Of(b, lr, correction(a.Beta1))
			update := Div.Of(b, Mul.Of(b, rate, m), Scaled(b, root, 1, a.Eps))
			return []Value{Casted(b, Sub.Of(b, p, update), t), m, v}
		},
		NoGrad: "it is an optimiser step",
		Cost:   flopsPer(14),
		Tol:    plain,
		Bench: func(s Size) Case {
			p, m, v := s.Square(), s.Square().As(s.Wide()), s.Square().As(s.Wide()).Between(1, 2)
			scalar := s.Scalar().As(dtype.F32).Between(1, 2)
			return Case{Attrs: AdamAttrs{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}, In: []Arg{p, p, m, v, scalar, scalar}}
		},
		Cases: withWide([]Case{
			adamCase("plain", AdamAttrs{0.9, 0.999, 1e-8, 0, false}, 1, 11),
			adamCase("later", AdamAttrs{0.9, 0.999, 1e-8, 0, false}, 250, 2, 5),
			adamCase("decay", AdamAttrs{0.9, 0.99, 1e-6, 0.1, false}, 3, 7),
			adamCase("decoupled", AdamAttrs{0.9, 0.99, 1e-6, 0.1, true}, 3, 3, 3),
			adamCase("no-memory", AdamAttrs{0, 0, 1e-3, 0, false}, 1, 5),
			adamCase("scalar", AdamAttrs{0.9, 0.999, 1e-8, 0, false}, 2),
			adamCase("empty", AdamAttrs{0.9, 0.999, 1e-8, 0, false}, 2, 0),
		}, 2, 3),
	})
}

// stepInfer is the rule of optimiser steps: p, g, states like p in its wide
// type, and f32 scalars. The results are the parameter and the states.
func stepInfer(in []Spec, states, scalars int) ([]Spec, error) {
	if scalars+states+2 != len(in) {
		return nil, shapeErr("takes %d inputs", scalars+states+2)
	}
	p := in[0]
	state := Spec{p.DType.Wide(), shape.Clone(p.Shape)}
	want, out := []Spec{p, p}, []Spec{p}
	for range states {
		want, out = append(want, state), append(out, state)
	}
	for range scalars {
		want = append(want, Spec{dtype.F32, nil})
	}
	if err := wantSpecs(in, want); err != nil {
		return nil, err
	}
	return out, nil
}

// At returns the settings of a step, counted from 1: PyTorch's momentum begins as the first
// gradient, undamped.
func (a SgdAttrs) At(step float64) SgdAttrs {
	if step <= 1 {
		a.Dampening = 0
	}
	return a
}

func sgdCase(name string, a SgdAttrs, step float64, dims ...int) Case {
	return Case{Name: name, Attrs: a, In: []Arg{{Shape: dims}, {Shape: dims}, {Shape: dims},
		{Shape: []int{}, DType: dtype.F32, Lo: 0.01, Hi: 0.1},
		{Shape: []int{}, DType: dtype.F32, Lo: step, Hi: step + 0x1p-20}}}
}

func adamCase(name string, a AdamAttrs, step float64, dims ...int) Case {
	return Case{Name: name, Attrs: a, In: []Arg{{Shape: dims}, {Shape: dims}, {Shape: dims}, {Shape: dims, Lo: 0.1, Hi: 2},
		{Shape: []int{}, DType: dtype.F32, Lo: 0.001, Hi: 0.01},
		{Shape: []int{}, DType: dtype.F32, Lo: step, Hi: step + 0x1p-20}}}
}
