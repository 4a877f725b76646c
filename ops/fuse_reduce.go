package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops/expr"
)

// FusedReduceAttrs are the parameters of the expression and the axes of the reduction.
type FusedReduceAttrs struct {
	Params []float64 `json:"params"`
	Axes   []int     `json:"axes"`
	Keep   bool      `json:"keep"`
}

// producer is an expression with the reduction that takes its results.
type producer struct {
	expr   *expr.Node
	reduce *Op
}

// FusedReduce returns the row that reduces what an expression computes, which is never
// stored: inputs broadcast as those of [Fused] do, and axes are those of the shape they
// broadcast to. The reduction is a row with [ReduceAttrs] and one input of the result's
// element type. The same expression and reduction give the same row, which is in no table.
func FusedReduce(reduce *Op, e *expr.Node) *Op {
	text := reduce.Name + "(" + canonical(e) + ")"
	elements := Fused(e, false)
	return fusedRow(text, func() *Op {
		attrs := func(a any) (FusedAttrs, ReduceAttrs) {
			f := a.(FusedReduceAttrs)
			return FusedAttrs{f.Params}, ReduceAttrs{f.Axes, f.Keep}
		}
		produced := func(a any, in []Spec) ([]Spec, error) {
			fa, _ := attrs(a)
			return elements.Infer(fa, in)
		}
		tol := reduce.Tol
		if depth := tol.Depth; depth != nil {
			tol.Depth = func(a any, in []Spec) int {
				mid, err := produced(a, in)
				if err != nil {
					panic(err) // the shape rule has accepted the inputs
				}
				_, ra := attrs(a)
				return depth(ra, mid)
			}
		}
		return &Op{
			Name: FusedName, Doc: "A reduction of what several elementwise ops compute: " + text + ".", Kind: Core, Family: Reduce,
			Inputs: "x...", Attrs: FusedReduceAttrs{}, Types: Any, Tol: tol, produces: &producer{e, reduce},
			NoGrad: "it is made by the graph compiler, after gradients",
			Infer: func(a any, in []Spec) ([]Spec, error) {
				out, err := produced(a, in)
				if err != nil {
					return nil, err
				}
				if out[0].DType == dtype.Bool {
					return nil, typeErr("a reduction of truth values")
				}
				_, ra := attrs(a)
				return reduce.Infer(ra, out)
			},
			Cost: func(a any, in, out []Spec) Cost {
				mid, err := produced(a, in)
				if err != nil {
					panic(err) // the shape rule has accepted the inputs
				}
				return Cost{Flops: float64(mid[0].Elements()) * (flopsOf(e) + 1), Bytes: traffic(in, out)}
			},
			Ref: func(a any, in, out []Host) {
				fa, ra := attrs(a)
				specs := make([]Spec, len(in))
				for i, h := range in {
					specs[i] = h.Spec
				}
				mid, err := produced(a, specs)
				if err != nil {
					panic(err)
				}
				stored := []Host{NewHost(mid[0])}
				elements.Ref(fa, in, stored)
				reduce.Ref(ra, stored, out)
			},
		}
	})
}

// Producer returns the expression and the reduction of a row that FusedReduce made, nil
// for other rows.
func (op *Op) Producer() (e *expr.Node, reduce *Op) {
	if op.produces == nil {
		return nil, nil
	}
	return op.produces.expr, op.produces.reduce
}
