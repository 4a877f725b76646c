package graph_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
)

type tensor = crease.Tensor

// world is what a random program finds outside: arguments, tensors that it captures, some
// of which are views of others, and a generator.
type world struct {
	args     []*tensor
	captured []*tensor
	leaves   []*tensor // captured, require gradients
	gen      *crease.Generator
}

var shapes = [][]int{{3, 4}, {4}, {3, 1}, {2, 3, 4}, {4, 4}, {}}

// newWorld is the same for every seed.
func newWorld(dev *crease.Device, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	on := crease.On(dev)
	w := &world{gen: crease.NewGenerator(seed, on)}
	number := func(dims []int) *tensor {
		values := make([]float32, ops.Spec{DType: dtype.F32, Shape: dims}.Elements())
		for i := range values {
			if values[i] = float32(r.NormFloat64()); r.IntN(8) == 0 {
				values[i] = float32(r.IntN(3) - 1)
			}
		}
		return crease.From(values, dims, on)
	}
	for range 2 {
		w.captured = append(w.captured, number(shapes[r.IntN(len(shapes))]))
	}
	base := number([]int{4, 4})
	w.captured = append(w.captured, base, base.Narrow(0, 1, 2), base.T())
	w.leaves = append(w.leaves, number([]int{3, 4}).RequireGrad(), number([]int{4}).RequireGrad())
	w.args = append(w.args, number([]int{3, 4}), number(shapes[r.IntN(len(shapes))]))
	switch r.IntN(4) {
	case 0: // an argument that is also captured
		w.args[1] = base.Index(0)
	case 1: // one that is a view of the other
		w.args[1] = w.args[0].Index(r.IntN(3))
	}
	return w
}

// all is everything that a program may change.
func (w *world) all() []*tensor {
	list := append(append(append([]*tensor{}, w.args...), w.captured...), w.leaves...)
	return append(list, w.gen.State())
}

// program runs random ops, assignments, views and gradients that a seed decides. It draws
// the same numbers every time, so that eager and recorded it is the same program.
func (w *world) program(seed uint64, length int) func(in ...*tensor) []*tensor {
	return func(in ...*tensor) []*tensor {
		p := &random{world: w, r: rand.New(rand.NewPCG(seed, 2)), in: in}
		p.values = append(append(p.values, in...), w.captured...)
		for range length {
			p.step()
		}
		var out []*tensor
		for range 1 + p.r.IntN(3) {
			out = append(out, p.any())
		}
		return out
	}
}

// random is a program that runs.
type random struct {
	*world
	r      *rand.Rand
	in     []*tensor
	values []*tensor
}

func (p *random) any() *tensor { return p.values[p.r.IntN(len(p.values))] }

// recent is one of the last values, so that chains grow.
func (p *random) recent() *tensor {
	n := len(p.values)
	return p.values[n-1-p.r.IntN(min(n, 4))]
}

func (p *random) push(t *tensor) {
	if t.Len() > 0 && t.Len() <= 256 && t.DType() == dtype.F32 {
		p.values = append(p.values, t)
	}
}

// like is a value with the spec of another, which may be that one.
func (p *random) like(t *tensor) *tensor {
	for range 20 {
		if v := p.any(); v.Spec().Equal(t.Spec()) {
			return v
		}
	}
	return t.MulScalar(0.5)
}

