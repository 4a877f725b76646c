package ops

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

// drawBench makes the operands of a row's benchmark.
func drawBench(op *Op, s Size) (Case, []Host) {
	c, r := op.Bench(s), rand.New(rand.NewPCG(5, uint64(s.N)))
	in := make([]Host, len(c.In))
	for i, a := range c.In {
		in[i] = a.Make(s.DType, r)
	}
	return c, in
}

func TestEveryRowHasABenchmark(t *testing.T) {
	for _, op := range All() {
		if (op.Kind == View) != (op.Bench == nil) {
			t.Errorf("%s is a %s row; has it a benchmark: %v", op.Name, op.Kind, op.Bench != nil)
		}
		if op.Bench == nil {
			continue
		}
		for _, et := range op.BenchTypes() {
			for _, n := range []int{1, 2, 1000} {
				c := op.Bench(Size{n, et})
				specs := make([]Spec, len(c.In))
				for i, a := range c.In {
					specs[i] = Spec{cmp.Or(a.DType, et), a.Shape}
				}
				if _, err := op.Specs(c.Attrs, specs); err != nil {
					t.Errorf("size %d of %s: %v", n, et, err)
				}
			}
		}
	}
}

// Sizes are axes and nothing else, so that a large one is harmless until memory is
// asked for; and nobody changes a benchmark by changing what it returned.
func TestBenchmarksOfLargeSizes(t *testing.T) {
	const n = 1 << 28
	for _, op := range All() {
		if op.Bench == nil {
			continue
		}
		c, again := op.Bench(Size{n, dtype.F32}), op.Bench(Size{n, dtype.F32})
		specs := make([]Spec, len(c.In))
		for i, a := range c.In {
			specs[i] = Spec{cmp.Or(a.DType, op.BenchTypes()[0]), slices.Clone(a.Shape)}
			if slices.ContainsFunc(a.Shape, func(d int) bool { return d < 1 || d > 64 && d != n }) {
				t.Errorf("%s: operand %d has axes %v at size %d", op.Name, i, a.Shape, n)
			}
		}
		for _, a := range c.In {
			clear(a.Shape)
		}
		for i, a := range again.In {
			if !slices.Equal(a.Shape, specs[i].Shape) {
				t.Errorf("%s: two benchmarks share operand %d", op.Name, i)
			}
		}
		if outs, err := op.Specs(again.Attrs, specs); err == nil && len(outs) == 0 {
			t.Errorf("%s has no result", op.Name)
		}
	}
}

// The operands are ones that the op is defined on: indices lie within, and the
// lowering agrees with the reference.
func TestBenchmarksRun(t *testing.T) {
	for _, op := range All() {
		if op.Bench == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			et := op.BenchTypes()[0]
			if slices.Contains(op.BenchTypes(), dtype.F32) {
				et = dtype.F32
			}
			c, in := drawBench(op, Size{2, et})
			b := Interpreter{}
			want := b.Apply(op, c.Attrs, valuesOf(in)...)
			if op.Lower == nil {
				return
			}
			for i, v := range op.Lower(b, c.Attrs, valuesOf(in)) {
				wantClose(t, op, c, hostSpecs(in), "the lowering", v.(*HostValue).Host, want[i].(*HostValue).Host)
			}
		})
	}
}
