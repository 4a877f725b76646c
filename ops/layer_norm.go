package ops

import (
	"math"

	"github.com/crease-ml/crease/shape"
)

// LayerNormAttrs says of layer_norm and rms_norm how many trailing axes are normalised together.
type LayerNormAttrs struct {
	Axes int     `json:"axes"`
	Eps  float64 `json:"eps"`
}

// Layer normalisation (Ba, Kiros, Hinton 2016) and its fused gradient.
var (
	LayerNorm     *Op
	LayerNormGrad *Op
)

func init() {
	LayerNorm = Declare(Op{
		Name: "layer_norm",
		Doc: "(x - mean) * rstd * gamma + beta with mean and rstd = 1/sqrt(variance + eps) over the trailing axes; gamma and beta have the shape of these. " +
			"Results y, mean and rstd; the last two have the leading shape and are f32 where x is a 16-bit float.",
		ONNX:   "LayerNormalization",
		Kind:   Composite,
		Inputs: "x gamma? beta?",
		Attrs:  LayerNormAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			stat, err := rowNormInfer(attrs, in)
			return []Spec{in[0], stat, stat}, err
		},
		Ref: func(attrs any, in, out []Host) {
			a, x := attrs.(LayerNormAttrs), in[0]
			n := elements(x.Shape, trailing(x.Shape, a.Axes))
			for r := range out[1].Elements() {
				mean, variance := 0.0, 0.0
				for k := range n {
					mean += x.At(r*n+k) / float64(n)
				}
				for k := range n {
					c := x.At(r*n+k) - mean
					variance += c * c / float64(n)
				}
				rstd := 1 / math.Sqrt(variance+a.Eps)
				out[1].Set(r, mean)
				out[2].Set(r, rstd)
				for k := range n {
					y := (x.At(r*n+k) - mean) * rstd
					if len(in) > 1 {
						y *= in[1].At(k)
					}
					if len(in) > 2 {
						y += in[2].At(k)
					}
					out[0].Set(r*n+k, y)
				}
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(LayerNormAttrs), in[0].Spec()
			axes := trailing(spec.Shape, a.Axes)
			lead := spec.Shape[:len(spec.Shape)-a.Axes]
			scale := 1 / float64(elements(spec.Shape, axes))
			x := widened(b, in[0])
			mean := Scaled(b, SumOver(b, x, true, axes...), scale, 0)
			centred := Sub.Of(b, x, mean)
			variance := Scaled(b, SumOver(b, Mul.Of(b, centred, centred), true, axes...), scale, a.Eps)
			rstd := Rsqrt.Of(b, variance)
			y := Mul.Of(b, centred, rstd)
			if len(in) > 1 {
				y = Mul.Of(b, y, widened(b, in[1]))
			}
			if len(in) > 2 {
				y = Add.Of(b, y, widened(b, in[2]))
			}
			return []Value{Casted(b, y, spec.DType), Reshaped(b, mean, lead...), Reshaped(b, rstd, lead...)}
		},
		Grad:  layerNormGrad,
		Saves: In(0, 1) | Out(1, 2),
		Cost:  flopsPer(8),
		Tol:   Tolerance{ULP: 8, Depth: layerNormDepth(0), Spread: true},
		Bench: func(s Size) Case {
			return Case{Attrs: LayerNormAttrs{1, 1e-5}, In: []Arg{s.Square(), s.Vector(), s.Vector()}}
		},
		Cases: []Case{
			{Name: "plain", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{3, 7})},
			{Name: "gamma", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{2, 9}, []int{9})},
			{Name: "full", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{2, 3, 8}, []int{8}, []int{8})},
			{Name: "two-axes", Attrs: LayerNormAttrs{2, 1e-3}, In: args(Arg{}, []int{2, 3, 4}, []int{3, 4}, []int{3, 4})},
			{Name: "all-axes", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{11})},
			{Name: "one", Attrs: LayerNormAttrs{1, 1}, In: args(Arg{}, []int{3, 1}, []int{1}, []int{1})},
			{Name: "empty", Attrs: LayerNormAttrs{1, 1e-5}, In: args(Arg{}, []int{0, 4}, []int{4}, []int{4})},
		},
	})

	LayerNormGrad = Declare(Op{
		Name:     "layer_norm_grad",
		Internal: true,
		Doc: "Gradients of layer_norm for x, gamma and beta from that of y: with h = (x-mean)*rstd and e = d*gamma, " +
			"dx = rstd*(e - average(e) - h*average(e*h)), dgamma = sum(d*h), dbeta = sum(d).",
		Kind:   Composite,
		Inputs: "d x gamma mean rstd",
		Attrs:  LayerNormAttrs{},
		Types:  Floats,
		Infer:  rowNormGradInfer,
		Ref: func(attrs any, in, out []Host) {
			d, x, gamma, mean, rstd := in[0], in[1], in[2], in[3], in[4]
			n := gamma.Elements()
			dgamma, dbeta := make([]float64, n), make([]float64, n)
			for r := range mean.Elements() {
				m, s := mean.At(r), rstd.At(r)
				avg, dot := 0.0, 0.0
				for k := range n {
					i := r*n + k
					h, e := (x.At(i)-m)*s, d.At(i)*gamma.At(k)
					avg += e / float64(n)
					dot += e * h / float64(n)
					dgamma[k] += d.At(i) * h
					dbeta[k] += d.At(i)
				}
				for k := range n {
					i := r*n + k
					h, e := (x.At(i)-m)*s, d.At(i)*gamma.At(k)
					out[0].Set(i, s*(e-avg-h*dot))
				}
			}
			for k := range n {
				out[1].Set(k, dgamma[k])
				out[2].Set(k, dbeta[k])
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(LayerNormAttrs), in[1].Spec()
			axes := trailing(spec.Shape, a.Axes)
			tail := in[2].Spec().Shape
			scale := 1 / float64(elements(spec.Shape, axes))
			d, x, gamma := widened(b, in[0]), widened(b, in[1]), widened(b, in[2])
			rstd := KeepShape(b, in[4], spec.Shape, axes)
			h := Mul.Of(b, Sub.Of(b, x, KeepShape(b, in[3], spec.Shape, axes)), rstd)
			e := Mul.Of(b, d, gamma)
			avg := Scaled(b, SumOver(b, e, true, axes...), scale, 0)
			dot := Scaled(b, SumOver(b, Mul.Of(b, e, h), true, axes...), scale, 0)
			dx := Mul.Of(b, rstd, Sub.Of(b, Sub.Of(b, e, avg), Mul.Of(b, h, dot)))
			dgamma := Unbroadcast(b, Mul.Of(b, d, h), tail)
			dbeta := Unbroadcast(b, d, tail)
			return []Value{Casted(b, dx, spec.DType), Casted(b, dgamma, spec.DType), Casted(b, dbeta, spec.DType)}
		},
		Cost: flopsPer(14),
		Tol:  Tolerance{ULP: 8, Depth: func(_ any, in []Spec) int { return in[1].Elements() }},
		Bench: func(s Size) Case {
			mean, rstd := s.Vector().As(s.Wide()), s.Vector().As(s.Wide()).Between(0.5, 2)
			return Case{Attrs: LayerNormAttrs{1, 1e-5}, In: []Arg{s.Square(), s.Square(), s.Vector(), mean, rstd}}
		},
		Cases: rowNormGradCases(Arg{}, Arg{Lo: 0.5, Hi: 2}),
	})
}