// fits is a value that broadcasts with another.
func (p *random) fits(t *tensor) *tensor {
	for range 20 {
		v := p.any()
		if crease.Try(func() { _, err := ops.Add.Specs(nil, []ops.Spec{t.Spec(), v.Spec()}); check(err) }) == nil {
			return v
		}
	}
	return t
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func (p *random) step() {
	x := p.recent()
	switch p.r.IntN(24) {
	case 0, 1, 2:
		list := []func() *tensor{x.Neg, x.Relu, x.Tanh, x.Abs, x.Sin, x.Sigmoid, x.Step, x.Floor}
		p.push(list[p.r.IntN(len(list))]())
	case 3, 4, 5, 6:
		y := p.fits(x)
		list := []func(*tensor) *tensor{x.Add, x.Mul, x.Sub, x.Max, y.Sub, x.Add}
		f := list[p.r.IntN(len(list))]
		if p.r.IntN(2) == 0 {
			p.push(f(y))
		} else {
			p.push(f(x))
		}
	case 7:
		p.push(x.MulScalar(float64(p.r.IntN(5)-2) / 2))
	case 8:
		y := p.fits(x)
		c := x.Gt(y)
		if p.r.IntN(2) == 0 {
			c = c.And(x.Lt(crease.OnesLike(x)))
		}
		p.push(crease.Where(c, x, y))
		p.push(c.Cast(dtype.F32))
	case 9:
		if x.Rank() == 2 {
			y := p.any()
			if y.Rank() == 2 && x.Dim(1) == y.Dim(0) {
				p.push(x.MatMul(y))
			} else {
				p.push(x.MatMul(x.T()))
			}
		}
	case 10:
		if x.Rank() > 0 && x.Dim(-1) == 4 {
			y := crease.Apply(ops.Linear, ops.LinearAttrs{}, x, p.leaves[0])[0]
			switch p.r.IntN(3) {
			case 0:
				y = y.Relu()
			case 1:
				y = y.Add(crease.From([]float32{1, 2, 3}, nil, crease.On(x.Device())))
			}
			p.push(y)
		}
	case 11:
		if x.Rank() > 0 {
			p.push(x.Sum(p.r.IntN(x.Rank())))
			p.push(x.Softmax(p.r.IntN(x.Rank())))
		}
	case 12:
		if x.Rank() > 0 {
			axis := p.r.IntN(x.Rank())
			n := x.Dim(axis)
			from := p.r.IntN(n)
			ranges := make([]crease.Range, axis+1)
			for i := range ranges {
				ranges[i] = crease.All()
			}
			if ranges[axis] = crease.Span(from, n); p.r.IntN(3) == 0 {
				ranges[axis] = crease.Span(crease.Omit, crease.Omit, -1)
			}
			p.push(x.Slice(ranges...))
		}
	case 13:
		if x.Rank() > 1 {
			p.push(x.Transpose(0, x.Rank()-1))
		}
		p.push(x.Reshape(-1))
	case 14:
		p.push(x.Detach())
		p.push(x.Copy())
	case 15:
		p.push(crease.Full(x.Shape(), float64(p.r.IntN(3)), crease.On(x.Device())))
		p.push(crease.From([]float32{1, -2, 3, 0}, nil, crease.On(x.Device())).Neg())
	case 16, 17, 18: // an assignment to whatever can be assigned to
		t := p.any()
		if t.RequiresGrad() || !assignable(t) {
			return
		}
		v := p.like(t)
		if p.r.IntN(2) == 0 {
			t.Assign(v.Detach())
		} else {
			crease.ApplyInto(ops.Add, nil, []*tensor{t, v.Detach()}, []*tensor{t})
		}
	case 19:
		p.push(x.Cast(dtype.F64).Cast(dtype.F32))
		p.push(x.Neg().Neg())
		p.push(x.Mul(crease.Scalar(1, crease.On(x.Device()))))
	case 20:
		p.push(crease.RandUniform(x.Shape(), -1, 1, crease.On(x.Device()), crease.By(p.gen)))
	case 21:
		leaf := p.leaves[p.r.IntN(2)]
		y := leaf.Mul(p.fitsLeaf(leaf).Detach()).Tanh()
		if y.Rank() > 1 {
			y = y.Add(y.Narrow(0, 0, 1)).Mul(y.Narrow(0, 1, 1))
		}
		if p.r.IntN(2) == 0 {
			p.push(crease.Grad([]*tensor{y.Sum()}, []*tensor{leaf})[0])
			return
		}
		y.Square().Sum().Backward()
		g := leaf.Grad()
		crease.NoGrad(func() { leaf.Assign(leaf.Sub(g.MulScalar(0.125))) })
		p.push(g.Copy())
		leaf.ZeroGrad()
	case 22:
		if x.Rank() > 0 {
			p.push(crease.Concat(0, x, p.like(x)))
		}
	case 23:
		p.push(crease.Tidy1(func() *tensor { return x.Add(x).Mul(x).Relu().MulScalar(0.25) }))
	}
}

func (p *random) fitsLeaf(leaf *tensor) *tensor {
	if v := p.any(); v.Spec().Equal(leaf.Spec()) {
		return v
	}
	return crease.OnesLike(leaf)
}

func assignable(t *tensor) bool {
	return crease.Try(func() { t.Detach().Assign(t.Detach()) }) == nil
}

// outcome is what there is to see after calls: the results, and everything outside.
func outcome(list ...[]*tensor) (out [][]byte) {
	for _, l := range list {
		for _, t := range l {
			out = append(out, plain(t.Host()))
		}
	}
	return out
}

// plain is the bytes of an array, with one NaN for all: which one comes out of a sum of
// two is up to the order of the operands.
func plain(h ops.Host) []byte {
	if h.DType != dtype.F32 {
		return h.Data
	}
	for i := range h.Elements() {
		if v := h.At(i); v != v {
			h.Set(i, v)
		}
	}
	return h.Data
}

// calls runs a function twice. Between the calls the caller changes what it was given.
func calls(w *world, f func(in ...*tensor) []*tensor, seed uint64) (out [][]byte, err error) {
	err = crease.Try(func() {
		r := rand.New(rand.NewPCG(seed, 3))
		for range 2 {
			res := f(w.args...)
			out = append(out, outcome(res, w.all())...)
			for _, t := range res {
				if d := t.Detach(); r.IntN(2) == 0 && assignable(d) {
					d.Assign(crease.Full(t.Shape(), 3, crease.On(t.Device())))
				}
			}
			out = append(out, outcome(res, w.all())...)
		}
	})
	return out, err
}

// differs compares a program eager and compiled, and says how they differ.
func differs(dev *crease.Device, seed uint64, length int, set *graph.PassSet) (report string, ran bool) {
	var want, got [][]byte
	var err1, err2 error
	crease.Tidy(func() []*tensor {
		w := newWorld(dev, seed)
		want, err1 = calls(w, w.program(seed, length), seed)
		return nil
	})
	crease.Tidy(func() []*tensor {
		w := newWorld(dev, seed)
		c := crease.Compile(w.program(seed, length))
		defer c.Free()
		if set != nil {
			c.Passes(*set)
		}
		got, err2 = calls(w, c.Call, seed)
		return nil
	})
	var compileErr *crease.CompileError
	switch {
	case err1 != nil && err2 != nil, errors.As(err2, &compileErr):
		return "", false
	case err1 != nil || err2 != nil:
		return fmt.Sprintf("eager says %v, compiled %v", err1, err2), true
	case len(got) != len(want):
		return fmt.Sprintf("%d outcomes, want %d", len(got), len(want)), true
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			return fmt.Sprintf("outcome %d of %d differs", i, len(want)), true
		}
	}
	return "", true
}

// programs is how many random programs a test runs.
func programs(t *testing.T, n int) int {
	if s := os.Getenv("CREASE_FUZZ"); s != "" {
		k, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if testing.Short() {
		return n / 10
	}
	return n
}

func fuzzDevice(t testing.TB) *crease.Device {
	t.Helper()
	d, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Random programs with assignments, views, gradients and captured state do the same
// compiled as eagerly, to the bit: in what they return, in everything outside, and in what
// the caller sees after changing results.
func TestRandomPrograms(t *testing.T) {
	dev := fuzzDevice(t)
	n, ran := programs(t, 20000), 0
	for seed := range uint64(n) {
		report, ok := differs(dev, seed, 6+int(seed%20), nil)
		if ok {
			ran++
		}
		if report != "" {
			t.Fatalf("program %d: %s", seed, report)
		}
		if seed%512 == 0 {
			runtime.GC()
		}
	}
	if ran < n*3/4 {
		t.Errorf("only %d of %d programs ran", ran, n)
	}
}
