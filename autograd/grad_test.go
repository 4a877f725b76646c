package autograd_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// host is the builder of these tests: references on host arrays.
var host = ops.Interpreter{}

func vector(values ...float64) ops.Host {
	h, err := ops.HostOf([]int{len(values)}, values)
	if err != nil {
		panic(err)
	}
	return h
}

func leaf(t *testing.T, values ...float64) *autograd.Var {
	t.Helper()
	v, err := autograd.NewVar(host.Const(vector(values...)), true)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func apply(op *ops.Op, attrs any, in ...*autograd.Var) *autograd.Var {
	return autograd.Apply(host, true, op, attrs, in...)[0]
}

func sum(v *autograd.Var) *autograd.Var { return apply(ops.Sum, ops.ReduceAttrs{}, v) }

func equals(t *testing.T, what string, v *autograd.Var, want ...float64) {
	t.Helper()
	if v == nil {
		t.Errorf("%s is missing", what)
		return
	}
	got := v.Value().(*ops.HostValue).Host.Float64s()
	if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) }) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func refuses(t *testing.T, what string, err error, part string) {
	t.Helper()
	var e *ops.GradError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestBackwardAccumulatesOnLeaves(t *testing.T) {
	x, y := leaf(t, 2, 3), leaf(t, 5, 7)
	c := autograd.Constant(host.Const(vector(1, 1)))
	for i := 1.0; i <= 2; i++ {
		if err := autograd.Backward(host, sum(apply(ops.Add, nil, apply(ops.Mul, nil, x, y), c)), nil, autograd.Options{}); err != nil {
			t.Fatal(err)
		}
		equals(t, "d(xy)/dx", x.Gradient(), 5*i, 7*i)
		equals(t, "d(xy)/dy", y.Gradient(), 2*i, 3*i)
	}
	if c.Gradient() != nil {
		t.Error("a constant has a gradient")
	}
	x.SetGradient(nil)
	if x.Gradient() != nil {
		t.Error("SetGradient(nil) left a gradient")
	}
}

// A value used several times gets the sum over its uses, and every node is
// walked once.
func TestSharedSubexpressions(t *testing.T) {
	x := leaf(t, 1.5)
	y := x
	for range 40 { // 2^40 paths from the result to the leaf
		y = apply(ops.Add, nil, y, y)
	}
	g, err := autograd.Grad(host, []*autograd.Var{y}, nil, []*autograd.Var{x, x}, autograd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	equals(t, "the slope", g[0], 0x1p40)
	equals(t, "the slope, asked for twice", g[1], 0x1p40)
}

// The gradient of a value in the middle, together with that of its leaf.
func TestGradOfIntermediateValues(t *testing.T) {
	x := leaf(t, 2, 3)
	m := apply(ops.Mul, nil, x, x)
	z := sum(apply(ops.Mul, nil, m, m)) // x⁴
	g, err := autograd.Grad(host, []*autograd.Var{z}, nil, []*autograd.Var{m, x}, autograd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	equals(t, "dz/dm", g[0], 8, 18)
	equals(t, "dz/dx", g[1], 32, 108)
}

func TestSeedsWeighOutputs(t *testing.T) {
	x := leaf(t, 2, 3)
	a, b := apply(ops.Mul, nil, x, x), apply(ops.Neg, nil, x)
	g, err := autograd.Grad(host, []*autograd.Var{a, b}, []ops.Value{host.Const(vector(1, 10)), host.Const(vector(100, 1000))}, []*autograd.Var{x}, autograd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	equals(t, "the weighted slopes", g[0], 4-100, 60-1000)
	_, err = autograd.Grad(host, []*autograd.Var{a}, []ops.Value{host.Const(vector(1))}, []*autograd.Var{x}, autograd.Options{})
	refuses(t, "a seed of another shape", err, "seed")
}

func TestRetain(t *testing.T) {
	x := leaf(t, 2)
	y := apply(ops.Mul, nil, x, x)
	for range 2 {
		if err := autograd.Backward(host, y, nil, autograd.Options{Retain: true}); err != nil {
			t.Fatal(err)
		}
	}
	equals(t, "two passes", x.Gradient(), 8)
	if err := autograd.Backward(host, y, nil, autograd.Options{}); err != nil {
		t.Fatal(err)
	}
	refuses(t, "a pass over a released record", autograd.Backward(host, y, nil, autograd.Options{}), "released")
	equals(t, "three passes", x.Gradient(), 12)
}

func TestHigherOrders(t *testing.T) {
	x := leaf(t, 0.7)
	y := apply(ops.Sin, nil, x)
	want := []float64{math.Cos(0.7), -math.Sin(0.7), -math.Cos(0.7), math.Sin(0.7)}
	for i, w := range want {
		g, err := autograd.Grad(host, []*autograd.Var{y}, nil, []*autograd.Var{x}, autograd.Options{CreateGraph: true})
		if err != nil {
			t.Fatal(err)
		}
		y = g[0]
		equals(t, "derivative "+string(rune('1'+i))+" of the sine", y, w)
	}
	// A gradient in a loss: d/dx (dy/dx)² of y = x³ is 36x³.
	x = leaf(t, 2)
	g, err := autograd.Grad(host, []*autograd.Var{apply(ops.Mul, nil, x, apply(ops.Mul, nil, x, x))}, nil, []*autograd.Var{x}, autograd.Options{CreateGraph: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := autograd.Backward(host, apply(ops.Mul, nil, g[0], g[0]), nil, autograd.Options{}); err != nil {
		t.Fatal(err)
	}
	equals(t, "the penalty's slope", x.Gradient(), 36*8)
}

func TestWhatHasNoGradient(t *testing.T) {
	x, other := leaf(t, 2, 3), leaf(t, 1, 1)
	plain := autograd.Constant(host.Const(vector(1)))
	_, err := autograd.Grad(host, []*autograd.Var{sum(x)}, nil, []*autograd.Var{other}, autograd.Options{})
	refuses(t, "an unused variable", err, "not used")
	_, err = autograd.Grad(host, []*autograd.Var{sum(x)}, nil, []*autograd.Var{plain}, autograd.Options{})
	refuses(t, "a constant", err, "does not require")
	_, err = autograd.Grad(host, []*autograd.Var{plain}, nil, []*autograd.Var{x}, autograd.Options{})
	refuses(t, "an output of constants", err, "depends on no variable")
	refuses(t, "an output of several elements", autograd.Backward(host, apply(ops.Exp, nil, x), nil, autograd.Options{}), "Sum or Mean")
	if _, err := autograd.NewVar(host.Const(ops.Scalar(dtype.I32, 1)), true); err == nil {
		t.Error("an integer requires a gradient")
	}
	if v := apply(ops.Lt, nil, x, other); v.RequiresGrad() {
		t.Error("a comparison requires a gradient")
	}
	if v := autograd.Apply(host, false, ops.Exp, nil, x)[0]; v.RequiresGrad() || !v.Leaf() {
		t.Error("recorded although told not to")
	}
	if v := apply(ops.Exp, nil, x); !v.RequiresGrad() || v.Leaf() || !x.Leaf() {
		t.Error("an op on a leaf was not recorded")
	}
}

// row is an op of these tests: one float input, a result of its spec.
func row(name string, ref func(v float64) float64) *ops.Op {
	return &ops.Op{
		Name: name, Inputs: "x", Types: ops.Floats,
		Infer: func(_ any, in []ops.Spec) ([]ops.Spec, error) { return in, nil },
		Ref: func(_ any, in, out []ops.Host) {
			for i := range in[0].Elements() {
				out[0].Set(i, ref(in[0].At(i)))
			}
		},
	}
}

// An op that states that it has no gradient says so when one reaches it.
func TestNoGradRows(t *testing.T) {
	op := row("opaque", math.Floor)
	op.NoGrad = "it is a staircase"
	x := leaf(t, 1.5)
	y := apply(op, nil, x)
	err := autograd.Backward(host, y, nil, autograd.Options{})
	refuses(t, "the pass", err, op.NoGrad)
	var e *ops.GradError
	if errors.As(err, &e) && e.Op != op.Name {
		t.Errorf("the error names op %q", e.Op)
	}
	// Beside the path to the variable it is no obstacle.
	z := leaf(t, 3)
	both := apply(ops.Add, nil, apply(ops.Mul, nil, z, z), y)
	g, err := autograd.Grad(host, []*autograd.Var{both}, nil, []*autograd.Var{z}, autograd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	equals(t, "the slope beside it", g[0], 6)
}

// An op without a rule is recorded as its lowering.
func TestLoweringsPassOnTheirGradient(t *testing.T) {
	op := row("square_plus_one", func(v float64) float64 { return v*v + 1 })
	op.Lower = func(b ops.Builder, _ any, in []ops.Value) []ops.Value {
		return []ops.Value{ops.Add.Of(b, ops.Mul.Of(b, in[0], in[0]), b.Const(vector(1)))}
	}
	x := leaf(t, 3)
	if err := autograd.Backward(host, apply(op, nil, x), nil, autograd.Options{}); err != nil {
		t.Fatal(err)
	}
	equals(t, "the slope", x.Gradient(), 6)

	same := row("identity", func(v float64) float64 { return v })
	same.Lower = func(_ ops.Builder, _ any, in []ops.Value) []ops.Value { return in }
	z := leaf(t, 3)
	y := apply(same, nil, z)
	if err := autograd.Backward(host, apply(ops.Mul, nil, y, z), nil, autograd.Options{}); err != nil {
		t.Fatal(err)
	}
	equals(t, "the slope through an identity", z.Gradient(), 6)
}

// Mistakes of a gradient rule are errors that name the row.
func TestWrongRules(t *testing.T) {
	for what, rule := range map[string]func(*ops.GradCall) []ops.Value{
		"gradients for 1 inputs": func(*ops.GradCall) []ops.Value { return nil },
		"returned nothing":       func(*ops.GradCall) []ops.Value { return []ops.Value{nil} },
		"f64[2]":                 func(g *ops.GradCall) []ops.Value { return []ops.Value{g.B.Const(vector(1, 2))} },
	} {
		op := row("wrong", math.Sqrt)
		op.Grad = rule
		err := autograd.Backward(host, apply(op, nil, leaf(t, 1)), nil, autograd.Options{})
		refuses(t, "a wrong rule", err, what)
	}
	op := row("unsaved", math.Sqrt)
	op.Grad = func(g *ops.GradCall) []ops.Value { return []ops.Value{ops.Mul.Of(g.B, g.D[0], g.In[0])} }
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "input 0 of unsaved") {
			t.Errorf("a rule that reads what it does not save: %v", err)
		}
	}()
	_ = autograd.Backward(host, apply(op, nil, leaf(t, 1)), nil, autograd.Options{})
}

// A pass with more leaves than are looked up one by one, and an op with more inputs than
// placeholders are kept for, gives every leaf its own gradient.
func TestManyLeaves(t *testing.T) {
	const n = 60
	leaves := make([]*autograd.Var, n)
	for i := range leaves {
		leaves[i] = leaf(t, float64(i), 1)
	}
	joined := apply(ops.Concat, ops.ConcatAttrs{}, append(leaves, leaves[n/2])...)
	weights := make([]float64, 2*(n+1))
	for i := range weights {
		weights[i] = float64(i + 1)
	}
	product := apply(ops.Mul, nil, joined, autograd.Constant(host.Const(vector(weights...))))
	if err := autograd.Backward(host, sum(product), nil, autograd.Options{}); err != nil {
		t.Fatal(err)
	}
	for i, v := range leaves {
		a, b := weights[2*i], weights[2*i+1]
		if i == n/2 {
			a, b = a+weights[2*n], b+weights[2*n+1]
		}
		equals(t, "a leaf's gradient", v.Gradient(), a, b)
	}
}
