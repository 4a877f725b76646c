package sim

import (
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// BenchmarkVector is the vector unit's arithmetic in elements.
func BenchmarkVector(b *testing.B) {
	c, err := arch.Preset("v2")
	if err != nil {
		b.Fatal(err)
	}
	m, err := New(c, Options{})
	if err != nil {
		b.Fatal(err)
	}
	const n, cols = 1 << 19, 128
	for _, fn := range []isa.VectorFn{isa.Copy, isa.Add, isa.MulAdd, isa.Exp, isa.RowSum, isa.ColSum, isa.Transpose} {
		b.Run(fn.String(), func(b *testing.B) {
			op := isa.Op{Vector: isa.VectorOp{Fn: fn, Count: n, Rows: n / cols, Cols: cols, Dst: 4 << 20, Src: [3]int64{0, 2 << 20, 8 << 20}, SrcType: [3]isa.Type{isa.F32, isa.F32, isa.F32}, DstType: isa.F32}}
			for b.Loop() {
				m.core.vector(&op)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
	for _, fn := range []num.Function{num.Identity, num.ReLU, num.Tanh} {
		b.Run("activate "+fn.String(), func(b *testing.B) {
			a := isa.Plain(isa.BF16, true, cols)
			a.Fn, a.OutRows = fn, 4096
			op := isa.Op{Rows: 4096, Activation: a, Buf: isa.Region{Bytes: 2 * cols, Pitch: 2 * cols, Rows: 4096}}
			for b.Loop() {
				m.core.activate(&op)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(4096*cols), "ns/element")
		})
	}
}
