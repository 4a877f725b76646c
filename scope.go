package crease

import (
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/internal/goid"
)

// local is what crease keeps for a goroutine while it has anything to keep.
type local struct {
	noGrad int
	scopes []*scope
	trace  *trace
}

// scope is one running Tidy.
type scope struct{ made []*Tensor }

var (
	locals sync.Map // goid.ID() to *local
	active atomic.Int64
)

// state is the goroutine's local, nil when it has none.
func state() *local {
	if active.Load() == 0 {
		return nil
	}
	l, ok := locals.Load(goid.ID())
	if !ok {
		return nil
	}
	return l.(*local)
}

// with runs f while change is applied to the goroutine's local. The entry goes
// away with the outermost call: goroutine identities are used again.
func with(change func(*local) (undo func()), f func()) {
	l, id := state(), goid.ID()
	if l == nil {
		l = &local{}
		locals.Store(id, l)
		active.Add(1)
		defer func() {
			locals.Delete(id)
			active.Add(-1)
		}()
	}
	defer change(l)()
	f()
}

// NoGrad runs f without recording: nothing made in it requires a gradient.
func NoGrad(f func()) {
	with(func(l *local) func() {
		l.noGrad++
		return func() { l.noGrad-- }
	}, f)
}

func recording() bool {
	l := state()
	return l == nil || l.noGrad == 0
}

func tracing() *trace {
	if l := state(); l != nil {
		return l.trace
	}
	return nil
}

// Tidy runs f and frees every tensor made in it, except those it returns, those
// given to [Tensor.Keep], and the gradients on leaves. Values that are saved for a
// later Backward live on until then.
func Tidy(f func() []*Tensor) []*Tensor {
	var out []*Tensor
	s := &scope{}
	with(func(l *local) func() {
		l.scopes = append(l.scopes, s)
		return func() {
			l.scopes = l.scopes[:len(l.scopes)-1]
			s.end(l, out)
		}
	}, func() { out = f() })
	return out
}

// Tidy1 is Tidy for a function of one result, which may be nil.
func Tidy1(f func() *Tensor) *Tensor {
	return Tidy(func() []*Tensor { return []*Tensor{f()} })[0]
}

// end frees what was made; what is returned belongs to the scope around.
func (s *scope) end(l *local, out []*Tensor) {
	returned := map[*Tensor]bool{}
	for _, t := range out {
		returned[t] = true
	}
	for _, t := range s.made {
		switch {
		case !returned[t]:
			t.scope = nil
			t.Free()
		case len(l.scopes) > 0:
			outer := l.scopes[len(l.scopes)-1]
			t.scope = outer
			outer.made = append(outer.made, t)
		default:
			t.scope = nil
		}
	}
}

// enter puts a new tensor under the innermost Tidy.
func (t *Tensor) enter() *Tensor {
	if l := state(); l != nil && len(l.scopes) > 0 {
		t.scope = l.scopes[len(l.scopes)-1]
		t.scope.made = append(t.scope.made, t)
	}
	return t
}

// Keep takes the tensor out of every running Tidy: it lives until it is freed or
// unreachable.
func (t *Tensor) Keep() *Tensor {
	if t.scope == nil {
		return t
	}
	for i, m := range t.scope.made {
		if m == t {
			t.scope.made = append(t.scope.made[:i], t.scope.made[i+1:]...)
			break
		}
	}
	t.scope = nil
	return t
}
