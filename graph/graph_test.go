package graph_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease/autograd"
	_ "github.com/crease-ml/crease/cpu"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func onCPU(t *testing.T, name string) (hal.Meter, *exec.Engine) {
	t.Helper()
	dev, err := hal.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := exec.On(dev)
	if err != nil {
		t.Fatal(err)
	}
	return dev.(hal.Meter), e
}

// metered is onCPU without a garbage collector, which would free what earlier tests
// left on the device while this one counts.
func metered(t *testing.T, name string) (hal.Meter, *exec.Engine) {
	t.Helper()
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	meter, e := onCPU(t, name)
	for same, last := 0, -1; same < 3; {
		runtime.GC()
		time.Sleep(5 * time.Millisecond) // finalizers run beside us
		if n := meter.Memory().Buffers; n == last {
			same++
		} else {
			same, last = 0, n
		}
	}
	return meter, e
}

func f32(dims ...int) ops.Spec { return ops.Spec{DType: dtype.F32, Shape: dims} }

// numbers is an array of random numbers.
func numbers(t *testing.T, e *exec.Engine, seed uint64, dims ...int) *exec.Array {
	t.Helper()
	a, err := e.Upload(ops.Arg{Shape: dims}.Make(dtype.F32, rand.New(rand.NewPCG(seed, 1))))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func compile(t *testing.T, g *graph.Graph, e *exec.Engine, outs ...ops.Value) *graph.Executable {
	t.Helper()
	x, err := g.Compile(outs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func run(t *testing.T, x *graph.Executable, in ...*exec.Array) []*exec.Array {
	t.Helper()
	out, err := x.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func elements(t *testing.T, a *exec.Array) ops.Host {
	t.Helper()
	h, err := a.Host()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func release(list []*exec.Array) {
	for _, a := range list {
		a.Release()
	}
}

func TestCommonSubexpressions(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x := g.Input(f32(2, 3), "x")
	a, b := ops.Exp.Of(g, x), ops.Exp.Of(g, x)
	s0, s1 := ops.Sum.With(g, ops.ReduceAttrs{Axes: []int{0}}, a), ops.Sum.With(g, ops.ReduceAttrs{Axes: []int{1}}, b)
	if n := compile(t, g, e, a, s0, s1).Len(); n != 3 {
		t.Errorf("%d instructions for one exp and two different sums", n)
	}
}

func TestDeadCode(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x := g.Input(f32(3), "x")
	unused := g.Input(f32(2), "unused")
	ops.Exp.Of(g, ops.Neg.Of(g, x))
	ops.Exp.Of(g, unused)
	y := ops.Sin.Of(g, x)
	exe := compile(t, g, e, y)
	if exe.Len() != 1 {
		t.Errorf("%d instructions for one sine", exe.Len())
	}
	a := numbers(t, e, 1, 3)
	want := e.Apply(ops.Sin, nil, a)[0].(*exec.Array)
	got := run(t, exe, a, numbers(t, e, 2, 2))
	if !bytes.Equal(elements(t, got[0]).Data, elements(t, want).Data) {
		t.Error("other bits than eager")
	}
}

// Ops on constants run once, when the graph is compiled, and only results that
// are needed are held.
func TestFolding(t *testing.T) {
	meter, e := metered(t, "cpu@threads=1")
	before := meter.Memory().Buffers
	g := graph.New(e)
	x := g.Input(f32(3), "x")
	c := ops.Add.Of(g, g.Const(ops.Scalar(dtype.F32, 2)), g.Const(ops.Scalar(dtype.F32, 3)))
	ones := ops.Full.With(g, ops.FullAttrs{DType: dtype.F32, Shape: []int{3}, Value: 1})
	y := ops.Mul.Of(g, x, ops.Mul.Of(g, c, ones))
	exe, err := g.Compile(y, c)
	if err != nil {
		t.Fatal(err)
	}
	if exe.Len() != 1 {
		t.Errorf("%d instructions, want the one that depends on the input", exe.Len())
	}
	if n := meter.Memory().Buffers - before; n != 2 {
		t.Errorf("%d constants are held, want the factor and the result", n)
	}
	a, err := e.Upload(ops.NewHost(f32(3)))
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, exe, a)
	if v := elements(t, out[1]).At(0); v != 5 {
		t.Errorf("2+3 is %v", v)
	}
	release(append(out, a))
	exe.Close()
	if n := meter.Memory().Buffers - before; n != 0 {
		t.Errorf("%d buffers are held after Close", n)
	}
	g = graph.New(e)
	big := ops.Full.With(g, ops.FullAttrs{DType: dtype.F32, Shape: []int{1 << 17}, Value: 1})
	if n := compile(t, g, e, big).Len(); n != 1 {
		t.Errorf("a large constant was folded: %d instructions", n)
	}
}

// A layer and its gradient: the same bits as eager, and memory that does not grow
// with the number of runs.
func TestReplayEqualsEagerInFlatMemory(t *testing.T) {
	meter, e := metered(t, "cpu@threads=2")
	program := func(b ops.Builder, in []ops.Value) []ops.Value {
		vars := make([]*autograd.Var, len(in))
		for i, v := range in {
			x, err := autograd.NewVar(v, true)
			if err != nil {
				t.Fatal(err)
			}
			vars[i] = x
		}
		y := autograd.Apply(b, true, ops.MatMul, nil, vars...)[0]
		z := autograd.Apply(b, true, ops.Tanh, nil, y)[0]
		loss := autograd.Apply(b, true, ops.Mean, ops.ReduceAttrs{}, z)[0]
		g, err := autograd.Grad(b, []*autograd.Var{loss}, nil, vars, autograd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return []ops.Value{loss.Value(), g[0].Value(), g[1].Value()}
	}
	in := []*exec.Array{numbers(t, e, 1, 33, 20), numbers(t, e, 2, 20, 17)}
	want := ops.Scoped(e, func(b ops.Builder) []ops.Value { return program(b, []ops.Value{in[0], in[1]}) })

	g := graph.New(e)
	exe := compile(t, g, e, program(g, []ops.Value{g.Input(f32(33, 20), "x"), g.Input(f32(20, 17), "w")})...)
	release(run(t, exe, in...))
	before := meter.Memory()
	for range 50 {
		out := run(t, exe, in...)
		for i, a := range out {
			if !bytes.Equal(elements(t, a).Data, elements(t, want[i].(*exec.Array)).Data) {
				t.Fatalf("result %d has other bits than eager", i)
			}
		}
		release(out)
	}
	after := meter.Memory()
	if after.Buffers != before.Buffers || after.InUse != before.InUse || after.HighWater != before.HighWater || after.Allocs != before.Allocs {
		t.Errorf("memory moved from %+v to %+v", before, after)
	}
}

// Values are freed after their last use: a chain needs two at a time, whatever
// its length.
func TestValuesAreFreedAfterTheirLastUse(t *testing.T) {
	meter, e := metered(t, "cpu@threads=3")
	g := graph.New(e)
	var y ops.Value = g.Input(f32(1<<16), "x")
	for range 20 {
		y = ops.Neg.Of(g, y)
	}
	exe := compile(t, g, e, y)
	x := numbers(t, e, 3, 1<<16)
	release(run(t, exe, x)) // the pool has what a run needs
	before := meter.Memory()
	release(run(t, exe, x))
	if after := meter.Memory(); after.Allocs != before.Allocs || after.Cached > 3*x.Spec().Bytes()+before.InUse {
		t.Errorf("memory moved from %+v to %+v", before, after)
	}
}

// Results that are inputs, constants or one value twice are handles of their own.
func TestResultsAreTheCallers(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x := g.Input(f32(2), "x")
	c, y := g.Const(ops.Scalar(dtype.F32, 7)), ops.Neg.Of(g, x)
	exe := compile(t, g, e, x, c, y, y)
	a := numbers(t, e, 4, 2)
	for range 2 {
		release(run(t, exe, a))
	}
	out := run(t, exe, a)
	if a.Released() || elements(t, out[1]).At(0) != 7 || !bytes.Equal(elements(t, out[2]).Data, elements(t, out[3]).Data) {
		t.Error("releasing results took what was not the caller's")
	}
	for i, v := range out {
		for _, w := range append(out[:i:i], a) {
			if shared := v.Block() == w.Block(); shared != (i == 0 && w == a) && !(i == 3 && w == out[2]) {
				t.Errorf("result %d shares memory: %v", i, shared)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	_, other := onCPU(t, "cpu/generic")
	g := graph.New(e)
	x := g.Input(f32(2), "x")
	exe := compile(t, g, e, ops.Neg.Of(g, x))
	gone := numbers(t, e, 1, 2)
	gone.Release()
	for what, in := range map[string][]*exec.Array{
		"0 inputs given": nil,
		"f32[3]":         {numbers(t, e, 1, 3)},
		"the graph on":   {numbers(t, other, 1, 2)},
		"has been freed": {gone},
		"input 0 is nil": {nil},
	} {
		if _, err := exe.Run(in...); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Results are written into as many arrays as there are results, or the run is refused.
func TestRunIntoRefuses(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x := g.Input(f32(2), "x")
	exe := compile(t, g, e, ops.Neg.Of(g, x), ops.Exp.Of(g, x))
	in := []*exec.Array{numbers(t, e, 1, 2)}
	for n := range 4 {
		into := make([]*exec.Array, n)
		for i := range into {
			into[i] = numbers(t, e, uint64(n), 2)
		}
		if _, err := exe.RunInto(in, into); (err == nil) != (n == 2) || err != nil && !strings.Contains(err.Error(), "2 results") {
			t.Errorf("%d arrays for 2 results: %v", n, err)
		}
	}
}

// A failure in the middle frees what was computed before it.
func TestAFailedRunFreesItsValues(t *testing.T) {
	meter, e := metered(t, "cpu@threads=1")
	g := graph.New(e)
	x, at := g.Input(f32(4), "x"), g.Input(ops.Spec{DType: dtype.I64, Shape: []int{1}}, "at")
	exe := compile(t, g, e, ops.Take.With(g, ops.TakeAttrs{}, ops.Neg.Of(g, x), at))
	index := ops.NewHost(ops.Spec{DType: dtype.I64, Shape: []int{1}})
	index.SetInt(0, 99)
	far, err := e.Upload(index)
	if err != nil {
		t.Fatal(err)
	}
	a := numbers(t, e, 1, 4)
	before := meter.Memory().Buffers
	err = failure(func() error { _, err := exe.Run(a, far); return err })
	if err == nil {
		t.Fatal("an index out of range was taken")
	}
	if n := meter.Memory().Buffers; n != before {
		t.Errorf("%d buffers before, %d after", before, n)
	}
}

// failure is the error that f returns or panics with.
func failure(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	return f()
}

func TestRecordingRefuses(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g, other := graph.New(e), graph.New(e)
	x := g.Input(f32(2), "x")
	foreign := other.Input(f32(2), "x")
	var usage *ops.UsageError
	for what, v := range map[string]ops.Value{"another graph's": foreign, "an array": numbers(t, e, 1, 2), "nil": nil} {
		if err := failure(func() error { ops.Add.Of(g, x, v); return nil }); !errors.As(err, &usage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := g.Compile(foreign); err == nil {
		t.Error("another graph's value was compiled")
	}
	if g.Owns(foreign) || !g.Owns(x) {
		t.Error("Owns")
	}
	var wrong *ops.ShapeError
	if err := failure(func() error { ops.Add.Of(g, x, g.Input(f32(3), "y")); return nil }); !errors.As(err, &wrong) {
		t.Errorf("shapes that do not broadcast: %v", err)
	}
}

func TestDump(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	g := graph.New(e)
	x := g.Input(f32(2, 3), "x")
	ops.Exp.Of(g, x) // dead: not written
	y := ops.Mul.Of(g, x, g.Const(ops.Scalar(dtype.F32, 2)))
	s := ops.Sum.With(g, ops.ReduceAttrs{Axes: []int{1}}, y)
	g.Assign(x, y)
	compile(t, g, e, s, y)
	for format, want := range map[graph.Format]string{
		graph.Text: `%0 = input x : f32[2 3]
%2 = const 2 : f32[]
%3 = mul(%0, %2) : f32[2 3]
%4 = sum {Axes:[1] Keep:false}(%3) : f32[2]
%0 <- %3
return %4, %3
`,
		graph.DOT: `digraph crease {
  node [shape=box, fontname=monospace]
  n0 [label="input x\nf32[2 3]", style=rounded]
  n2 [label="const 2\nf32[]", style=rounded]
  n3 [label="mul\nf32[2 3]"]
  n0 -> n3
  n2 -> n3
  n4 [label="sum {Axes:[1] Keep:false}\nf32[2]"]
  n3 -> n4
  n5 [label="assign", style=filled, fillcolor=lightyellow]
  n0 -> n5
  n3 -> n5
  out0 [label="result 0", shape=ellipse]
  n4 -> out0
  out1 [label="result 1", shape=ellipse]
  n3 -> out1
}
`,
	} {
		var b strings.Builder
		if err := g.Dump(&b, format); err != nil || b.String() != want {
			t.Errorf("%v, got\n%s\nwant\n%s", err, b.String(), want)
		}
	}
}
