package conform

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Run checks every row on a device. Kernels are switched off and on again while
// it runs, so nothing else may use the device meanwhile.
func Run(t *testing.T, dev hal.Device) { Selection{}.Run(t, dev) }

// RunOps checks some rows on a device.
func RunOps(t *testing.T, dev hal.Device, list ...*ops.Op) { Selection{Ops: list}.Run(t, dev) }

// Selection is a part of the suite: for devices that are slow, or slow to compile.
type Selection struct {
	Ops   []*ops.Op    // the rows, all when there are none
	Types []dtype.Type // the element types, all that the device has when there are none
}

// Run checks the selection on a device. With go test -v it ends with a table of what
// served each row.
func (sel Selection) Run(t *testing.T, dev hal.Device) {
	by := &served{}
	sel.each(t, dev, func(s *subject) {
		s.check()
		by.add(s)
	})
	if testing.Verbose() {
		t.Log("\n" + by.String())
	}
}

// Kernels checks each kernel of the selection alone, in every layout, and nothing that
// is built on them: for simulators.
func (sel Selection) Kernels(t *testing.T, dev hal.Device) { sel.each(t, dev, (*subject).kernels) }

// each makes a test of every row.
func (sel Selection) each(t *testing.T, dev hal.Device, check func(*subject)) {
	e, err := exec.On(dev)
	if err != nil {
		t.Fatal(err)
	}
	old := exec.SetFallback(exec.AllowReference)
	defer exec.SetFallback(old)
	list := sel.Ops
	if len(list) == 0 {
		list = ops.All()
	}
	for _, op := range list {
		t.Run(op.Name, func(t *testing.T) { sel.subjects(t, dev, e, op, check) })
	}
}

// Passes reports whether a row passes on a device, for tests of the suite itself.
func Passes(dev hal.Device, op *ops.Op) bool {
	e, err := exec.On(dev)
	if err != nil {
		return false
	}
	old := exec.SetFallback(exec.AllowReference)
	defer exec.SetFallback(old)
	r := &recorder{}
	Selection{}.subjects(r, dev, e, op, (*subject).check)
	return !r.failed
}

// reporter is what the suite needs of a *testing.T.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

type recorder struct{ failed bool }

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Fatal(args ...any)     { panic(fmt.Sprint(args...)) }

// subjects runs a check on every case and element type of a row.
func (sel Selection) subjects(t reporter, dev hal.Device, e *exec.Engine, op *ops.Op, check func(*subject)) {
	info := dev.Info()
	for _, c := range op.Cases {
		for _, dt := range c.TypesIn(op) {
			if info.Supports(dt) < hal.Storage || len(sel.Types) > 0 && !slices.Contains(sel.Types, dt) {
				continue
			}
			s := &subject{t: t, dev: dev, info: info, e: e, op: op, c: c, dt: dt, name: fmt.Sprintf("case %s, %s", c.Name, dt)}
			if s.draw() {
				check(s)
			}
		}
	}
}

// subject is one case with one element type on one device.
type subject struct {
	t    reporter
	dev  hal.Device
	info hal.Info
	e    *exec.Engine
	op   *ops.Op
	c    ops.Case
	dt   dtype.Type
	name string

	in    []ops.Host
	specs []ops.Spec
	want  []ops.Host
}

// draw makes inputs and the reference's results. It is false for a case whose
// specs do not depend on the element type under test and were seen before.
func (s *subject) draw() bool {
	r := rand.New(rand.NewPCG(uint64(len(s.c.Name)), uint64(s.dt)))
	for _, a := range s.c.In {
		h := a.Make(s.dt, r)
		s.in = append(s.in, h)
		s.specs = append(s.specs, h.Spec)
	}
	outs, err := s.op.Specs(s.c.Attrs, s.specs)
	if err != nil {
		s.t.Errorf("%s: the row refuses its own case: %v", s.name, err)
		return false
	}
	for _, o := range outs {
		s.want = append(s.want, ops.NewHost(o))
	}
	s.op.Ref(s.c.Attrs, s.in, s.want)
	return true
}

func (s *subject) errorf(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("%s: %s", s.name, fmt.Sprintf(format, args...))
}

