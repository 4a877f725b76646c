package ops

import (
	"math"

	"github.com/crease-ml/crease/shape"
)

// ConvAttrs is the geometry of a 2-D convolution. Pairs are {vertical,
// horizontal}; Pad is {top, bottom, left, right}, zeros around the input.
type ConvAttrs struct {
	Stride   [2]int `json:"stride"`
	Dilation [2]int `json:"dilation"`
	Pad      [4]int `json:"pad"`
	Groups   int    `json:"groups"`
}

// ConvGradAttrs adds the shape of the input whose gradient is wanted: several
// input sizes have the same output size when the stride is above 1.
type ConvGradAttrs struct {
	ConvAttrs
	InShape []int `json:"in_shape"`
}

// ConvWeightAttrs adds the shape of the weight whose gradient is wanted.
type ConvWeightAttrs struct {
	ConvAttrs
	WShape []int `json:"w_shape"`
}

// 2-D convolution (cross-correlation, as in deep learning) and its two
// transposes. Each is bilinear, and each one's gradients are the other two.
var (
	Conv2d           *Op
	Conv2dGradInput  *Op
	Conv2dGradWeight *Op
)

func init() {
	Conv2d = Declare(Op{
		Name: "conv2d",
		Doc: "Cross-correlation of x [N,C,H,W] with w [O,C/groups,KH,KW], plus bias [O] per output channel; " +
			"the result is [N,O,OH,OW] with OH = (H + pads - dilation*(KH-1) - 1)/stride + 1.",
		ONNX:   "Conv",
		Kind:   Composite,
		Probe:  true,
		Inputs: "x w bias?",
		Attrs:  ConvAttrs{},
		Types:  Floats,
		Infer:  func(attrs any, in []Spec) ([]Spec, error) { return attrs.(ConvAttrs).infer(in) },
		Ref:    convRef,
		Lower:  convLower,
		Absorb: convAbsorb,
		Grad: func(g *GradCall) []Value {
			a, d := g.Attrs.(ConvAttrs), g.D[0]
			out := make([]Value, len(g.In))
			if g.Needs[0] {
				out[0] = Conv2dGradInput.With(g.B, ConvGradAttrs{a, g.In[0].Spec().Shape}, d, g.In[1])
			}
			if g.Needs[1] {
				out[1] = Conv2dGradWeight.With(g.B, ConvWeightAttrs{a, g.In[1].Spec().Shape}, d, g.In[0])
			}
			if len(g.In) > 2 && g.Needs[2] {
				out[2] = SumOver(g.B, d, false, 0, 2, 3)
			}
			return out
		},
		Saves: In(0, 1),
		Cost: func(_ any, in, out []Spec) Cost {
			return convCost(in[1].Shape, out[0].Shape, in, out)
		},
		Tol:   Tolerance{ULP: 4, Products: true, Depth: func(_ any, in []Spec) int { return taps(in[1].Shape) }},
		Bench: func(s Size) Case { return Case{Attrs: sameConv, In: []Arg{s.Images(), s.Filters()}} },
		Cases: convCases(),
	})

	Conv2dGradInput = Declare(Op{
		Name:     "conv2d_grad_input",
		Internal: true,
		Doc:      "Gradient of conv2d for its input, from d [N,O,OH,OW] and w: the transposed convolution, of shape in_shape.",
		ONNX:     "ConvTranspose",
		Kind:     Composite,
		Inputs:   "d w",
		Attrs:    ConvGradAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(ConvGradAttrs)
			if err := a.check(in, a.InShape, in[1].Shape); err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, shape.Clone(a.InShape)}}, nil
		},
		Ref:   convGradInputRef,
		Lower: convGradInputLower,
		Grad: func(g *GradCall) []Value {
			a, e := g.Attrs.(ConvGradAttrs).ConvAttrs, g.D[0]
			out := make([]Value, 2)
			if g.Needs[0] {
				out[0] = Conv2d.With(g.B, a, e, g.In[1])
			}
			if g.Needs[1] {
				out[1] = Conv2dGradWeight.With(g.B, ConvWeightAttrs{a, g.In[1].Spec().Shape}, g.In[0], e)
			}
			return out
		},
		Saves: In(0, 1),
		Cost: func(_ any, in, out []Spec) Cost {
			return convCost(in[1].Shape, in[0].Shape, in, out)
		},
		Tol: Tolerance{ULP: 4, Products: true, Depth: func(_ any, in []Spec) int {
			return in[1].Shape[0] * in[1].Shape[2] * in[1].Shape[3]
		}},
		Bench: func(s Size) Case {
			return Case{Attrs: ConvGradAttrs{sameConv, s.Images().Shape}, In: []Arg{s.Images(), s.Filters()}}
		},
		Cases: convGradCases(func(a ConvAttrs, x, w, y []int) Case {
			return Case{Attrs: ConvGradAttrs{a, x}, In: args(Arg{}, y, w)}
		}),
	})

	Conv2dGradWeight = Declare(Op{
		Name:     "conv2d_grad_weight",
		Internal: true,
		Doc:      "Gradient of conv2d for its weight, from d [N,O,OH,OW] and x [N,C,H,W]; the result has shape w_shape.",
		Kind:     Composite,
		Inputs:   "d x",
		Attrs:    ConvWeightAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(ConvWeightAttrs)
			if err := a.check(in, in[1].Shape, a.WShape); err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, shape.Clone(a.WShape)}}, nil
		},
		Ref:   convGradWeightRef,
		Lower: convGradWeightLower,
		Grad: func(g *GradCall) []Value {
			a, e := g.Attrs.(ConvWeightAttrs).ConvAttrs, g.D[0]
			out := make([]Value, 2)
			if g.Needs[0] {
				out[0] = Conv2d.With(g.B, a, g.In[1], e)
			}
			if g.Needs[1] {
				out[1] = Conv2dGradInput.With(g.B, ConvGradAttrs{a, g.In[1].Spec().Shape}, g.In[0], e)
			}
			return out
		},
		Saves: In(0, 1),
		Cost: func(_ any, in, out []Spec) Cost {
			return convCost(out[0].Shape, in[0].Shape, in, out)
		},
		Tol: Tolerance{ULP: 4, Products: true, Depth: func(_ any, in []Spec) int {
			return in[0].Shape[0] * in[0].Shape[2] * in[0].Shape[3]
		}},
		Bench: func(s Size) Case {
			return Case{Attrs: ConvWeightAttrs{sameConv, s.Filters().Shape}, In: []Arg{s.Images(), s.Images()}}
		},
		Cases: convGradCases(func(a ConvAttrs, x, w, y []int) Case {
			return Case{Attrs: ConvWeightAttrs{a, w}, In: args(Arg{}, y, x)}
		}),
	})
}

