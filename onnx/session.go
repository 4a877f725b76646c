package onnx

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// Session is a model on a device, with its weights there. Calls take turns.
type Session struct {
	Model    *Model
	dev      *crease.Device
	mu       sync.Mutex
	eager    *frame
	programs map[string]*program
	// static are the inputs whose elements decide the graph: shapes, axes, conditions.
	static inputSet
	whole  bool // known values of any size are computed on the host
	limit  int
}

// Option changes a session.
type Option func(*Session)

// MaxBytes limits the size of one array, which is 4 GiB otherwise.
func MaxBytes(n int) Option { return func(s *Session) { s.limit = n } }

// program is a recording for one set of static inputs, of shapes and of types.
type program struct {
	compiled *crease.Compiled
	layout   []slot // how results are put together again
}

// slot describes an output of a recording: a tensor it returns, or a value that it knew.
type slot struct {
	elem   Elem
	absent bool
	list   []slot
	isList bool
}

// NewSession puts a model on a device.
func NewSession(m *Model, dev *crease.Device, opts ...Option) (*Session, error) {
	if err := m.Supported(); err != nil {
		return nil, err
	}
	s := &Session{Model: m, dev: dev, programs: map[string]*program{}, limit: maxResult}
	for _, o := range opts {
		o(s)
	}
	s.eager = s.frame(false)
	// Weights are read at once, so that a bad file is found here.
	err := try(func() {
		for name := range m.main.inits {
			s.eager.initial(name)
		}
	})
	return s, err
}

func (s *Session) frame(recording bool) *frame {
	b := &builder{dev: s.dev, recording: recording, limit: s.limit, foldAll: recording && s.whole, kept: map[*known]*crease.Tensor{}, static: s.static}
	left, inits := maxIterations, map[*pb.Tensor]ops.Value{}
	if s.eager != nil {
		inits = s.eager.inits // a recording has its own tensors of the same elements
	}
	return &frame{b: b, g: s.Model.main, values: map[string]ops.Value{}, left: map[string]int{},
		inits: inits, files: s.Model.files, budget: &left}
}

// Run runs the model node by node. Inputs are in the order of [Model.Inputs]; outputs, in
// that of [Model.Outputs], belong to the caller.
func (s *Session) Run(in ...Value) ([]Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.accept(in); err != nil {
		return nil, err
	}
	var out []Value
	err := try(func() {
		crease.NoGrad(func() {
			crease.Tidy(func() []*crease.Tensor {
				f := s.frameOfRun()
				results := f.run(s.bind(in, nil, nil))
				var made []*crease.Tensor
				for _, v := range results {
					out = append(out, f.give(v, in, &made))
				}
				return made
			})
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// frameOfRun shares the weights and nothing else with other runs.
func (s *Session) frameOfRun() *frame {
	f := *s.eager
	left := maxIterations
	f.values, f.left, f.budget = map[string]ops.Value{}, map[string]int{}, &left
	return &f
}

// accept checks the inputs against what the model declares.
func (s *Session) accept(in []Value) error {
	want := s.Model.Inputs()
	if len(in) != len(want) {
		names := make([]string, len(want))
		for i, d := range want {
			names[i] = d.Name
		}
		return fmt.Errorf("onnx: the model has %d inputs (%s), %d are given", len(want), strings.Join(names, ", "), len(in))
	}
	for i, d := range want {
		v := in[i]
		if v.Tensor == nil || d.Elem == Undefined {
			continue
		}
		if v.Type() != d.Elem {
			return fmt.Errorf("onnx: input %q is of %v, the model wants %v", d.Name, v.Type(), d.Elem)
		}
		if v.Tensor.Device() != s.dev {
			return &ops.UsageError{Op: "onnx", Reason: fmt.Sprintf("input %q is on device %s and the session on %s: move it with To", d.Name, v.Tensor.Device(), s.dev)}
		}
		if d.Shape == nil {
			continue
		}
		fits := len(d.Shape) == v.Tensor.Rank()
		for a := 0; fits && a < len(d.Shape); a++ {
			fits = d.Shape[a] < 0 || d.Shape[a] == v.Tensor.Dim(a)
		}
		if !fits {
			return fmt.Errorf("onnx: input %q has shape %v, the model wants %v (-1: any)", d.Name, v.Tensor.Shape(), d.Shape)
		}
	}
	return nil
}

// bind names the inputs. In a recording, tensors are those of the recorded function, and
// the elements of static inputs, in order, have been read before.
func (s *Session) bind(in []Value, args []*crease.Tensor, read []ops.Host) map[string]ops.Value {
	at := 0
	recording := args != nil || read != nil
	var wrap func(v Value, i int, static bool) ops.Value
	wrap = func(v Value, i int, static bool) ops.Value {
		switch {
		case v.IsList:
			l := &list{}
			for _, x := range v.Sequence {
				l.items = append(l.items, wrap(x, i, static))
			}
			return l
		case v.Tensor == nil:
			return nil
		case static:
			h := read[0]
			read = read[1:]
			return as(&known{host: h}, v.Type())
		}
		t := v.Tensor
		if recording {
			t, at = args[at], at+1
		}
		return as(&dense{t: t, from: inputBit(i)}, v.Type())
	}
	values := map[string]ops.Value{}
	for i, d := range s.Model.Inputs() {
		values[d.Name] = wrap(in[i], i, recording && s.static.has(i))
	}
	return values
}

// give makes a result the caller's.
func (f *frame) give(v ops.Value, in []Value, made *[]*crease.Tensor) Value {
	switch v := v.(type) {
	case nil:
		return Value{}
	case *narrow:
		out := f.give(v.Value, in, made)
		out.Elem = v.elem
		return out
	case *list:
		out := Value{IsList: true}
		for _, x := range v.items {
			out.Sequence = append(out.Sequence, f.give(x, in, made))
		}
		return out
	}
	t := f.b.tensor(v)
	if k, ok := v.(*known); ok && f.b.kept[k] != nil || isInput(t, in) || slices.Contains(*made, t) {
		t = t.Copy() // the session's or the caller's stays theirs
	}
	*made = append(*made, t)
	return Value{Tensor: t}
}

func isInput(t *crease.Tensor, in []Value) bool {
	for _, v := range in {
		if v.Tensor == t || isInput(t, v.Sequence) {
			return true
		}
	}
	return false
}

// Close frees the weights and the recordings.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.eager.b.kept {
		t.Free()
	}
	s.forget()
	s.eager = s.frame(false)
}