func (s *subject) check() {
	s.t.Helper()
	s.kernels()
	for _, l := range layouts[1:] {
		if on := s.suited(l); on != nil {
			on.eager(l, "eager, "+l.name)
		}
	}
	dense := s.eager(plain, "eager")
	s.without()
	s.compiled(dense)
	s.gradient()
}

// kernels runs every kernel of the row alone in every layout.
func (s *subject) kernels() {
	s.t.Helper()
	for _, l := range layouts {
		if on := s.suited(l); on != nil {
			for _, k := range s.dev.Kernels().For(s.op.Name) {
				on.kernel(k, l)
			}
		}
	}
}

// suited is the subject with operands that a layout can hold, nil if there is none.
func (s *subject) suited(l layout) *subject {
	switch {
	case l.name != expanded.name:
		return s
	case s.op.Tol.Spread:
		return nil
	}
	return s.uniform()
}

// uniform is the subject with operands that are the same all along their first
// axis, and the reference's results for them.
func (s *subject) uniform() *subject {
	u := *s
	u.in, u.want = nil, nil
	for _, h := range s.in {
		u.in = append(u.in, uniform(h))
	}
	for _, w := range s.want {
		u.want = append(u.want, ops.NewHost(w.Spec))
	}
	s.op.Ref(s.c.Attrs, u.in, u.want)
	return &u
}

// compare checks results against the reference's.
func (s *subject) compare(what string, got []ops.Host) {
	s.t.Helper()
	if len(got) != len(s.want) {
		s.errorf("%s: %d results, want %d", what, len(got), len(s.want))
		return
	}
	for i, w := range s.want {
		if err := s.op.CheckOn(s.info, s.c.Attrs, s.specs, got[i], w); err != nil {
			s.errorf("%s: result %d: %v", what, i, err)
			return
		}
	}
}

// try runs f and reports a panic with an error as a failure.
func (s *subject) try(what string, f func()) (ok bool) {
	s.t.Helper()
	defer func() {
		if r := recover(); r != nil {
			err, known := r.(error)
			if !known {
				panic(r)
			}
			s.errorf("%s: %v", what, err)
		}
	}()
	f()
	return true
}

// eager runs the op through the engine and returns its results.
func (s *subject) eager(l layout, what string) (out []ops.Host) {
	s.t.Helper()
	s.try(what, func() {
		b, end := s.e.Begin()
		defer end()
		in := make([]ops.Value, len(s.in))
		for i, h := range s.in {
			in[i] = l.value(b, h)
		}
		for _, v := range b.Apply(s.op, s.c.Attrs, in...) {
			h, err := v.(*exec.Array).Host()
			if err != nil {
				s.errorf("%s: %v", what, err)
				return
			}
			out = append(out, h)
		}
		s.compare(what, out)
	})
	return out
}

// without runs the op with its kernels switched off: by its lowering, or by the
// reference through the device's memory.
func (s *subject) without() {
	s.t.Helper()
	defer switchOff(s.dev.Kernels().For(s.op.Name))()
	s.eager(plain, "without kernels")
}

// switchOff disables kernels and returns what enables them again.
func switchOff(list []*hal.Kernel) (undo func()) {
	var off []*hal.Kernel
	for _, k := range list {
		if k.Enabled() {
			k.SetEnabled(false)
			off = append(off, k)
		}
	}
	return func() {
		for _, k := range off {
			k.SetEnabled(true)
		}
	}
}

// compiled records the op and replays it twice: the bits must be those of eager.
func (s *subject) compiled(eager []ops.Host) {
	s.t.Helper()
	if eager == nil {
		return // reported already
	}
	s.try("compiled", func() {
		g := graph.New(s.e)
		in := make([]ops.Value, len(s.in))
		for i, spec := range s.specs {
			in[i] = g.Input(spec, "x")
		}
		x, err := g.Compile(g.Apply(s.op, s.c.Attrs, in...)...)
		if err != nil {
			s.errorf("compiled: %v", err)
			return
		}
		defer x.Close()
		arrays := s.upload()
		defer release(arrays)
		for range 2 {
			res, err := x.Run(arrays...)
			if err != nil {
				s.errorf("compiled: %v", err)
				return
			}
			for i, a := range res {
				h, err := a.Host()
				if err != nil || !bytes.Equal(h.Data, eager[i].Data) {
					s.errorf("compiled: result %d has other bits than eager (%v)", i, err)
				}
			}
			release(res)
		}
	})
}

