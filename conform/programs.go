package conform

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Programs runs random programs on a device, eager and compiled, and compares all that
// there is to see, to the bit: results, captured tensors, arguments, and what becomes of
// all those when the caller changes a result. The programs have views of every kind,
// assignments through them, gradients, captured state and random numbers. The seeds from
// first on decide them.
func Programs(t *testing.T, dev hal.Device, first, n int) {
	t.Helper()
	d, err := crease.Wrap(dev)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for i := range n {
		p := NewProgram(uint64(first + i))
		report, ok := p.Differs(d, nil)
		if ok {
			ran++
		}
		if report != "" {
			t.Fatalf("program %d: %s\n%s", p.Seed, report, p.explain(d))
		}
		if i%512 == 511 {
			runtime.GC() // tensors that nobody frees give their memory back
		}
	}
	if ran < n*3/4 {
		t.Errorf("only %d of %d programs ran", ran, n)
	}
}

// Program is a random program.
type Program struct {
	Seed  uint64
	Steps int
}

// NewProgram is the program of a seed.
func NewProgram(seed uint64) Program { return Program{seed, 6 + int(seed%24)} }

// Differs runs the program eagerly and compiled, with some passes or the usual ones, and
// says how they differ, or "". It is false for a program that cannot be compiled, or goes
// wrong both ways.
func (p Program) Differs(dev *crease.Device, passes *graph.PassSet) (report string, ran bool) {
	var want, got [][]byte
	var err1, err2 error
	crease.Tidy(func() []*tensor {
		w := newWorld(dev, p.Seed)
		want, err1 = w.calls(w.program(p))
		return nil
	})
	crease.Tidy(func() []*tensor {
		w := newWorld(dev, p.Seed)
		c := crease.Compile(w.program(p))
		defer c.Free()
		if passes != nil {
			c.Passes(*passes)
		}
		got, err2 = w.calls(c.Call)
		return nil
	})
	var refused *crease.CompileError
	switch {
	case err1 != nil && err2 != nil, errors.As(err2, &refused):
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

// explain finds the shortest beginning of a program that still goes wrong, the passes
// without which it is right, and what every pass makes of it.
func (p Program) explain(dev *crease.Device) string {
	for n := 1; n < p.Steps; n++ {
		if report, _ := (Program{p.Seed, n}).Differs(dev, nil); report != "" {
			p.Steps = n
			break
		}
	}
	var mend []string
	for _, pass := range graph.Passes() {
		set, err := graph.ParsePasses("-" + pass.Name)
		if err != nil {
			return err.Error()
		}
		if report, _ := p.Differs(dev, &set); report == "" {
			mend = append(mend, pass.Name)
		}
	}
	var text strings.Builder
	crease.Tidy(func() []*tensor {
		w := newWorld(dev, p.Seed)
		c := crease.Compile(w.program(p)).Observe(func(pass string, g *graph.Graph) {
			fmt.Fprintf(&text, "after %q\n", pass)
			g.Dump(&text, graph.Text)
		})
		defer c.Free()
		w.calls(c.Call)
		return nil
	})
	return fmt.Sprintf("with %d steps it goes wrong too; without one of %v it is right\n%s", p.Steps, mend, text.String())
}

type tensor = crease.Tensor

// world is what a random program finds outside: arguments, tensors that it captures, some
// of which are views of others, and a generator.
type world struct {
	r        *rand.Rand
	dev      *crease.Device
	on       crease.Option
	args     []*tensor
	captured []*tensor
	leaves   []*tensor // captured, require gradients
	gen      *crease.Generator
}

var worldShapes = [][]int{{3, 4}, {4}, {3, 1}, {2, 3, 4}, {4, 4}, {}}

// newWorld is the same for every seed.
func newWorld(dev *crease.Device, seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 1)), dev: dev, on: crease.On(dev)}
	w.gen = crease.NewGenerator(seed, w.on)
	for range 2 {
		w.captured = append(w.captured, w.numbers(w.shape()))
	}
	base := w.numbers([]int{4, 4})
	w.captured = append(w.captured, base, base.Narrow(0, 1, 2), base.T())
	w.leaves = append(w.leaves, w.numbers([]int{3, 4}).RequireGrad(), w.numbers([]int{4}).RequireGrad())
	w.args = append(w.args, w.numbers([]int{3, 4}), w.numbers(w.shape()))
	if len(w.args[1].Shape()) == 1 {
		w.args[1] = w.alias(w.args[1])
	}
	return w
}

func (w *world) shape() []int { return worldShapes[w.r.IntN(len(worldShapes))] }

// numbers has ties, zeros and ones among its elements.
func (w *world) numbers(dims []int) *tensor {
	values := make([]float32, ops.Spec{DType: dtype.F32, Shape: dims}.Elements())
	for i := range values {
		if values[i] = float32(w.r.NormFloat64()); w.r.IntN(8) == 0 {
			values[i] = float32(w.r.IntN(3) - 1)
		}
	}
	return crease.From(values, dims, w.on)
}

// alias is a tensor of the same shape: the tensor itself, a view of what is captured or of
// another argument, one with other strides, or a fresh one.
func (w *world) alias(t *tensor) *tensor {
	var same []*tensor
	for _, c := range append(append([]*tensor{}, w.captured...), w.args...) {
		for _, v := range []*tensor{c, c.T()} {
			if v.Spec().Equal(t.Spec()) {
				same = append(same, v)
			}
		}
		if c.Rank() > 0 {
			if v := c.Index(w.r.IntN(c.Dim(0))); v.Spec().Equal(t.Spec()) {
				same = append(same, v)
			}
		}
	}
	switch w.r.IntN(4) {
	case 0:
		if len(same) > 0 {
			return same[w.r.IntN(len(same))]
		}
	case 1:
		return t.T().Copy().T()
	case 2:
		return w.numbers(t.Shape())
	}
	return t
}

// all is everything that a program may change.
func (w *world) all() []*tensor {
	list := append(append(append([]*tensor{}, w.args...), w.captured...), w.leaves...)
	return append(list, w.gen.State())
}

// calls calls a function again and again. Between the calls the caller changes what it was
// given, and then the arguments alias each other, and what is captured, in another way.
func (w *world) calls(f func(in ...*tensor) []*tensor) (out [][]byte, err error) {
	err = crease.Try(func() {
		for range 3 {
			res := f(w.args...)
			out = append(out, outcome(res, w.all())...)
			for _, t := range res {
				if d := t.Detach(); w.r.IntN(2) == 0 && assignable(d) {
					d.Assign(crease.Full(t.Shape(), 3, w.on))
				}
			}
			out = append(out, outcome(res, w.all())...)
			for i, t := range w.args {
				w.args[i] = w.alias(t)
			}
		}
	})
	return out, err
}

// outcome is the bytes of tensors, with one NaN for all: which one comes out of a sum of
// two is up to the order of the operands.
func outcome(list ...[]*tensor) (out [][]byte) {
	for _, l := range list {
		for _, t := range l {
			h := t.Host()
			if h.DType == dtype.F32 {
				for i := range h.Elements() {
					if v := h.At(i); v != v {
						h.Set(i, v)
					}
				}
			}
			out = append(out, h.Data)
		}
	}
	return out
}

func assignable(t *tensor) bool {
	return crease.Try(func() { t.Detach().Assign(t.Detach()) }) == nil
}