// infer is the shape rule of a convolution of x with w, and a bias or none.
func (a ConvAttrs) infer(in []Spec) ([]Spec, error) {
	if err := sameTypes(in); err != nil {
		return nil, err
	}
	if err := wantRank(in, 0, 4, "[N, C, H, W]"); err != nil {
		return nil, err
	}
	if err := wantRank(in, 1, 4, "[O, C/groups, KH, KW]"); err != nil {
		return nil, err
	}
	dims, err := a.outShape(in[0].Shape, in[1].Shape)
	if err != nil {
		return nil, err
	}
	if len(in) > 2 && !shape.Equal(in[2].Shape, []int{in[1].Shape[0]}) {
		return nil, shapeErr("bias must have shape [%d], one number per output channel", in[1].Shape[0])
	}
	return []Spec{{in[0].DType, dims}}, nil
}

// outShape is the shape of the convolution of x [N,C,H,W] with w
// [O,C/groups,KH,KW], or what is wrong with them.
func (a ConvAttrs) outShape(x, w []int) ([]int, error) {
	if len(x) != 4 || len(w) != 4 {
		return nil, shapeErr("the input and the weight must have rank 4, [N, C, H, W] and [O, C/groups, KH, KW], not %s and %s", shape.String(x), shape.String(w))
	}
	for _, dims := range [][]int{x, w} {
		if _, err := shape.Elements(dims); err != nil {
			return nil, err
		}
	}
	if a.Groups < 1 {
		return nil, attrErr("groups is %d, it must be at least 1", a.Groups)
	}
	if w[0]%a.Groups != 0 || x[1]%a.Groups != 0 || x[1]/a.Groups != w[1] {
		return nil, shapeErr("with %d groups, %d input channels and %d output channels the weight must be [O, C/groups, KH, KW] with C and O multiples of groups, not %s", a.Groups, x[1], w[0], shape.String(w))
	}
	h, err := windowCount("vertical", x[2], w[2], a.Stride[0], a.Dilation[0], a.Pad[0], a.Pad[1])
	if err != nil {
		return nil, err
	}
	width, err := windowCount("horizontal", x[3], w[3], a.Stride[1], a.Dilation[1], a.Pad[2], a.Pad[3])
	if err != nil {
		return nil, err
	}
	return []int{x[0], w[0], h, width}, nil
}

