package cpu

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
)

// TestReducedExpressionsGiveTheBitsOfStoredOnes reduces random expressions, of operands in
// every layout, as they are computed and after they have been stored.
func TestReducedExpressionsGiveTheBitsOfStoredOnes(t *testing.T) {
	shapes := [][]int{{1}, {9}, {5000}, {150_000}, {3, 700}, {700, 3}, {40, 1, 41}, {2500, 6}, {3, 1500, 2}, {2, 3000}, {4, 5, 6, 7}, {7, 0, 3}}
	reductions := []*ops.Op{ops.Sum, ops.Mean, ops.Prod, ops.Amax, ops.Amin}
	for _, d := range devices(t) {
		r := newRand(7 + uint64(d.level))
		ran := 0
		for range 300 {
			text := randomExpression(r, 4)
			e := expr.MustParse(text)
			if e.Inputs() == 0 {
				continue
			}
			elementwise, reduce := ops.Fused(e, false), reductions[r.IntN(len(reductions))]
			dims := shapes[r.IntN(len(shapes))]
			attrs := ops.FusedReduceAttrs{Keep: r.IntN(2) == 0}
			for i := range dims {
				if r.IntN(2) == 0 {
					attrs.Axes = append(attrs.Axes, i)
				}
			}
			c := &hal.Call{Op: ops.FusedName, Attrs: attrs}
			layouts := ""
			for range e.Inputs() {
				v, layout := chainOperand(t, d, r, dims)
				c.In, layouts = append(c.In, v), layouts+" "+layout
			}
			spec := f32s(dims...)
			ra := ops.ReduceAttrs{Axes: attrs.Axes, Keep: attrs.Keep}
			outs, err := reduce.Specs(ra, []ops.Spec{spec})
			if err != nil {
				continue // an extremum of nothing
			}
			k := d.Fuse(ops.FusedReduce(reduce, e), spec.DType)
			if k == nil {
				continue
			}
			run := func(k *hal.Kernel, c *hal.Call, s ops.Spec) hal.View {
				c.Out = []hal.View{guarded(t, d, s)}
				if err := runKernel(d, k, c); err != nil {
					t.Fatalf("%s of %s: %v", reduce.Name, text, err)
				}
				return c.Out[0]
			}
			got := run(k, c, outs[0])
			stored := run(d.Fuse(elementwise, spec.DType), &hal.Call{Op: ops.FusedName, Attrs: ops.FusedAttrs{}, In: c.In}, spec)
			var alone *hal.Kernel
			for _, k := range d.Kernels().For(reduce.Name) {
				if k.Key.DType == spec.DType && alone == nil {
					alone = k
				}
			}
			want := run(alone, &hal.Call{Op: reduce.Name, Attrs: ra, In: []hal.View{stored}}, outs[0])
			diff(t, fmt.Sprintf("%s: %s of %s over %v of %v,%s", d.level, reduce.Name, text, attrs.Axes, dims, layouts), hostdev.Bytes(got.Buf), hostdev.Bytes(want.Buf))
			ran++
		}
		if ran < 200 {
			t.Errorf("%s: only %d expressions ran", d.level, ran)
		}
	}
}

// BenchmarkReducedExpressions is a reduction of an expression on one thread.
func BenchmarkReducedExpressions(b *testing.B) {
	for _, x := range []struct {
		name, text string
		axes       []int
	}{
		{"dot", "x0 * x1", nil},
		{"squared_error", "(x0 - x1) * (x0 - x1)", nil},
		{"bias_gradient", "where(x1 > 0, x0, 0)", []int{0}},
		{"row_dot", "x0 * x1", []int{1}},
	} {
		for _, n := range []int{32, 512, 4096} {
			b.Run(fmt.Sprintf("%s/%dx%d", x.name, n, n), func(b *testing.B) {
				row := ops.FusedReduce(ops.Sum, expr.MustParse(x.text))
				benchFused(b, row, ops.FusedReduceAttrs{Axes: x.axes}, f32s(n, n))
			})
		}
	}
}