func layerNormGrad(g *GradCall) []Value {
	a, spec := g.Attrs.(LayerNormAttrs), g.In[0].Spec()
	axes := trailing(spec.Shape, a.Axes)
	out := make([]Value, len(g.In))
	if g.D[0] != nil {
		copy(out, LayerNormGrad.Apply(g.B, a, g.D[0], g.In[0], gammaOf(g), g.Out[1], g.Out[2]))
	}
	// What flows into the statistics: mean has slope 1/n, rstd has slope
	// -rstd^3 (x-mean)/n.
	scale := 1 / float64(elements(spec.Shape, axes))
	b := g.B
	if g.D[1] != nil {
		dm := Scaled(b, KeepShape(b, g.D[1], spec.Shape, axes), scale, 0)
		out[0] = addGrad(b, out[0], Casted(b, Expanded(b, dm, spec.Shape), spec.DType))
	}
	if g.D[2] != nil {
		rstd := g.Out[2]
		slope := Scaled(b, Mul.Of(b, g.D[2], Mul.Of(b, rstd, Mul.Of(b, rstd, rstd))), -scale, 0)
		centred := Sub.Of(b, widened(b, g.In[0]), KeepShape(b, g.Out[1], spec.Shape, axes))
		dx := Mul.Of(b, centred, KeepShape(b, slope, spec.Shape, axes))
		out[0] = addGrad(b, out[0], Casted(b, dx, spec.DType))
	}
	return out
}

