package ops

// Averages over windows and over planes.
var (
	AvgPool2d       *Op
	AvgPool2dGrad   *Op
	GlobalAvgPool2d *Op
)

func init() {
	AvgPool2d = Declare(Op{
		Name:   "avg_pool2d",
		Doc:    "Average over windows of each plane of x [N,C,H,W]. Padding counts as zeros: every sum is divided by the full window size.",
		ONNX:   "AveragePool",
		Kind:   Composite,
		Inputs: "x",
		Attrs:  PoolAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			dims, err := attrs.(PoolAttrs).outShape(in[0].Shape)
			if err != nil {
				return nil, err
			}
			return []Spec{{in[0].DType, dims}}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(PoolAttrs)
			a.eachWindow(in[0].Shape, out[0].Shape, func(yi int, at []int) {
				sum := 0.0
				for _, i := range at {
					sum += in[0].At(i)
				}
				out[0].Set(yi, sum*a.weight())
			})
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(PoolAttrs)
			win := windows2d(b, padded2d(b, widened(b, in[0]), a.Pad, 0), a.Size, a.Stride, [2]int{1, 1})
			y := Scaled(b, SumOver(b, win, false, 4, 5), a.weight(), 0)
			return []Value{Casted(b, y, in[0].Spec().DType)}
		},
		Grad: func(g *GradCall) []Value {
			a := PoolGradAttrs{g.Attrs.(PoolAttrs), g.In[0].Spec().Shape}
			return []Value{AvgPool2dGrad.With(g.B, a, g.D[0])}
		},
		Cost: poolCost,
		Tol: Tolerance{ULP: 2, Depth: func(attrs any, _ []Spec) int {
			a := attrs.(PoolAttrs)
			return a.Size[0] * a.Size[1]
		}},
		Bench: func(s Size) Case { return Case{Attrs: halving, In: []Arg{s.Images()}} },
		Cases: poolCases(Arg{}),
	})

	AvgPool2dGrad = Declare(Op{
		Name:     "avg_pool2d_grad",
		Internal: true,
		Doc:      "Gradient of avg_pool2d: every element of d [N,C,OH,OW], divided by the window size, is added to each element of its window in in_shape.",
		Kind:     Composite,
		Inputs:   "d",
		Attrs:    PoolGradAttrs{},
		Types:    Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			return attrs.(PoolGradAttrs).gradSpec(in[0])
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(PoolGradAttrs)
			sum := make([]float64, out[0].Elements())
			a.eachWindow(a.InShape, in[0].Shape, func(yi int, at []int) {
				for _, i := range at {
					sum[i] += in[0].At(yi) * a.weight()
				}
			})
			setAll(out[0], sum)
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(PoolGradAttrs)
			win := transposedWindows(b, widened(b, in[0]), a.InShape, a.Size,
				ConvAttrs{Stride: a.Stride, Dilation: [2]int{1, 1}, Pad: a.Pad, Groups: 1})
			dx := Scaled(b, SumOver(b, win, false, 4, 5), a.weight(), 0)
			return []Value{Casted(b, dx, in[0].Spec().DType)}
		},
		Grad: func(g *GradCall) []Value {
			return []Value{AvgPool2d.With(g.B, g.Attrs.(PoolGradAttrs).PoolAttrs, g.D[0])}
		},
		Cost: func(attrs any, in, out []Spec) Cost {
			a := attrs.(PoolGradAttrs)
			return Cost{Flops: float64(a.Size[0]*a.Size[1]) * float64(in[0].Elements()), Bytes: traffic(in, out)}
		},
		Tol: Tolerance{ULP: 2, Depth: func(attrs any, _ []Spec) int {
			a := attrs.(PoolGradAttrs)
			return a.Size[0] * a.Size[1]
		}},
		Bench: func(s Size) Case {
			return Case{Attrs: PoolGradAttrs{halving, s.Images().Shape}, In: []Arg{s.HalfImages()}}
		},
		Cases: poolGradCases(func(_, y []int) []Arg { return []Arg{{Shape: y}} }),
	})

	GlobalAvgPool2d = Declare(Op{
		Name:   "global_avg_pool2d",
		Doc:    "Average of each plane of x [N,C,H,W]; the result is [N,C,1,1].",
		ONNX:   "GlobalAveragePool",
		Kind:   Composite,
		Inputs: "x",
		Types:  Floats,
		Infer: func(_ any, in []Spec) ([]Spec, error) {
			if err := wantRank(in, 0, 4, "[N, C, H, W]"); err != nil {
				return nil, err
			}
			x := in[0].Shape
			if x[2] == 0 || x[3] == 0 {
				return nil, shapeErr("the planes are empty: there is no average")
			}
			return []Spec{{in[0].DType, []int{x[0], x[1], 1, 1}}}, nil
		},
		Ref: func(_ any, in, out []Host) {
			plane := in[0].Shape[2] * in[0].Shape[3]
			for i := range out[0].Elements() {
				sum := 0.0
				for k := range plane {
					sum += in[0].At(i*plane + k)
				}
				out[0].Set(i, sum/float64(plane))
			}
		},
		Lower: func(b Builder, _ any, in []Value) []Value {
			spec := in[0].Spec()
			plane := float64(spec.Shape[2]) * float64(spec.Shape[3])
			y := Scaled(b, SumOver(b, widened(b, in[0]), true, 2, 3), 1/plane, 0)
			return []Value{Casted(b, y, spec.DType)}
		},
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: float64(in[0].Elements()), Bytes: traffic(in, out)}
		},
		Tol:   Tolerance{ULP: 2, Depth: func(_ any, in []Spec) int { return in[0].Shape[2] * in[0].Shape[3] }},
		Bench: func(s Size) Case { return Case{In: []Arg{s.Images()}} },
		Cases: []Case{
			{Name: "image", In: args(Arg{}, []int{2, 3, 3, 4})},
			{Name: "one", In: args(Arg{}, []int{1, 2, 1, 1})},
			{Name: "empty", In: args(Arg{}, []int{0, 2, 2, 2})},
		},
	})
}

