package ops

import (
	"math"

	"github.com/crease-ml/crease/shape"
)

// BatchNormAttrs holds the number added to the variance.
type BatchNormAttrs struct {
	Eps float64 `json:"eps"`
}

// Batch normalisation (Ioffe, Szegedy 2015) of [N, C, ...]: with the
// statistics of the batch, its fused gradient, and with given statistics.
var (
	BatchNorm      *Op
	BatchNormGrad  *Op
	BatchNormInfer *Op
)

func init() {
	perChannel := func(_ any, in []Spec) int { return in[0].Elements() / max(in[0].Shape[1], 1) }

	BatchNorm = Declare(Op{
		Name: "batch_norm",
		Doc: "(x - mean) / sqrt(var + eps) * gamma + beta with mean and biased variance over all axes but 1. " +
			"Results y, mean [C] and var [C]; the last two are f32 where x is a 16-bit float.",
		ONNX:   "BatchNormalization",
		Kind:   Composite,
		Probe:  true,
		Inputs: "x gamma beta",
		Attrs:  BatchNormAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			c, err := batchNormChannels(attrs.(BatchNormAttrs), in[0], true)
			if err != nil {
				return nil, err
			}
			vec := Spec{in[0].DType, []int{c}}
			if err := wantSpecs(in, []Spec{in[0], vec, vec}); err != nil {
				return nil, err
			}
			stat := Spec{in[0].DType.Wide(), []int{c}}
			return []Spec{in[0], stat, stat}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			x, eps := in[0], attrs.(BatchNormAttrs).Eps
			channels(x.Shape, func(c int, at []int) {
				mean, variance := 0.0, 0.0
				for _, i := range at {
					mean += x.At(i) / float64(len(at))
				}
				for _, i := range at {
					v := x.At(i) - mean
					variance += v * v / float64(len(at))
				}
				out[1].Set(c, mean)
				out[2].Set(c, variance)
				for _, i := range at {
					out[0].Set(i, (x.At(i)-mean)/math.Sqrt(variance+eps)*in[1].At(c)+in[2].At(c))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[0].Spec()
			axes := allBut(spec.Shape, 1)
			scale := 1 / float64(elements(spec.Shape, axes))
			x := widened(b, in[0])
			mean := Scaled(b, SumOver(b, x, true, axes...), scale, 0)
			centred := Sub.Of(b, x, mean)
			variance := Scaled(b, SumOver(b, Mul.Of(b, centred, centred), true, axes...), scale, 0)
			rstd := Rsqrt.Of(b, Scaled(b, variance, 1, attrs.(BatchNormAttrs).Eps))
			gamma := KeepShape(b, widened(b, in[1]), spec.Shape, axes)
			beta := KeepShape(b, widened(b, in[2]), spec.Shape, axes)
			y := Add.Of(b, Mul.Of(b, centred, Mul.Of(b, rstd, gamma)), beta)
			c := spec.Shape[1]
			return []Value{Casted(b, y, spec.DType), Reshaped(b, mean, c), Reshaped(b, variance, c)}
		},
		Grad:  batchNormGrad,
		Saves: In(0, 1) | Out(1, 2),
		Cost:  flopsPer(8),
		Tol:   Tolerance{ULP: 8, Depth: perChannel, Spread: true},
		Bench: func(s Size) Case {
			return Case{Attrs: BatchNormAttrs{1e-5}, In: []Arg{s.Images(), s.Vector(), s.Vector()}}
		},
		Cases: []Case{
			{Name: "rows", Attrs: BatchNormAttrs{1e-5}, In: args(Arg{}, []int{6, 3}, []int{3}, []int{3})},
			{Name: "image", Attrs: BatchNormAttrs{1e-3}, In: args(Arg{}, []int{2, 3, 2, 2}, []int{3}, []int{3})},
			{Name: "long", Attrs: BatchNormAttrs{1e-5}, In: args(Arg{}, []int{3, 2, 5, 7}, []int{2}, []int{2})},
			{Name: "signal", Attrs: BatchNormAttrs{1e-5}, In: args(Arg{}, []int{2, 1, 5}, []int{1}, []int{1})},
			{Name: "one-element", Attrs: BatchNormAttrs{1}, In: args(Arg{}, []int{1, 4}, []int{4}, []int{4})},
			{Name: "no-channels", Attrs: BatchNormAttrs{1e-5}, In: args(Arg{}, []int{2, 0}, []int{0}, []int{0})},
		},
	})

	BatchNormGrad = Declare(Op{
		Name:     "batch_norm_grad",
		Internal: true,
		Doc: "Gradients of batch_norm for x, gamma and beta from that of y: with r = 1/sqrt(var+eps), h = (x-mean)*r, " +
			"dx = gamma*r*(d - average(d) - h*average(d*h)), dgamma = sum(d*h), dbeta = sum(d) per channel.",
		Kind:   Composite,
		Inputs: "d x gamma mean var",
		Attrs:  BatchNormAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			c, err := batchNormChannels(attrs.(BatchNormAttrs), in[1], true)
			if err != nil {
				return nil, err
			}
			x := Spec{in[0].DType, in[1].Shape}
			vec, stat := Spec{x.DType, []int{c}}, Spec{x.DType.Wide(), []int{c}}
			if err := wantSpecs(in, []Spec{x, x, vec, stat, stat}); err != nil {
				return nil, err
			}
			return []Spec{x, vec, vec}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			d, x, gamma, mean, variance := in[0], in[1], in[2], in[3], in[4]
			channels(x.Shape, func(c int, at []int) {
				m, r := mean.At(c), 1/math.Sqrt(variance.At(c)+attrs.(BatchNormAttrs).Eps)
				sum, dot := 0.0, 0.0
				for _, i := range at {
					sum += d.At(i)
					dot += d.At(i) * (x.At(i) - m) * r
				}
				out[1].Set(c, dot)
				out[2].Set(c, sum)
				n := float64(len(at))
				for _, i := range at {
					h := (x.At(i) - m) * r
					out[0].Set(i, gamma.At(c)*r*(d.At(i)-sum/n-h*dot/n))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[1].Spec()
			axes := allBut(spec.Shape, 1)
			scale := 1 / float64(elements(spec.Shape, axes))
			keep := func(v Value) Value { return KeepShape(b, widened(b, v), spec.Shape, axes) }
			d, x := widened(b, in[0]), widened(b, in[1])
			r := Rsqrt.Of(b, Scaled(b, keep(in[4]), 1, attrs.(BatchNormAttrs).Eps))
			h := Mul.Of(b, Sub.Of(b, x, keep(in[3])), r)
			sum := SumOver(b, d, true, axes...)
			dot := SumOver(b, Mul.Of(b, d, h), true, axes...)
			inner := Sub.Of(b, Sub.Of(b, d, Scaled(b, sum, scale, 0)), Mul.Of(b, h, Scaled(b, dot, scale, 0)))
			dx := Mul.Of(b, Mul.Of(b, keep(in[2]), r), inner)
			c, t := spec.Shape[1], spec.DType
			return []Value{Casted(b, dx, t), Casted(b, Reshaped(b, dot, c), t), Casted(b, Reshaped(b, sum, c), t)}
		},
		Cost: flopsPer(14),
		Tol:  Tolerance{ULP: 8, Depth: perChannel},
		Bench: func(s Size) Case {
			mean, variance := s.Vector().As(s.Wide()), s.Vector().As(s.Wide()).Between(0.5, 2)
			return Case{Attrs: BatchNormAttrs{1e-5}, In: []Arg{s.Images(), s.Images(), s.Vector(), mean, variance}}
		},
		Cases: withWide([]Case{batchNormGradCase("rows", []int{4, 3}), batchNormGradCase("image", []int{2, 2, 2, 2}), batchNormGradCase("long", []int{3, 2, 37})}, 3, 4),
	})

	BatchNormInfer = Declare(Op{
		Name:   "batch_norm_infer",
		Doc:    "(x - mean) / sqrt(var + eps) * gamma + beta with given statistics per channel, which are f32 where x is a 16-bit float.",
		ONNX:   "BatchNormalization",
		Kind:   Composite,
		Inputs: "x gamma beta mean var",
		Attrs:  BatchNormAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			c, err := batchNormChannels(attrs.(BatchNormAttrs), in[0], false)
			if err != nil {
				return nil, err
			}
			vec, stat := Spec{in[0].DType, []int{c}}, Spec{in[0].DType.Wide(), []int{c}}
			if err := wantSpecs(in, []Spec{in[0], vec, vec, stat, stat}); err != nil {
				return nil, err
			}
			return []Spec{in[0]}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			channels(in[0].Shape, func(c int, at []int) {
				scale := in[1].At(c) / math.Sqrt(in[4].At(c)+attrs.(BatchNormAttrs).Eps)
				for _, i := range at {
					out[0].Set(i, (in[0].At(i)-in[3].At(c))*scale+in[2].At(c))
				}
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			spec := in[0].Spec()
			axes := allBut(spec.Shape, 1)
			keep := func(v Value) Value { return KeepShape(b, widened(b, v), spec.Shape, axes) }
			r := Rsqrt.Of(b, Scaled(b, keep(in[4]), 1, attrs.(BatchNormAttrs).Eps))
			centred := Sub.Of(b, widened(b, in[0]), keep(in[3]))
			y := Add.Of(b, Mul.Of(b, centred, Mul.Of(b, keep(in[1]), r)), keep(in[2]))
			return []Value{Casted(b, y, spec.DType)}
		},
		Cost: flopsPer(4),
		Tol:  Tolerance{ULP: 8, Depth: func(any, []Spec) int { return 1 }},
		Bench: func(s Size) Case {
			mean, variance := s.Vector().As(s.Wide()), s.Vector().As(s.Wide()).Between(0.5, 2)
			return Case{Attrs: BatchNormAttrs{1e-5}, In: []Arg{s.Images(), s.Vector(), s.Vector(), mean, variance}}
		},
		Cases: withWide([]Case{
			batchNormInferCase("rows", []int{5, 3}),
			batchNormInferCase("image", []int{2, 3, 2, 3}),
			batchNormInferCase("empty", []int{0, 3, 2}),
		}, 3, 4),
	})
}

func batchNormGrad(g *GradCall) []Value {
	b, spec := g.B, g.In[0].Spec()
	axes := allBut(spec.Shape, 1)
	scale := 1 / float64(elements(spec.Shape, axes))
	out := make([]Value, 3)
	if g.D[0] != nil {
		out = BatchNormGrad.Apply(b, g.Attrs, g.D[0], g.In[0], g.In[1], g.Out[1], g.Out[2])
	}
	// What flows into the statistics: mean has slope 1/n, var 2(x-mean)/n.
	if g.D[1] != nil {
		dm := Scaled(b, KeepShape(b, g.D[1], spec.Shape, axes), scale, 0)
		out[0] = addGrad(b, out[0], Casted(b, Expanded(b, dm, spec.Shape), spec.DType))
	}
	if g.D[2] != nil {
		centred := Sub.Of(b, widened(b, g.In[0]), KeepShape(b, g.Out[1], spec.Shape, axes))
		dv := Scaled(b, KeepShape(b, g.D[2], spec.Shape, axes), 2*scale, 0)
		out[0] = addGrad(b, out[0], Casted(b, Mul.Of(b, centred, dv), spec.DType))
	}
	return out
}

// batchNormChannels checks [N, C, ...] and returns C.
func batchNormChannels(a BatchNormAttrs, x Spec, statistics bool) (int, error) {
	if len(x.Shape) < 2 {
		return 0, shapeErr("x must be [N, C, ...], of rank 2 or more")
	}
	if !(a.Eps >= 0) || math.IsInf(a.Eps, 1) {
		return 0, attrErr("eps is %g, it must be finite and not negative", a.Eps)
	}
	if statistics && elements(x.Shape, allBut(x.Shape, 1)) == 0 {
		return 0, shapeErr("x %s has no element per channel: there is no mean", shape.String(x.Shape))
	}
	return x.Shape[1], nil
}

// allBut lists every axis except one.
func allBut(dims []int, axis int) []int {
	axes := make([]int, 0, len(dims)-1)
	for i := range dims {
		if i != axis {
			axes = append(axes, i)
		}
	}
	return axes
}

// channels calls f with the element indices of every channel of [N, C, ...].
func channels(dims []int, f func(c int, at []int)) {
	inner := elements(dims, trailing(dims, len(dims)-2))
	at := make([]int, dims[0]*inner)
	for c := range dims[1] {
		for i := range at {
			at[i] = (i/inner*dims[1]+c)*inner + i%inner
		}
		f(c, at)
	}
}

func batchNormGradCase(name string, x []int) Case {
	c := []int{x[1]}
	return Case{Name: name, Attrs: BatchNormAttrs{1e-3}, In: []Arg{
		{Shape: x}, {Shape: x}, {Shape: c}, {Shape: c}, {Shape: c, Lo: 0.5, Hi: 2}}}
}

func batchNormInferCase(name string, x []int) Case {
	c := []int{x[1]}
	return Case{Name: name, Attrs: BatchNormAttrs{1e-3}, In: []Arg{
		{Shape: x}, {Shape: c}, {Shape: c}, {Shape: c}, {Shape: c, Lo: 0.5, Hi: 2}}}
}
