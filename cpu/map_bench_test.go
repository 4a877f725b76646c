package cpu

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
)

// BenchmarkExpressions runs elementwise expressions on one thread, as a fused row does.
// B/s counts every operand once; an addition has what memory gives.
func BenchmarkExpressions(b *testing.B) {
	for _, x := range []struct{ name, text string }{
		{"add", "x0 + x1"},
		{"exp", "exp(x0)"},
		{"relu_xy_x", "max(x0 * x1 + x0, 0)"},
		{"tanh_grad", "x0 * (1 - x1 * x1) * x2"},
		{"sigmoid_grad", "x0 * (x1 * (1 - x1))"},
		{"gelu_grad", "x0 * (0.5 * erf(x1 * 0.7071067811865476) + 0.5 + x1 * (0.3989422804014327 * exp(-0.5 * x1 * x1)))"},
		{"adam", "x0 - 0.01 * (0.9 * x1 + 0.1 * x3) / (sqrt(0.999 * x2 * x2 + 0.001 * x3 * x3) + 1e-8)"},
		{"leaky_relu", "where(x0 > 0, x0, 0.1 * x0)"},
		{"relu_grad", "where(x1 > 0, x0, 0)"},
		{"hard_swish", "x0 * min(max(x0 + 3, 0), 6) / 6"},
		{"elu", "where(x0 > 0, x0, exp(x0) - 1)"},
		{"softplus", "max(x0, 0) + log(1 + exp(-abs(x0)))"},
		{"smooth_l1", "min(abs(x0 - x1), 1) * (abs(x0 - x1) - 0.5 * min(abs(x0 - x1), 1))"},
		{"clamp_grad", "where(x1 >= -1 && x1 <= 1, x0, 0)"},
		{"masked", "where(x0 > x1, x0 + x2, x1 * x2)"},
	} {
		for _, n := range []int{8, 64, 512, 1024, 4096} {
			b.Run(fmt.Sprintf("%s/%dx%d", x.name, n, n), func(b *testing.B) {
				benchFused(b, ops.Fused(expr.MustParse(x.text), false), ops.FusedAttrs{}, f32s(n, n))
			})
		}
	}
}

// benchFused runs a fused row on operands of one shape.
func benchFused(b *testing.B, op *ops.Op, attrs any, in ops.Spec) {
	d := newDevice("cpu", cpufeat.Best(), 1)
	defer d.Close()
	e, _ := op.Producer()
	if e == nil {
		e = op.Expr
	}
	c := &hal.Call{Op: op.Name, Attrs: attrs}
	var specs []ops.Spec
	for range e.Inputs() {
		c.In, specs = append(c.In, benchView(b, d, in)), append(specs, in)
	}
	outs, err := op.Specs(attrs, specs)
	if err != nil {
		b.Fatal(err)
	}
	c.Out = []hal.View{benchView(b, d, outs[0])}
	l, err := d.Fuse(op, in.DType).Prepare(c)
	if err != nil {
		b.Fatal(err)
	}
	stream, err := d.NewStream()
	if err != nil {
		b.Fatal(err)
	}
	work, err := d.Alloc(max(1, l.Work))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(c.In)*in.Bytes() + outs[0].Bytes()))
	b.ReportAllocs()
	at := c.Operands()
	for b.Loop() {
		if err := stream.Launch(l, at, work); err != nil {
			b.Fatal(err)
		}
	}
}
