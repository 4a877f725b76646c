// Command op declares an op with a gradient of one's own: rounding to a grid whose
// gradient passes as if nothing had been rounded (the straight-through estimator of Bengio,
// Léonard and Courville 2013). With it a network learns weights of three values.
package main

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/optim"
)

// GridAttrs is the distance between the values that are left.
type GridAttrs struct {
	Step float64 `json:"step"`
}

// Grid is x rounded to multiples of a step. The row says all there is to know of the op:
// with its lowering it runs on every device and is compiled, with Grad it is differentiated.
var Grid = ops.Declare(ops.Op{
	Name: "grid", Doc: "x rounded to a multiple of a step; the gradient passes unchanged.",
	Kind: ops.Composite, Inputs: "x", Attrs: GridAttrs{}, Types: ops.Floats,
	Infer: func(attrs any, in []ops.Spec) ([]ops.Spec, error) {
		if step := attrs.(GridAttrs).Step; !(step > 0) {
			return nil, &ops.AttrError{Reason: fmt.Sprintf("the step is %v, want more than 0", step)}
		}
		return in, nil
	},
	// The reference is plain Go; tests compare every other way of computing the op with it.
	Ref: func(attrs any, in, out []ops.Host) {
		step := attrs.(GridAttrs).Step
		for i := range in[0].Elements() {
			out[0].Set(i, step*math.RoundToEven(in[0].At(i)/step))
		}
	},
	Lower: func(b ops.Builder, attrs any, in []ops.Value) []ops.Value {
		step := attrs.(GridAttrs).Step
		return []ops.Value{ops.Scaled(b, ops.Round.Of(b, ops.Scaled(b, in[0], 1/step, 0)), step, 0)}
	},
	Grad:  func(g *ops.GradCall) []ops.Value { return []ops.Value{g.D[0]} },
	Tol:   ops.Tolerance{ULP: 4},
	Cases: []ops.Case{{Name: "row", Attrs: GridAttrs{0.5}, In: []ops.Arg{{Shape: []int{9}}}, NoGradCheck: true}},
})

// round applies the row.
func round(x *crease.Tensor, step float64) *crease.Tensor {
	return crease.Apply(Grid, GridAttrs{step}, x)[0]
}

func main() {
	x := crease.From([]float32{-1.3, -0.2, 0.6, 2.1}, nil).RequireGrad()
	y := round(x, 0.5)
	y.Square().Sum().Backward()
	fmt.Println("rounded ", y)
	fmt.Println("gradient", x.Grad())

	// Weights that are -1, 0 or 1 when they are used, and in between when they are trained.
	g := crease.NewGenerator(2)
	in := crease.Randn([]int{256, 6}, crease.By(g))
	want := crease.From([]float32{1, 0, -1, 1, -1, 0}, nil)
	target := in.MatMul(want)
	w := crease.Zeros([]int{6}, crease.RequireGrad())
	opt := optim.NewSGD([]*crease.Tensor{w}, optim.SGDConfig{LR: 0.05})
	for range 60 {
		crease.Tidy(func() []*crease.Tensor {
			in.MatMul(round(w.Clamp(-1, 1), 1)).Mse(target).Backward()
			opt.Step()
			opt.ZeroGrad()
			return nil
		})
	}
	fmt.Println("weights ", round(w.Detach(), 1))
}