// addGrad adds two contributions to a gradient, the first possibly nil.
func addGrad(b Builder, sum, d Value) Value {
	if sum == nil {
		return d
	}
	return Add.Of(b, sum, d)
}

// rowNormInfer is the shape rule of x and parameters, and the spec of a statistic.
func rowNormInfer(attrs any, in []Spec) (stat Spec, err error) {
	lead, tail, err := layerNormSplit(attrs.(LayerNormAttrs), in[0])
	if err != nil {
		return stat, err
	}
	if err := sameTypes(in); err != nil {
		return stat, err
	}
	for i := 1; i < len(in); i++ {
		if !shape.Equal(in[i].Shape, tail) {
			return stat, shapeErr("input %d must have shape %s, that of the normalised axes", i, shape.String(tail))
		}
	}
	return Spec{in[0].DType.Wide(), lead}, nil
}

// rowNormGradInfer is the shape rule of d, x, gamma and statistics: the results are
// the gradients of x and of as many parameters as there are statistics.
func rowNormGradInfer(attrs any, in []Spec) ([]Spec, error) {
	lead, tail, err := layerNormSplit(attrs.(LayerNormAttrs), in[1])
	if err != nil {
		return nil, err
	}
	stat := Spec{in[0].DType.Wide(), lead}
	want := []Spec{in[1], {in[0].DType, in[1].Shape}, {in[0].DType, tail}, stat, stat}
	if err := wantSpecs(in, want[:len(in)]); err != nil {
		return nil, err
	}
	return []Spec{in[1], in[2], in[2]}[:len(in)-2], nil
}

// gammaOf is the scale that a normalisation was called with, ones if with none.
func gammaOf(g *GradCall) Value {
	if len(g.In) > 1 {
		return g.In[1]
	}
	x := g.In[0].Spec()
	return Ones(g.B, Spec{x.DType, x.Shape[len(x.Shape)-g.Attrs.(LayerNormAttrs).Axes:]})
}

// layerNormSplit is the leading and the normalised part of the shape.
func layerNormSplit(a LayerNormAttrs, x Spec) (lead, tail []int, err error) {
	rank := len(x.Shape)
	if a.Axes < 1 || a.Axes > rank {
		return nil, nil, attrErr("axes is %d, the number of trailing axes to normalise; %s has rank %d", a.Axes, x, rank)
	}
	if !(a.Eps >= 0) || math.IsInf(a.Eps, 1) {
		return nil, nil, attrErr("eps is %g, it must be finite and not negative", a.Eps)
	}
	lead, tail = x.Shape[:rank-a.Axes], x.Shape[rank-a.Axes:]
	for _, n := range tail {
		if n == 0 {
			return nil, nil, shapeErr("the normalised axes %s are empty: there is no mean", shape.String(tail))
		}
	}
	return lead, tail, nil
}

// trailing lists the last n axes.
func trailing(dims []int, n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = len(dims) - n + i
	}
	return axes
}

// wantSpecs refuses inputs that are not the ones expected.
func wantSpecs(in, want []Spec) error {
	for i, w := range want {
		if in[i].DType != w.DType {
			return typeErr("input %d must be %s", i, w.DType)
		}
		if !shape.Equal(in[i].Shape, w.Shape) {
			return shapeErr("input %d must have shape %s", i, shape.String(w.Shape))
		}
	}
	return nil
}

func layerNormDepth(i int) func(any, []Spec) int {
	return func(attrs any, in []Spec) int {
		return elements(in[i].Shape, trailing(in[i].Shape, attrs.(LayerNormAttrs).Axes))
	}
}

// rowNormGradCases have the given statistics after d, x and gamma.
func rowNormGradCases(stats ...Arg) []Case {
	of := func(name string, axes int, x, tail, lead []int) Case {
		c := Case{Name: name, Attrs: LayerNormAttrs{axes, 1e-5}, In: []Arg{{Shape: x}, {Shape: x}, {Shape: tail}}}
		for _, s := range stats {
			s.Shape = lead
			c.In = append(c.In, s)
		}
		return c
	}
	wide := []int{3, 4}[:len(stats)]
	return withWide([]Case{
		of("rows", 1, []int{3, 5}, []int{5}, []int{3}),
		of("two-axes", 2, []int{2, 3, 2}, []int{3, 2}, []int{2}),
		of("all-axes", 1, []int{6}, []int{6}, nil),
		of("empty", 1, []int{0, 4}, []int{4}, []int{0}),
	}, wide...)
}
