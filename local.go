package crease

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/internal/goid"
)

// local is what crease keeps for a goroutine while it has anything to keep: the modes of
// NoGrad and Compile, and the running scopes, innermost last.
type local struct {
	id     uintptr
	noGrad int
	checks int // of running FindNaNs
	scopes []*Scope
	trace  *trace

	alone [1]*local // itself, and the list of a bucket that has no other
	list  []*local
}

// locals finds the local of a goroutine. Every op looks for it, so looking takes no lock:
// a bucket is a list that is never changed, only replaced.
type localTable struct {
	count   atomic.Int64
	mu      sync.Mutex // held while a list is replaced
	buckets [256]atomic.Pointer[[]*local]
}

var locals localTable

func (t *localTable) bucket(id uintptr) *atomic.Pointer[[]*local] {
	return &t.buckets[(id>>4^id>>12)%uintptr(len(t.buckets))]
}

func (t *localTable) find(id uintptr) *local {
	if list := t.bucket(id).Load(); list != nil {
		for _, l := range *list {
			if l.id == id {
				return l
			}
		}
	}
	return nil
}

func (t *localTable) add(l *local) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(l.id)
	if old := b.Load(); old != nil {
		l.list = append(slices.Clone(*old), l)
	} else {
		l.alone[0] = l
		l.list = l.alone[:]
	}
	b.Store(&l.list)
	t.count.Add(1)
}

func (t *localTable) remove(l *local) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(l.id)
	if old := *b.Load(); len(old) == 1 {
		b.Store(nil)
	} else {
		list := slices.DeleteFunc(slices.Clone(old), func(o *local) bool { return o == l })
		b.Store(&list)
	}
	t.count.Add(-1)
}

// state is the goroutine's local, nil when it has none.
func state() *local {
	if locals.count.Load() == 0 {
		return nil
	}
	return locals.find(goid.ID())
}

// enter is the goroutine's local, made where it has none. leave, which must be called,
// takes it away with the outermost call: goroutine identities are used again.
func enter() (l *local, leave func()) {
	if l = state(); l != nil {
		return l, func() {}
	}
	l = &local{id: goid.ID()}
	locals.add(l)
	return l, func() { locals.remove(l) }
}

// recording reports whether ops on tensors that require gradients are recorded.
func (l *local) recording() bool { return l == nil || l.noGrad == 0 }

// tracing is the function that is being recorded by Compile, or nil.
func (l *local) tracing() *trace {
	if l == nil {
		return nil
	}
	return l.trace
}

func recording() bool { return state().recording() }

func tracing() *trace { return state().tracing() }
