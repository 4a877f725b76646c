package autograd_test

import (
	"testing"

	"github.com/crease-ml/crease/autograd"
	_ "github.com/crease-ml/crease/cpu"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func onCPU(t *testing.T) (hal.Meter, *exec.Engine) {
	t.Helper()
	dev, err := hal.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	e, err := exec.On(dev)
	if err != nil {
		t.Fatal(err)
	}
	return dev.(hal.Meter), e
}

func array(t *testing.T, e *exec.Engine, values ...float64) *exec.Array {
	t.Helper()
	a, err := e.Upload(vector(values...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tape runs ops on an engine and drops its handles of their results at the end,
// as a scope of the user's package does.
type tape struct {
	e    *exec.Engine
	made []*autograd.Var
}

func (p *tape) apply(op *ops.Op, attrs any, in ...*autograd.Var) *autograd.Var {
	v := autograd.Apply(p.e, true, op, attrs, in...)[0]
	p.made = append(p.made, v)
	return v
}

func (p *tape) release() {
	for _, v := range p.made {
		v.Value().(*exec.Array).Release()
	}
}

// When a pass is over and the results are released, the memory in use is what it
// was: nothing waits for the garbage collector.
func TestPassesHoldNoMemory(t *testing.T) {
	meter, e := onCPU(t)
	x, err := autograd.NewVar(array(t, e, 0.5, 1, 2), true)
	if err != nil {
		t.Fatal(err)
	}
	other, err := autograd.NewVar(array(t, e, 3, 4, 5), true)
	if err != nil {
		t.Fatal(err)
	}
	before := meter.Memory().Buffers
	passes := map[string]func(p *tape){
		"backward": func(p *tape) {
			y := p.apply(ops.Mul, nil, p.apply(ops.Exp, nil, x), p.apply(ops.Tanh, nil, x))
			if err := autograd.Backward(e, p.apply(ops.Sum, ops.ReduceAttrs{}, y), nil, autograd.Options{}); err != nil {
				t.Fatal(err)
			}
			p.made = append(p.made, x.Gradient())
			x.SetGradient(nil)
		},
		"accumulated": func(p *tape) {
			for range 2 {
				if err := autograd.Backward(e, p.apply(ops.Sum, ops.ReduceAttrs{}, p.apply(ops.Exp, nil, x)), nil, autograd.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			p.made = append(p.made, x.Gradient())
			x.SetGradient(nil)
		},
		"gradient with an output that does not matter": func(p *tape) {
			a := p.apply(ops.Sum, ops.ReduceAttrs{}, p.apply(ops.Exp, nil, x))
			b := p.apply(ops.Sum, ops.ReduceAttrs{}, p.apply(ops.Exp, nil, other))
			g, err := autograd.Grad(e, []*autograd.Var{a, b}, nil, []*autograd.Var{x}, autograd.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p.made = append(p.made, g...)
		},
		"a failed pass": func(p *tape) {
			a := p.apply(ops.Sum, ops.ReduceAttrs{}, p.apply(ops.Exp, nil, x))
			if _, err := autograd.Grad(e, []*autograd.Var{a}, nil, []*autograd.Var{x, other}, autograd.Options{}); err == nil {
				t.Fatal("a gradient for a variable that was not used")
			}
		},
	}
	for name, pass := range passes {
		t.Run(name, func(t *testing.T) {
			p := &tape{e: e}
			pass(p)
			p.release()
			if n := meter.Memory().Buffers; n != before {
				t.Errorf("%d buffers before, %d after", before, n)
			}
		})
	}
}

// A saved value that was changed in place is an error where it is needed, and
// only there.
func TestChangesInPlaceAreNoticed(t *testing.T) {
	_, e := onCPU(t)
	for _, c := range []struct {
		op    *ops.Op
		saves bool // the row saves its input
	}{{ops.Sin, true}, {ops.Neg, false}} {
		a := array(t, e, 1, 2)
		x, err := autograd.NewVar(a, true)
		if err != nil {
			t.Fatal(err)
		}
		y := autograd.Apply(e, true, c.op, nil, x)[0]
		if err := e.Set(a, array(t, e, 5, 6)); err != nil {
			t.Fatal(err)
		}
		err = autograd.Backward(e, y, array(t, e, 1, 1), autograd.Options{})
		if c.saves {
			refuses(t, c.op.Name, err, "changed in place")
		} else if err != nil {
			t.Errorf("%s needs no saved value: %v", c.op.Name, err)
		}
	}
}

// A pass frees what the record saved, also for values whose handles are kept.
func TestReleasedRecordsFreeWhatTheySaved(t *testing.T) {
	meter, e := onCPU(t)
	x, err := autograd.NewVar(array(t, e, 1, 2), true)
	if err != nil {
		t.Fatal(err)
	}
	before := meter.Memory().Buffers
	m := autograd.Apply(e, true, ops.Exp, nil, x)[0]
	y := autograd.Apply(e, true, ops.Sum, ops.ReduceAttrs{}, m)[0]
	m.Value().(*exec.Array).Release() // the record still holds it: exp saves its result
	if n := meter.Memory().Buffers; n != before+2 {
		t.Errorf("%d buffers beside the leaf, want the saved value and the result", n-before)
	}
	g, err := autograd.Grad(e, []*autograd.Var{y}, nil, []*autograd.Var{x}, autograd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g[0].Value().(*exec.Array).Release()
	if n := meter.Memory().Buffers; n != before+1 {
		t.Errorf("%d buffers beside the leaf, want the result", n-before)
	}
	y.Value().(*exec.Array).Release()
}

// A gradient that the pass made by itself is handed on without a copy; a seed of the
// caller's is copied, since gradients own their memory.
func TestSeedsAreCopiedOnce(t *testing.T) {
	_, e := onCPU(t)
	copies := func() (n uint64) {
		for _, s := range e.Stats() {
			if s.Op == "copy" {
				for _, c := range s.Count {
					n += uint64(c)
				}
			}
		}
		return n
	}
	seed := array(t, e, 3)
	for what, c := range map[string]struct {
		seed ops.Value
		want uint64
	}{"its own seed": {nil, 0}, "a given seed": {seed, 1}} {
		x, err := autograd.NewVar(array(t, e, 2), true)
		if err != nil {
			t.Fatal(err)
		}
		before := copies()
		if err := autograd.Backward(e, x, c.seed, autograd.Options{}); err != nil {
			t.Fatal(err)
		}
		if n := copies() - before; n != c.want {
			t.Errorf("%s: %d copies, want %d", what, n, c.want)
		}
		g := x.Gradient().Value().(*exec.Array)
		if g.Block() == seed.Block() {
			t.Errorf("%s: the gradient shares memory with the seed", what)
		}
	}
}
