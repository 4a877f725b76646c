package exec

import (
	"slices"
	"sync"

	"github.com/crease-ml/crease/ops"
)

// The methods of this file make the engine an ops.Builder. They do what Eval, EvalInto and
// Set do, but take values and panic with their errors.

var (
	_ ops.Scoper = (*Engine)(nil)
	_ ops.Writer = (*Engine)(nil)
	_ ops.Owner  = (*Engine)(nil)
)

// Apply runs an op on arrays of this engine's device. It panics as ops.Builder describes;
// Eval does the same and returns errors.
func (e *Engine) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	var inRoom [8]*Array
	arrays, err := e.arrays(op, in, inRoom[:0])
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

// Assign does what Set does and panics with its error.
func (e *Engine) Assign(dst, src ops.Value) {
	var room [2]*Array
	list, err := e.arrays(assign, []ops.Value{dst, src}, room[:0])
	if err == nil {
		err = e.Set(list[0], list[1])
	}
	if err != nil {
		panic(err)
	}
}

// ApplyInto does what EvalInto does and panics with its error.
func (e *Engine) ApplyInto(op *ops.Op, attrs any, in, into []ops.Value) {
	var inRoom, intoRoom [8]*Array
	from, err := e.arrays(op, in, inRoom[:0])
	if err == nil {
		var to []*Array
		if to, err = e.arrays(op, into, intoRoom[:0]); err == nil {
			err = e.EvalInto(op, attrs, from, to)
		}
	}
	if err != nil {
		panic(err)
	}
}

// Own makes the engine an ops.Owner.
func (e *Engine) Own(v ops.Value) ops.Value {
	a, ok := v.(*Array)
	if !ok {
		panic(notAnArray(ops.Copy, 0, v, e))
	}
	if a.Sole() {
		return a
	}
	var in, out [1]*Array
	in[0] = a
	made, err := e.Eval(ops.Copy, nil, in[:], out[:0])
	if err != nil {
		panic(err)
	}
	a.Release()
	return made[0]
}

// Const uploads a host array.
func (e *Engine) Const(h ops.Host) ops.Value {
	a, err := e.Upload(h)
	if err != nil {
		panic(err)
	}
	return a
}

// Begin makes the engine an ops.Scoper. The builder that it returns may be used only until
// the returned function is called.
func (e *Engine) Begin() (ops.Builder, func(keep ...ops.Value)) {
	s, ok := scopes.Get().(*scope)
	if !ok {
		s = &scope{}
		s.done = s.end
	}
	s.Engine = e
	return s, s.done
}

// scope is a builder that notes the values it makes, so as to free them at its end.
type scope struct {
	*Engine
	made []ops.Value
	done func(keep ...ops.Value) // end
}

// scopes are kept for reuse, with their functions.
var scopes sync.Pool

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
		if !slices.Contains(keep, v) {
			v.(*Array).Release()
		}
	}
	clear(s.made)
	s.made, s.Engine = s.made[:0], nil
	scopes.Put(s)
}

// For returns the engine of the device that a value is on: this one, unless the value is an
// array of another device. A backward pass uses it to follow a record from device to device.
func (e *Engine) For(v ops.Value) ops.Builder {
	a, ok := v.(*Array)
	if !ok || a.Device() == e.dev {
		return e
	}
	other, err := On(a.Device())
	if err != nil {
		panic(err)
	}
	return other
}
