package graph_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
)

// A reduction takes what it reduces as it is computed, unless something else needs that.
func TestAnExpressionGoesIntoItsReduction(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	for _, reduce := range []*ops.Op{ops.Sum, ops.Mean, ops.Amax, ops.Amin, ops.Prod} {
		attrs := ops.ReduceAttrs{Axes: []int{-2}}
		program := func(b ops.Builder, x, row ops.Value) (product, result ops.Value) {
			product = ops.Mul.Of(b, ops.Exp.Of(b, x), row)
			return product, reduce.With(b, attrs, product)
		}
		x, row := numbers(t, e, 1, 3, 50, 70), numbers(t, e, 2, 70)
		_, eager := program(e, x, row)
		want := elements(t, eager.(*exec.Array))
		for _, both := range []bool{false, true} {
			g := graph.New(e)
			product, result := program(g, g.Input(f32(3, 50, 70), "x"), g.Input(f32(70), "row"))
			outs := []ops.Value{result}
			if both {
				outs = append(outs, product)
			}
			exe := compile(t, g, e, outs...)
			if got := exe.Len(); got != len(outs) {
				t.Errorf("%s: %d instructions for %d results: the expression is stored", reduce.Name, got, len(outs))
			}
			if got := elements(t, run(t, exe, x, row)[0]); !bytes.Equal(got.Data, want.Data) {
				t.Errorf("%s: other bits than eager", reduce.Name)
			}
			var text bytes.Buffer
			if err := g.Dump(&text, graph.Text); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(text.String(), "fused "+reduce.Name+" {Axes:[-2] Keep:false} of "); got == both {
				t.Errorf("%s, product needed %v:\n%s", reduce.Name, both, text.String())
			}
		}
	}
}
