package graph_test

import (
	"bytes"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
)

// Two values are one only if op, attributes and every operand are the same. Hashes alone
// tell most apart, so the comparison is asked by itself too: it decides where they collide.
func TestSameValues(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x, y, z := g.Input(f32(2, 2), "x"), g.Input(f32(2, 2), "y"), g.Input(f32(2, 2), "z")
	sub := ops.Sub.Of(g, x, y)
	sum := ops.Sum.With(g, ops.ReduceAttrs{Axes: []int{0}}, x)
	seven := g.Const(ops.Scalar(dtype.F32, 7))
	turned := ops.Permute.With(g, ops.PermuteAttrs{Axes: []int{1, 0}}, x)
	for what, c := range map[string]struct {
		a, b ops.Value
		same bool
	}{
		"the same":            {sub, ops.Sub.Of(g, x, y), true},
		"other first input":   {sub, ops.Sub.Of(g, z, y), false},
		"other second input":  {sub, ops.Sub.Of(g, x, z), false},
		"swapped inputs":      {sub, ops.Sub.Of(g, y, x), false},
		"other op":            {sub, ops.Add.Of(g, x, y), false},
		"same attributes":     {sum, ops.Sum.With(g, ops.ReduceAttrs{Axes: []int{0}}, x), true},
		"other attributes":    {sum, ops.Sum.With(g, ops.ReduceAttrs{Axes: []int{1}}, x), false},
		"same constant":       {seven, g.Const(ops.Scalar(dtype.F32, 7)), true},
		"other constant":      {seven, g.Const(ops.Scalar(dtype.F32, 8)), false},
		"other type, 4 bytes": {seven, g.Const(ops.Scalar(dtype.I32, 0x40e00000)), false}, // 7 in float32
		"same view":           {turned, ops.Permute.With(g, ops.PermuteAttrs{Axes: []int{1, 0}}, x), true},
		"other view":          {turned, ops.Permute.With(g, ops.PermuteAttrs{Axes: []int{0, 1}}, x), false},
		"view of another":     {turned, ops.Permute.With(g, ops.PermuteAttrs{Axes: []int{1, 0}}, y), false},
		"view and constant":   {turned, seven, false},
	} {
		hash, same := g.Same(c.a, c.b)
		if same != c.same || same && !hash {
			t.Errorf("%s: same is %v, want %v (hashes agree: %v)", what, same, c.same, hash)
		}
	}
}

// What is computed twice and differs in one operand, or has two results, comes out as it
// does eagerly.
func TestAlikeComputations(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	in := []*exec.Array{numbers(t, e, 1, 5), numbers(t, e, 2, 5), numbers(t, e, 3, 5)}
	f := func(b ops.Builder, v ...ops.Value) (list []ops.Value) {
		first, second := b.Apply(ops.Sort, ops.SortAttrs{}, v[0]), b.Apply(ops.Sort, ops.SortAttrs{}, v[0])
		return []ops.Value{
			ops.Exp.Of(b, ops.Sub.Of(b, v[0], v[1])), ops.Exp.Of(b, ops.Sub.Of(b, v[0], v[2])), ops.Exp.Of(b, ops.Sub.Of(b, v[1], v[0])),
			ops.Neg.Of(b, first[0]), ops.Neg.Of(b, first[1]), ops.Exp.Of(b, second[0]), ops.Abs.Of(b, second[1]),
		}
	}
	g := graph.New(e)
	got := run(t, compile(t, g, e, f(g, g.Input(f32(5), "x"), g.Input(f32(5), "y"), g.Input(f32(5), "z"))...), in...)
	for i, want := range f(e, in[0], in[1], in[2]) {
		if w := elements(t, want.(*exec.Array)); !bytes.Equal(elements(t, got[i]).Data, w.Data) {
			t.Errorf("result %d is %v, eagerly %v", i, elements(t, got[i]).Float64s(), w.Float64s())
		}
	}
}

// One value returned twice is two handles of one memory, and lives until both are
// released. Two values computed alike have memory of their own, which the caller may
// change one by one.
func TestResultsReturnedTwice(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x := g.Input(f32(4), "x")
	y, alike := ops.Exp.Of(g, x), ops.Exp.Of(g, x)
	exe := compile(t, g, e, y, y, alike)
	a := numbers(t, e, 7, 4)
	want := elements(t, e.Apply(ops.Exp, nil, a)[0].(*exec.Array)).Data
	for i := range 3 {
		out := run(t, exe, a)
		if out[0] == out[1] || out[0].Block() != out[1].Block() {
			t.Error("one value twice is not two handles of one memory")
		}
		if out[2].Block() == out[0].Block() {
			t.Error("two results share memory")
		}
		if err := e.Set(out[2], a); err != nil {
			t.Fatal(err)
		}
		out[i].Release()
		for k, o := range out {
			is := want
			if k == 2 {
				is = elements(t, a).Data
			}
			if k == i {
				continue
			}
			if got := elements(t, o); !bytes.Equal(got.Data, is) {
				t.Errorf("after result %d was released, result %d is %v", i, k, got.Float64s())
			}
			o.Release()
		}
	}
}
