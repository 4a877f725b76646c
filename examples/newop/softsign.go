// Package newop adds an op to crease from outside: one file, one row.
package newop

import "github.com/crease-ml/crease/ops"

// Softsign is x / (1 + |x|). Its derivative is 1 / (1 + |x|)².
var Softsign = ops.Elementwise(ops.Op{
	Name: "softsign", Doc: "x / (1 + |x|).", ONNX: "Softsign",
	Kind: ops.Core, Inputs: "x", Types: ops.Floats, Saves: ops.In(0),
	Tol: ops.Tolerance{ULP: 2},
	Cases: []ops.Case{
		{Name: "matrix", In: []ops.Arg{{Shape: []int{5, 7}, Away: []float64{0}}}},
		{Name: "scalar", In: []ops.Arg{{Shape: []int{}, Lo: 1, Hi: 2}}},
		{Name: "empty", In: []ops.Arg{{Shape: []int{0, 3}}}},
	},
	Grad: func(g *ops.GradCall) []ops.Value {
		b, x, d := g.B, g.In[0], g.D[0]
		bottom := ops.Scaled(b, ops.Abs.Of(b, x), 1, 1)
		return []ops.Value{ops.Div.Of(b, d, ops.Mul.Of(b, bottom, bottom))}
	},
}, "x0 / (1 + abs(x0))")
