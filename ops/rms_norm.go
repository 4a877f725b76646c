package ops

import "math"

// Normalisation by the root mean square (Zhang, Sennrich 2019) and its fused
// gradient. The attributes are those of layer normalisation.
var (
	RMSNorm     *Op
	RMSNormGrad *Op
)

func init() {
	RMSNorm = Declare(Op{
		Name:   "rms_norm",
		GoName: "RMSNorm",
		Doc: "x * rstd * gamma with rstd = 1/sqrt(average(x^2) + eps) over the trailing axes; gamma has the shape of these. " +
			"Results y and rstd; the second has the leading shape and is f32 where x is a 16-bit float.",
		ONNX:   "RMSNormalization",
		Kind:   Composite,
		Inputs: "x gamma?",
		Attrs:  LayerNormAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			stat, err := rowNormInfer(attrs, in)
			return []Spec{in[0], stat}, err
		},
		Ref: func(attrs any, in, out []Host) {
			a, x := attrs.(LayerNormAttrs), in[0]
			n := elements(x.Shape, trailing(x.Shape, a.Axes))
			for r := range out[1].Elements() {
				square := 0.0
				for k := range n {
					square += x.At(r*n+k) * x.At(r*n+k) / float64(n)
				}
				rstd := 1 / math.Sqrt(square+a.Eps)
				out[1].Set(r, rstd)
				for k := range n {
					y := x.At(r*n+k) * rstd
					if len(in) > 1 {
						y *= in[1].At(k)
					}
					out[0].Set(r*n+k, y)
				}
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(LayerNormAttrs), in[0].Spec()
			axes := trailing(spec.Shape, a.Axes)
			scale := 1 / float64(elements(spec.Shape, axes))
			x := widened(b, in[0])
			rstd := Rsqrt.Of(b, Scaled(b, SumOver(b, Mul.Of(b, x, x), true, axes...), scale, a.Eps))
			y := Mul.Of(b, x, rstd)
			if len(in) > 1 {
				y = Mul.Of(b, y, widened(b, in[1]))
			}
			return []Value{Casted(b, y, spec.DType), Reshaped(b, rstd, spec.Shape[:len(spec.Shape)-a.Axes]...)}
		},
		Grad:  rmsNormGrad,
		Saves: In(0, 1) | Out(1),
		Cost:  flopsPer(4),
		Tol:   Tolerance{ULP: 8, Depth: layerNormDepth(0)},
		Bench: func(s Size) Case { return Case{Attrs: LayerNormAttrs{1, 1e-5}, In: []Arg{s.Square(), s.Vector()}} },
		Cases: []Case{
			{Name: "plain", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{3, 7})},
			{Name: "gamma", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{2, 3, 9}, []int{9})},
			{Name: "two-axes", Attrs: LayerNormAttrs{2, 1e-3}, In: args(Arg{}, []int{2, 3, 4}, []int{3, 4})},
			{Name: "all-axes", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{11})},
			{Name: "one", Attrs: LayerNormAttrs{1, 1}, In: args(Arg{}, []int{3, 1}, []int{1})},
			{Name: "empty", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{0, 4}, []int{4})},
		},
	})

	RMSNormGrad = Declare(Op{
		Name:     "rms_norm_grad",
		GoName:   "RMSNormGrad",
		Internal: true,
		Doc: "Gradients of rms_norm for x and gamma from that of y: with h = x*rstd and e = d*gamma, " +
			"dx = rstd*(e - h*average(e*h)), dgamma = sum(d*h).",
		Kind:   Composite,
		Inputs: "d x gamma rstd",
		Attrs:  LayerNormAttrs{},
		Types:  Floats,
		Infer:  rowNormGradInfer,
		Ref: func(attrs any, in, out []Host) {
			d, x, gamma, rstd := in[0], in[1], in[2], in[3]
			n := gamma.Elements()
			dgamma := make([]float64, n)
			for r := range rstd.Elements() {
				s, dot := rstd.At(r), 0.0
				for k := range n {
					i := r*n + k
					h := x.At(i) * s
					dot += d.At(i) * gamma.At(k) * h / float64(n)
					dgamma[k] += d.At(i) * h
				}
				for k := range n {
					i := r*n + k
					out[0].Set(i, s*(d.At(i)*gamma.At(k)-x.At(i)*s*dot))
				}
			}
			for k := range n {
				out[1].Set(k, dgamma[k])
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(LayerNormAttrs), in[1].Spec()
			axes := trailing(spec.Shape, a.Axes)
			scale := 1 / float64(elements(spec.Shape, axes))
			d, x, gamma := widened(b, in[0]), widened(b, in[1]), widened(b, in[2])
			rstd := KeepShape(b, in[3], spec.Shape, axes)
			h, e := Mul.Of(b, x, rstd), Mul.Of(b, d, gamma)
			dot := Scaled(b, SumOver(b, Mul.Of(b, e, h), true, axes...), scale, 0)
			dx := Mul.Of(b, rstd, Sub.Of(b, e, Mul.Of(b, h, dot)))
			dgamma := Unbroadcast(b, Mul.Of(b, d, h), in[2].Spec().Shape)
			return []Value{Casted(b, dx, spec.DType), Casted(b, dgamma, spec.DType)}
		},
		Cost: flopsPer(9),
		Tol:  Tolerance{ULP: 8, Depth: func(_ any, in []Spec) int { return in[1].Elements() }},
		Bench: func(s Size) Case {
			rstd := s.Vector().As(s.Wide()).Between(0.5, 2)
			return Case{Attrs: LayerNormAttrs{1, 1e-5}, In: []Arg{s.Square(), s.Square(), s.Vector(), rstd}}
		},
		Cases: rowNormGradCases(Arg{Lo: 0.5, Hi: 2}),
	})
}

func rmsNormGrad(g *GradCall) []Value {
	a, spec, b := g.Attrs.(LayerNormAttrs), g.In[0].Spec(), g.B
	axes := trailing(spec.Shape, a.Axes)
	out := make([]Value, len(g.In))
	if g.D[0] != nil {
		copy(out, RMSNormGrad.Apply(b, a, g.D[0], g.In[0], gammaOf(g), g.Out[1]))
	}
	if g.D[1] != nil {
		rstd := g.Out[1]
		cube := Mul.Of(b, rstd, Mul.Of(b, rstd, rstd))
		slope := Scaled(b, Mul.Of(b, g.D[1], cube), -1/float64(elements(spec.Shape, axes)), 0)
		dx := Mul.Of(b, widened(b, g.In[0]), KeepShape(b, slope, spec.Shape, axes))
		out[0] = addGrad(b, out[0], Casted(b, dx, spec.DType))
	}
	return out
}
