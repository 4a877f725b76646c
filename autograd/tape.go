package autograd

import (
	"github.com/crease-ml/crease/ops"
)

// Tape is a builder whose values are variables. It hands every op to another builder, which
// runs it, and records it.
type Tape struct {
	B ops.Builder
}

// Apply runs and records an op on variables.
func (t Tape) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	ops.CheckInputs(op, in)
	vars := make([]*Var, len(in))
	for i, v := range in {
		vars[i] = v.(*Var)
	}
	return asValues(Apply(t.B, true, op, attrs, vars...))
}

// Const returns a variable that needs no gradient.
func (t Tape) Const(h ops.Host) ops.Value { return Constant(t.B.Const(h)) }

// Begin makes the tape an ops.Scoper when the builder below is one.
func (t Tape) Begin() (ops.Builder, func(keep ...ops.Value)) {
	s := &tapeScope{Tape: t}
	return s, s.end
}

type tapeScope struct {
	Tape
	made []ops.Value
}

func (s *tapeScope) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	out := s.Tape.Apply(op, attrs, in...)
	s.made = append(s.made, out...)
	return out
}

func (s *tapeScope) Const(h ops.Host) ops.Value {
	v := s.Tape.Const(h)
	s.made = append(s.made, v)
	return v
}

func (s *tapeScope) end(keep ...ops.Value) {
	for _, v := range s.made {
		if !contains(keep, v) {
			release(v.(*Var).val)
		}
	}
}

func contains(list []ops.Value, v ops.Value) bool {
	for _, k := range list {
		if k == v {
			return true
		}
	}
	return false
}

func release(v ops.Value) {
	if h, ok := v.(ops.Holder); ok {
		h.Release()
	}
}

// share returns a further handle to a value that somebody else owns too.
func share(v ops.Value) ops.Value {
	switch v := v.(type) {
	case *Var:
		c := &Var{val: share(v.val), node: v.node, index: v.index, requires: v.requires, origin: v.origin}
		if v.node == nil && v.origin == nil {
			c.origin = v
		}
		return c
	case ops.Holder:
		return v.Share()
	}
	return v
}

func asValues(in []*Var) []ops.Value {
	out := make([]ops.Value, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

// Apply runs an op on variables through b. With record set and an input that
// requires a gradient, the op is recorded.
func Apply(b ops.Builder, record bool, op *ops.Op, attrs any, in ...*Var) []*Var {
	if record {
		record = false
		for _, v := range in {
			record = record || v.requires
		}
	}
	if record && !Recordable(op) {
		return expand(b, op, attrs, in)
	}
	if record {
		attrs = op.Bind(attrs)
	}
	raw := make([]ops.Value, len(in))
	for i, v := range in {
		raw[i] = v.val
	}
	res := b.Apply(op, attrs, raw...)
	out := make([]*Var, len(res))
	for i, v := range res {
		out[i] = Constant(v)
	}
	if record {
		Record(op, attrs, in, out)
	}
	return out
}

// expand runs and records the ops that the lowering of op consists of, which have gradients.
func expand(b ops.Builder, op *ops.Op, attrs any, in []*Var) []*Var {
	if _, err := op.Specs(attrs, ops.SpecsOf(asValues(in))); err != nil {
		panic(err)
	}
	res := ops.Scoped(Tape{b}, func(b ops.Builder) []ops.Value { return op.Lower(b, attrs, asValues(in)) })
	out := make([]*Var, len(res))
	for i, v := range res {
		for _, x := range in {
			if v == ops.Value(x) {
				v = share(v) // the caller owns what it gets
				break
			}
		}
		out[i] = v.(*Var)
	}
	return out
}

// Record makes outputs the results of an op on variables, so that gradients flow from the
// ones to the others. The op has a gradient rule, or a reason for having none, and an
// input requires a gradient. Nobody may change attrs afterwards (see ops.Op.Bind).
func Record(op *ops.Op, attrs any, in, out []*Var) {
	flows := false
	for _, v := range out {
		flows = flows || v.Spec().DType.IsFloat()
	}
	if !flows {
		return // comparisons and indices: nothing flows back
	}
	n := &node{seq: sequence.Add(1), op: op, attrs: attrs}
	if n.in = n.ins[:0]; len(in) > len(n.ins) {
		n.in = make([]edge, 0, len(in))
	}
	if n.out = n.outs[:0]; len(out) > len(n.outs) {
		n.out = make([]output, 0, len(out))
	}
	for i, v := range in {
		e := edge{saved: keep(v.val, op.Saves.HasIn(i))}
		if v.requires {
			e.from = v.source()
		}
		n.in = append(n.in, e)
	}
	for i, v := range out {
		n.out = append(n.out, output{keep(v.val, op.Saves.HasOut(i))})
		if v.Spec().DType.IsFloat() {
			v.node, v.index, v.requires = n, i, true
		}
	}
}

// Recordable reports whether Record takes an op; the others are recorded as their
// lowering.
func Recordable(op *ops.Op) bool { return op.Grad != nil || op.NoGrad != "" }