// weight is one element's share of an average.
func (a PoolAttrs) weight() float64 { return 1 / (float64(a.Size[0]) * float64(a.Size[1])) }

func poolCost(attrs any, in, out []Spec) Cost {
	a := attrs.(PoolAttrs)
	return Cost{Flops: float64(a.Size[0]*a.Size[1]) * float64(out[0].Elements()), Bytes: traffic(in, out)}
}

// halving is pooling by 2×2: what benchmarks measure.
var halving = PoolAttrs{Size: [2]int{2, 2}, Stride: [2]int{2, 2}}

var poolGeometries = []struct {
	name string
	a    PoolAttrs
	x    []int
}{
	{"halving", PoolAttrs{[2]int{2, 2}, [2]int{2, 2}, [4]int{}}, []int{2, 2, 4, 6}},
	{"overlapping", PoolAttrs{[2]int{3, 2}, [2]int{1, 1}, [4]int{}}, []int{1, 2, 4, 3}},
	{"padded", PoolAttrs{[2]int{3, 3}, [2]int{2, 2}, [4]int{1, 1, 1, 1}}, []int{1, 1, 5, 4}},
	{"lopsided", PoolAttrs{[2]int{2, 3}, [2]int{3, 2}, [4]int{1, 0, 0, 2}}, []int{1, 1, 4, 5}},
	{"one", PoolAttrs{[2]int{1, 1}, [2]int{1, 1}, [4]int{}}, []int{1, 1, 1, 1}},
	{"empty", PoolAttrs{[2]int{2, 2}, [2]int{1, 1}, [4]int{}}, []int{0, 1, 3, 3}},
}

func poolCases(t Arg) []Case {
	var cases []Case
	for _, g := range poolGeometries {
		cases = append(cases, Case{Name: g.name, Attrs: g.a, In: args(t, g.x)})
	}
	return cases
}

func poolGradCases(in func(x, y []int) []Arg) []Case {
	var cases []Case
	for _, g := range poolGeometries {
		y, err := g.a.outShape(g.x)
		if err != nil {
			panic(err)
		}
		cases = append(cases, Case{Name: g.name, Attrs: PoolGradAttrs{g.a, g.x}, In: in(g.x, y)})
	}
	return cases
}