// check verifies that d (input 0) is a gradient of the result for x and w.
func (a ConvAttrs) check(in []Spec, x, w []int) error {
	if err := sameTypes(in); err != nil {
		return err
	}
	y, err := a.outShape(x, w)
	if err != nil {
		return err
	}
	if !shape.Equal(in[0].Shape, y) {
		return shapeErr("d must have the shape of the convolution's result, %s", shape.String(y))
	}
	return nil
}

// windowCount is the number of positions of a window of size taps, dilation
// apart, along an axis of n elements.
func windowCount(axis string, n, size, stride, dilation, before, after int) (int, error) {
	const limit = math.MaxInt32
	switch {
	case stride < 1 || stride > limit:
		return 0, attrErr("the %s stride is %d, it must be in [1, %d]", axis, stride, limit)
	case dilation < 1 || dilation > limit:
		return 0, attrErr("the %s dilation is %d, it must be in [1, %d]", axis, dilation, limit)
	case before < 0 || after < 0 || before > limit || after > limit:
		return 0, attrErr("the %s padding is %d and %d, it must be in [0, %d]", axis, before, after, limit)
	case n < 1 || size < 1:
		return 0, shapeErr("the %s sizes of input and window are %d and %d, both must be at least 1", axis, n, size)
	case n > limit || size > limit:
		return 0, shapeErr("the %s sizes of input and window are %d and %d, at most %d is supported", axis, n, size, limit)
	}
	// All factors are below 2^31, so nothing here overflows an int64.
	span, padded := int64(dilation)*int64(size-1)+1, int64(n)+int64(before)+int64(after)
	if span > padded {
		return 0, shapeErr("the window spans %d elements along the %s axis, the padded input has %d: pad more or use a smaller window", span, axis, padded)
	}
	return int((padded-span)/int64(stride)) + 1, nil
}

// taps is the number of products behind one result.
func taps(w []int) int { return w[1] * w[2] * w[3] }

func convCost(w, y []int, in, out []Spec) Cost {
	return Cost{Flops: 2 * float64(taps(w)) * float64(shape.MustElements(y)), Bytes: traffic(in, out)}
}

// sameConv keeps the size of images under 3×3 filters: what benchmarks measure.
var sameConv = ConvAttrs{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1}

// convGeometries are the convolutions tried, named; every one has a geometry
// of its own.
var convGeometries = []struct {
	name string
	a    ConvAttrs
	x, w []int
}{
	{"pointwise", ConvAttrs{[2]int{1, 1}, [2]int{1, 1}, [4]int{}, 1}, []int{2, 3, 2, 3}, []int{4, 3, 1, 1}},
	{"same", ConvAttrs{[2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1}, 1}, []int{1, 2, 4, 3}, []int{2, 2, 3, 3}},
	{"strided", ConvAttrs{[2]int{2, 3}, [2]int{1, 1}, [4]int{0, 1, 1, 0}, 1}, []int{1, 1, 6, 7}, []int{2, 1, 2, 3}},
	{"dilated", ConvAttrs{[2]int{1, 2}, [2]int{2, 1}, [4]int{1, 1, 0, 0}, 1}, []int{1, 1, 5, 4}, []int{1, 1, 3, 2}},
	{"grouped", ConvAttrs{[2]int{1, 1}, [2]int{1, 1}, [4]int{}, 2}, []int{2, 4, 3, 3}, []int{2, 2, 2, 2}},
	{"depthwise", ConvAttrs{[2]int{1, 1}, [2]int{1, 1}, [4]int{1, 0, 0, 1}, 3}, []int{1, 3, 3, 3}, []int{3, 1, 2, 2}},
	{"wide-pad", ConvAttrs{[2]int{4, 1}, [2]int{1, 1}, [4]int{5, 0, 2, 2}, 1}, []int{1, 1, 1, 2}, []int{1, 1, 1, 2}},
	{"empty", ConvAttrs{[2]int{1, 1}, [2]int{1, 1}, [4]int{}, 1}, []int{0, 2, 3, 3}, []int{1, 2, 2, 2}},
}

func convCases() []Case {
	var cases []Case
	for i, g := range convGeometries {
		c := Case{Name: g.name, Attrs: g.a, In: args(Arg{}, g.x, g.w)}
		if i%2 == 1 {
			c.In = append(c.In, Arg{Shape: []int{g.w[0]}})
		}
		cases = append(cases, c)
	}
	return cases
}

func convGradCases(of func(a ConvAttrs, x, w, y []int) Case) []Case {
	var cases []Case
	for _, g := range convGeometries {
		y, err := g.a.outShape(g.x, g.w)
		if err != nil {
			panic(err)
		}
		c := of(g.a, g.x, g.w, y)
		c.Name = g.name
		cases = append(cases, c)
	}
	return cases
}
