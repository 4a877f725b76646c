package ops

import "github.com/crease-ml/crease/shape"

// Mse is the mean squared error of two arrays of one shape.
var Mse *Op

func init() {
	Mse = Declare(Op{
		Name:   "mse",
		Doc:    "Mean of (x-y)^2 over all elements of two arrays of one shape; a scalar.",
		Kind:   Composite,
		Inputs: "x y",
		Types:  Floats,
		Infer: func(_ any, in []Spec) ([]Spec, error) {
			if err := sameTypes(in); err != nil {
				return nil, err
			}
			if !shape.Equal(in[0].Shape, in[1].Shape) {
				return nil, shapeErr("x and y must have one shape; broadcasting here is nearly always a mistake, expand explicitly")
			}
			if in[0].Elements() == 0 {
				return nil, shapeErr("there are no elements: there is no mean")
			}
			return []Spec{{in[0].DType, []int{}}}, nil
		},
		Ref: func(_ any, in, out []Host) {
			sum, n := 0.0, in[0].Elements()
			for i := range n {
				d := in[0].At(i) - in[1].At(i)
				sum += d * d
			}
			out[0].Set(0, sum/float64(n))
		},
		Lower: func(b Builder, _ any, in []Value) []Value {
			spec := in[0].Spec()
			d := Sub.Of(b, widened(b, in[0]), widened(b, in[1]))
			loss := Scaled(b, SumOver(b, Mul.Of(b, d, d), false), 1/float64(spec.Elements()), 0)
			return []Value{Casted(b, loss, spec.DType)}
		},
		Saves: In(0, 1),
		Grad: func(g *GradCall) []Value {
			b, spec := g.B, g.In[0].Spec()
			d := Scaled(b, widened(b, g.D[0]), 2/float64(spec.Elements()), 0)
			dx := Mul.Of(b, Sub.Of(b, widened(b, g.In[0]), widened(b, g.In[1])), d)
			out := g.results(2)
			if g.Needs[0] {
				out[0] = Casted(b, dx, spec.DType)
			}
			if g.Needs[1] {
				out[1] = Casted(b, Neg.Of(b, dx), spec.DType)
			}
			return out
		},
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: 3 * float64(in[0].Elements()), Bytes: traffic(in, out)}
		},
		Tol:   Tolerance{ULP: 2, Depth: func(_ any, in []Spec) int { return in[0].Elements() }},
		Bench: func(s Size) Case { return Case{In: []Arg{s.Square(), s.Square()}} },
		Cases: []Case{
			{Name: "scalar", In: args(Arg{}, []int{}, []int{})},
			{Name: "row", In: args(Arg{}, []int{17}, []int{17})},
			{Name: "matrix", In: args(Arg{}, []int{3, 5}, []int{3, 5})},
		},
	})
}