func (s *subject) upload() []*exec.Array {
	out := make([]*exec.Array, len(s.in))
	for i, h := range s.in {
		a, err := s.e.Upload(h)
		if err != nil {
			panic(err)
		}
		out[i] = a
	}
	return out
}

func release(list []*exec.Array) {
	for _, a := range list {
		a.Release()
	}
}

// gradient compares the gradient on the device with that of the references in
// float64, and with the compiled one bit for bit.
func (s *subject) gradient() {
	s.t.Helper()
	special := slices.ContainsFunc(s.c.In, func(a ops.Arg) bool { return a.Special })
	if !s.op.Differentiable() || s.dt != dtype.F32 || special || len(s.in) == 0 || s.empty() {
		return
	}
	seeds := s.seeds()
	oracle := s.oracle(seeds)
	eager := s.deviceGradient("gradient", seeds, nil)
	for i, g := range eager {
		if g.Data == nil {
			continue
		}
		if err := s.op.CheckGrad(s.info, s.c.Attrs, s.specs, i, g, oracle[i]); err != nil {
			s.errorf("%v", err)
		}
	}
	compiled := s.deviceGradient("compiled gradient", seeds, graph.New(s.e))
	for i := range eager {
		if i < len(compiled) && !bytes.Equal(eager[i].Data, compiled[i].Data) {
			s.errorf("compiled gradient for input %d has other bits than eager", i)
		}
	}
}

func (s *subject) empty() bool {
	for _, w := range s.want {
		if w.Elements() == 0 {
			return true
		}
	}
	return false
}

// seeds are random gradients of the floating-point results.
func (s *subject) seeds() []ops.Host {
	r := rand.New(rand.NewPCG(7, 7))
	var out []ops.Host
	for _, w := range s.want {
		h := ops.NewHost(w.Spec)
		for i := range h.Elements() {
			h.Set(i, 0.5+r.Float64())
		}
		out = append(out, h)
	}
	return out
}

// oracle is the gradient by references in float64; nil Data for inputs that have
// none.
func (s *subject) oracle(seeds []ops.Host) []ops.Host {
	in := make([]ops.Host, len(s.in))
	for i, h := range s.in {
		in[i] = widened(h)
	}
	var wide []ops.Host
	for _, h := range seeds {
		wide = append(wide, widened(h))
	}
	return gradientOf(ops.Interpreter{}, s.op, wideAttrs(s.c.Attrs), in, wide, func(v ops.Value) ops.Host { return v.(*ops.HostValue).Host })
}

// deviceGradient is the gradient on the device, eager without a graph.
func (s *subject) deviceGradient(what string, seeds []ops.Host, g *graph.Graph) (out []ops.Host) {
	s.t.Helper()
	s.try(what, func() {
		if g == nil {
			b, end := s.e.Begin()
			defer end()
			out = gradientOf(b, s.op, s.c.Attrs, s.in, seeds, func(v ops.Value) ops.Host {
				h, err := v.(*exec.Array).Host()
				if err != nil {
					panic(err)
				}
				v.(*exec.Array).Release()
				return h
			})
			return
		}
		var results []ops.Value
		var at []int
		vars := make([]*autograd.Var, len(s.in))
		for i, spec := range s.specs {
			vars[i] = leaf(g.Input(spec, "x"))
		}
		grads := grad(g, s.op, s.c.Attrs, vars, seeds)
		out = make([]ops.Host, len(s.in))
		for i, v := range grads {
			if v != nil {
				results, at = append(results, v.Value()), append(at, i)
			}
		}
		x, err := g.Compile(results...)
		if err != nil {
			panic(err)
		}
		defer x.Close()
		arrays := s.upload()
		defer release(arrays)
		res, err := x.Run(arrays...)
		if err != nil {
			panic(err)
		}
		defer release(res)
		for k, a := range res {
			if out[at[k]], err = a.Host(); err != nil {
				panic(err)
			}
		}
	})
	return out
}
