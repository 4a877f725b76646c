package exec

import "github.com/crease-ml/crease/ops"

// This file is the engine as an ops.Builder: the same as Eval, EvalInto and Set, on
// values, with errors as panics.

var (
	_ ops.Scoper = (*Engine)(nil)
	_ ops.Writer = (*Engine)(nil)
	_ ops.Owner  = (*Engine)(nil)
)

// Apply runs an op. Inputs are arrays of this engine's device. It panics as
// described at ops.Builder; Eval is the same with errors.
func (e *Engine) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	arrays, err := e.arrays(op, in)
	if err != nil {
		panic(err)
	}
	var room [4]*Array
	out, err := e.Eval(op, attrs, arrays, room[:0])
	if err != nil {
		panic(err)
	}
	return values(out)
}

// Assign is Set on values.
func (e *Engine) Assign(dst, src ops.Value) {
	list, err := e.arrays(assign, []ops.Value{dst, src})
	if err == nil {
		err = e.Set(list[0], list[1])
	}
	if err != nil {
		panic(err)
	}
}

// ApplyInto is EvalInto on values.
func (e *Engine) ApplyInto(op *ops.Op, attrs any, in, into []ops.Value) {
	from, err := e.arrays(op, in)
	if err == nil {
		var to []*Array
		if to, err = e.arrays(op, into); err == nil {
			err = e.EvalInto(op, attrs, from, to)
		}
	}
	if err != nil {
		panic(err)
	}
}

// Sole makes the engine an ops.Owner.
func (e *Engine) Sole(v ops.Value) bool {
	a, ok := v.(*Array)
	return ok && a.Sole()
}

// Const uploads a host array.
func (e *Engine) Const(h ops.Host) ops.Value {
	a, err := e.Upload(h)
	if err != nil {
		panic(err)
	}
	return a
}

// Begin makes the engine an ops.Scoper.
func (e *Engine) Begin() (ops.Builder, func(keep ...ops.Value)) {
	s := &scope{Engine: e}
	return s, s.end
}

// scope remembers what is made through it.
type scope struct {
	*Engine
	made []ops.Value
}

func (s *scope) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	out := s.Engine.Apply(op, attrs, in...)
	s.made = append(s.made, out...)
	return out
}

func (s *scope) Const(h ops.Host) ops.Value {
	v := s.Engine.Const(h)
	s.made = append(s.made, v)
	return v
}

func (s *scope) end(keep ...ops.Value) {
	for _, v := range s.made {
		if !contains(keep, v) {
			v.(*Array).Release()
		}
	}
	s.made = nil
}

func contains(list []ops.Value, v ops.Value) bool {
	for _, k := range list {
		if k == v {
			return true
		}
	}
	return false
}
