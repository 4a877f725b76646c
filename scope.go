package crease

import "sync"

// Scope frees the tensors made in it. It is [Tidy] as a value: it may be used by several
// goroutines, one after the other or at once, and ends when Free is called.
//
//	s := crease.NewScope()
//	defer s.Free()
//	go s.Do(func() { ... })
//
// What runs in a scope has the modes of the goroutine that made the scope: whether
// gradients are recorded, and into which function that is being compiled.
type Scope struct {
	noGrad bool
	trace  *trace

	mu   sync.Mutex
	made []*Tensor // nil where one was taken out
	done bool
}

// NewScope returns a scope with the modes of the calling goroutine.
func NewScope() *Scope {
	l := state()
	return &Scope{noGrad: !l.recording(), trace: l.tracing()}
}

// WithoutGrad makes what runs in the scope record no gradients, as in [NoGrad].
func (s *Scope) WithoutGrad() *Scope {
	s.noGrad = true
	return s
}

// Do runs f in the scope, on the calling goroutine.
func (s *Scope) Do(f func()) {
	l, leave := enter()
	defer leave()
	old := *l
	defer func() {
		l.noGrad, l.trace, l.scopes = old.noGrad, old.trace, l.scopes[:len(old.scopes)]
	}()
	l.trace = s.trace
	if l.noGrad = 0; s.noGrad {
		l.noGrad = 1
	}
	l.scopes = append(l.scopes, s)
	f()
}

// Free frees what was made in the scope, but for tensors that were kept
// ([Tensor.Keep]) and gradients on leaves. Later tensors are freed by nobody.
func (s *Scope) Free() { s.end(nil, nil) }

// NoGrad runs f without recording: nothing made in it requires a gradient. It concerns
// the calling goroutine; see [Scope] for others.
func NoGrad(f func()) {
	l, leave := enter()
	defer leave()
	l.noGrad++
	defer func() { l.noGrad-- }()
	f()
}

// recordAgain has the goroutine record gradients, inside NoGrad too, until done is called.
func recordAgain() (l *local, done func()) {
	l, leave := enter()
	old := l.noGrad
	l.noGrad = 0
	return l, func() {
		l.noGrad = old
		leave()
	}
}

// Tidy runs f and frees every tensor made in it, except those it returns, those
// given to [Tensor.Keep], and the gradients on leaves. Values that are saved for a
// later Backward live on until then. It concerns the calling goroutine; see [Scope] for
// others.
func Tidy(f func() []*Tensor) (out []*Tensor) {
	l, leave := enter()
	defer leave()
	s := &Scope{}
	l.scopes = append(l.scopes, s)
	defer func() {
		l.scopes = l.scopes[:len(l.scopes)-1]
		s.end(l, out)
	}()
	return f()
}

// Tidy1 is Tidy for a function of one result, which may be nil.
func Tidy1(f func() *Tensor) *Tensor {
	return Tidy(func() []*Tensor { return []*Tensor{f()} })[0]
}

// end frees what was made; what is returned belongs to the scope around.
func (s *Scope) end(l *local, out []*Tensor) {
	for _, t := range out {
		if t != nil && t.scope == s {
			t.leave()
			if l != nil {
				t.join(l)
			}
		}
	}
	s.mu.Lock()
	made := s.made
	s.made, s.done = nil, true
	s.mu.Unlock()
	for _, t := range made {
		if t != nil {
			t.scope = nil
			t.release()
		}
	}
}

// join puts a tensor under the innermost scope.
func (t *Tensor) join(l *local) {
	if l == nil || len(l.scopes) == 0 {
		return
	}
	s := l.scopes[len(l.scopes)-1]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	t.scope, t.at = s, len(s.made)
	s.made = append(s.made, t)
}

// leave takes a tensor out of its scope.
func (t *Tensor) leave() {
	s := t.scope
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.at < len(s.made) && s.made[t.at] == t {
		s.made[t.at] = nil
	}
	t.scope = nil
}

// Keep takes the tensor out of every running Tidy: it lives until it is freed or
// unreachable.
func (t *Tensor) Keep() *Tensor {
	t.handle("keep")
	t.leave()
	return t
}
