package nn

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// hooks are what is called around a module's Forward.
type hooks struct {
	before []*func(m Module, in *crease.Tensor) *crease.Tensor
	after  []*func(m Module, in, out *crease.Tensor) *crease.Tensor
}

// hooked has the modules with hooks. Nearly always there are none, and Call
// reads one number.
var hooked struct {
	count   atomic.Int64
	mu      sync.RWMutex
	modules map[Module]*hooks
}

// Call runs a module's Forward and the hooks on it. Modules call what is inside
// them by it; a Forward called by itself runs no hooks, as in PyTorch.
func Call(m Module, x *crease.Tensor) *crease.Tensor {
	if m == nil {
		given("call", m)
	}
	return called(m, x, func(x *crease.Tensor) *crease.Tensor { return m.Forward(x) })
}

// called runs one of a module's functions between its hooks.
func called(m Module, x *crease.Tensor, f func(*crease.Tensor) *crease.Tensor) *crease.Tensor {
	if hooked.count.Load() == 0 || !reflect.TypeOf(m).Comparable() {
		return f(x)
	}
	hooked.mu.RLock()
	var h hooks
	if p := hooked.modules[m]; p != nil {
		h = hooks{slices.Clone(p.before), slices.Clone(p.after)}
	}
	hooked.mu.RUnlock()
	for _, f := range h.before {
		if t := (*f)(m, x); t != nil {
			x = t
		}
	}
	y := f(x)
	for _, f := range h.after {
		if t := (*f)(m, x, y); t != nil {
			y = t
		}
	}
	return y
}

// BeforeForward runs f before every [Call] of a module, on its input; a result
// that is not nil takes the input's place. Remove ends that. In a compiled
// function hooks run while it is recorded.
func BeforeForward(m Module, f func(m Module, in *crease.Tensor) *crease.Tensor) (remove func()) {
	return hook(m, func(h *hooks) { h.before = append(h.before, &f) }, func(h *hooks) {
		h.before = slices.DeleteFunc(h.before, func(p *func(Module, *crease.Tensor) *crease.Tensor) bool { return p == &f })
	})
}

// AfterForward runs f after every [Call] of a module, on its input and output; a
// result that is not nil takes the output's place. Remove ends that. In a
// compiled function hooks run while it is recorded.
func AfterForward(m Module, f func(m Module, in, out *crease.Tensor) *crease.Tensor) (remove func()) {
	return hook(m, func(h *hooks) { h.after = append(h.after, &f) }, func(h *hooks) {
		h.after = slices.DeleteFunc(h.after, func(p *func(Module, *crease.Tensor, *crease.Tensor) *crease.Tensor) bool { return p == &f })
	})
}

func hook(m Module, add, drop func(*hooks)) (remove func()) {
	given("hook", m)
	if !reflect.TypeOf(m).Comparable() {
		panic(&ops.AttrError{Op: "hook", Reason: fmt.Sprintf("a %T cannot be told from others like it: hook a pointer to one", m)})
	}
	hooked.mu.Lock()
	defer hooked.mu.Unlock()
	if hooked.modules == nil {
		hooked.modules = map[Module]*hooks{}
	}
	h := hooked.modules[m]
	if h == nil {
		h = &hooks{}
		hooked.modules[m] = h
	}
	add(h)
	hooked.count.Add(1)
	return sync.OnceFunc(func() {
		hooked.mu.Lock()
		defer hooked.mu.Unlock()
		drop(h)
		if len(h.before)+len(h.after) == 0 {
			delete(hooked.modules, m)
		}
		hooked.count.Add(-1)
	})
}
